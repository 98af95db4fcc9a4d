"""Configuration of a prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from archllm.errors import InvalidInput

Kind = Literal["code", "text", "marginal"]
Format = Literal["numbers", "tokens"]
Tuning = Literal["lora", "full"]
Keep = Literal["best", "last"]

UNCONDITIONED = -1
"""The bin of a condition that is not known, or not asked for."""


@dataclass(frozen=True)
class PriorConfig:
    """What the prior is made of and how it is trained."""

    kind: Kind = "code"
    """`code` is a causal language model trained from scratch, `text` a pre-trained one that writes the codes as text;
    `marginal` draws each position on its own (a floor)."""

    width: int = 96
    """Features per position (`code`)."""

    layers: int = 3
    """Transformer layers (`code`)."""

    heads: int = 4
    """Attention heads per layer (`code`)."""

    base: str = ""
    """The pre-trained model of `text`: its folder, a GGUF file, or its name on the hub."""

    pretrained: bool = True
    """Start `text` from the weights of `base`; otherwise from random ones, to see what the pre-training gives."""

    format: Format = "numbers"
    """How `text` writes codes: as decimal `numbers`, or as new `tokens`, one for each code."""

    tuning: Tuning = "lora"
    """Train low-rank adapters of the linear layers and the words in use (`lora`), or all weights (`full`)."""

    rank: int = 16
    """Rank of the adapters."""

    accumulation: int = 1
    """Parts in which a batch is worked through, one after the other, to save memory."""

    buckets: int = 64
    """Buckets into which the values of each condition are sorted, at most."""

    marginals: bool = False
    """Start from how often each code occurs at each position, and learn what departs from it (`code`)."""

    soft_targets: bool = True
    """Train each prefix towards the shares of all codes that follow it in the training set, not just one of them."""

    steps: int = 1200
    """Most optimiser steps; training stops earlier when the validation likelihood stops improving (`keep`)."""

    batch: int = 512
    """Sequences per step."""

    learning_rate: float = 3e-3
    """Peak learning rate of AdamW."""

    weight_decay: float = 0.01
    """Decoupled weight decay."""

    dropout: float = 0.0
    """Share of attention weights that are dropped in training (`code`)."""

    validation: float = 0.02
    """Share of the training cells that is kept aside to decide when to stop; not the held-out cells."""

    keep: Keep = "best"
    """Which weights to keep: the latest that validation can't tell from the `best`, or those of the `last` step."""

    patience: int = 8
    """Validations in a row that are clearly worse than the best, after which to stop, unless the last weights are kept;
    there are 12, or 6 of `text`."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InvalidInput(f"prior.kind must be one of {', '.join(get_args(Kind))}, got {self.kind!r}")
        for name, choices in (("format", Format), ("tuning", Tuning), ("keep", Keep)):
            if getattr(self, name) not in get_args(choices):
                known = ", ".join(get_args(choices))
                raise InvalidInput(f"prior.{name} must be one of {known}, got {getattr(self, name)!r}")
        if (self.kind == "text") != bool(self.base):
            raise InvalidInput("prior.base names the pre-trained model of prior.kind text, and of no other")
        if not self.pretrained and self.tuning == "lora":
            raise InvalidInput(
                "adapters of random weights learn little; prior.pretrained false needs prior.tuning full"
            )
        for name in ("width", "layers", "heads", "steps", "batch", "patience", "rank", "accumulation", "buckets"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"prior.{name} must be at least 1, got {getattr(self, name)}")
        if self.accumulation > self.batch:
            raise InvalidInput(f"prior.accumulation can't exceed prior.batch, got {self.accumulation}, {self.batch}")
        if self.width % (2 * self.heads):
            raise InvalidInput(f"prior.width must be an even multiple of prior.heads, got {self.width}, {self.heads}")
        if not 0 < self.learning_rate < math.inf:
            raise InvalidInput(f"prior.learning_rate must be positive and finite, got {self.learning_rate}")
        if not 0 < self.validation < 1:
            raise InvalidInput(f"prior.validation must lie between 0 and 1, got {self.validation}")
        for name in ("weight_decay", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidInput(f"prior.{name} must be 0 to below 1, got {getattr(self, name)}")


def check_draws(n: int, temperature: float) -> None:
    """Makes sure that `n` draws at that temperature can be made.

    Raises:
        InvalidInput: `n` is below 1 or the temperature is not positive and finite.
    """
    if n < 1:
        raise InvalidInput(f"n must be at least 1, got {n}")
    if not 0 < temperature < math.inf:
        raise InvalidInput(f"temperature must be positive and finite, got {temperature}")


def check_guidance(strength: float) -> None:
    """Makes sure that a strength of guidance can be used.

    Raises:
        InvalidInput: it is not positive and finite.
    """
    if not 0 < strength < math.inf:
        raise InvalidInput(f"guidance must be positive and finite, got {strength}")
