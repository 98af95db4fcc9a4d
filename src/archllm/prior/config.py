"""Configuration of a prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from archllm.config import Bounds, Positive, Settings, Share, checked_value
from archllm.errors import InvalidInput

Kind = Literal["code", "text", "marginal"]
Format = Literal["numbers", "tokens"]
Tuning = Literal["lora", "full"]
Keep = Literal["best", "last"]

UNCONDITIONED = -1
"""The bin of a condition that is not known, or not asked for."""


@dataclass(frozen=True)
class PriorConfig(Settings):
    """What the prior is made of and how it is trained.

    Example:
        >>> PriorConfig(unigram_init=True, steps=400).bins
        64
    """

    section = "prior"

    kind: Kind = "code"
    """`code` is a causal language model trained from scratch, `text` a pre-trained one that writes the codes as text;
    `marginal` draws each position on its own (a floor)."""

    width: Annotated[int, Bounds(1)] = 96
    """Features per position (`code`)."""

    layers: Annotated[int, Bounds(1)] = 3
    """Transformer layers (`code`)."""

    heads: Annotated[int, Bounds(1)] = 4
    """Attention heads per layer (`code`)."""

    base: str = ""
    """The pre-trained model of `text`: its folder, a GGUF file, or its name on the hub."""

    pretrained: bool = True
    """Start `text` from the weights of `base`; otherwise from random ones, to see what the pre-training gives."""

    format: Format = "numbers"
    """How `text` writes codes: as decimal `numbers`, or as new `tokens`, one for each code."""

    tuning: Tuning = "lora"
    """Train low-rank adapters of the linear layers and the words in use (`lora`), or all weights (`full`)."""

    rank: Annotated[int, Bounds(1, 4_096)] = 16
    """Rank of the adapters."""

    accumulation: Annotated[int, Bounds(1)] = 1
    """Parts in which a batch is worked through, one after the other, to save memory."""

    bins: Annotated[int, Bounds(1, 4_096)] = 64
    """Quantile bins of the values of each condition, at most."""

    unigram_init: bool = False
    """Output-bias initialisation: start from the unigram distribution of each position and learn the rest (`code`)."""

    soft_targets: bool = True
    """Train each prefix towards the empirical next-token distribution of the training set, not one-hot targets."""

    steps: Annotated[int, Bounds(1)] = 1200
    """Most optimiser steps; training stops earlier when the validation likelihood stops improving (`keep`)."""

    batch: Annotated[int, Bounds(1)] = 512
    """Sequences per step."""

    learning_rate: Annotated[float, Positive] = 3e-3
    """Peak learning rate of AdamW."""

    weight_decay: Annotated[float, Bounds(0, below=1)] = 0.01
    """Decoupled weight decay."""

    dropout: Annotated[float, Bounds(0, below=1)] = 0.0
    """Share of attention weights that are dropped in training (`code`)."""

    validation: Annotated[float, Share] = 0.02
    """Share of the training cells that is kept aside to decide when to stop; not the held-out cells."""

    keep: Keep = "best"
    """Which weights to keep: the latest that validation can't tell from the `best`, or those of the `last` step."""

    patience: Annotated[int, Bounds(1)] = 8
    """Validations in a row that are clearly worse than the best, after which to stop, unless the last weights are kept;
    there are 12, or 6 of `text`."""

    def _check_together(self) -> None:
        if (self.kind == "text") != bool(self.base):
            raise InvalidInput("prior.base names the pre-trained model of prior.kind text, and of no other")
        if not self.pretrained and self.tuning == "lora":
            raise InvalidInput(
                "adapters of random weights learn little; prior.pretrained false needs prior.tuning full"
            )
        if self.accumulation > self.batch:
            raise InvalidInput(f"prior.accumulation can't exceed prior.batch, got {self.accumulation}, {self.batch}")
        if self.width % (2 * self.heads):
            raise InvalidInput(f"prior.width must be an even multiple of prior.heads, got {self.width}, {self.heads}")


def check_draws(n: int, temperature: float, guidance: float = 1.0) -> None:
    """Makes sure that so many sequences can be drawn that way.

    Raises:
        InvalidInput: `n` is below 1, or the temperature or the guidance is not positive and finite.
    """
    checked_value(n, Annotated[int, Bounds(1)], "n")
    checked_value(temperature, Annotated[float, Positive], "temperature")
    checked_value(guidance, Annotated[float, Positive], "guidance")
