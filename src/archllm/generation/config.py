"""Settings of a generator: what a training of it gives, what is drawn from it, how it is measured."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Annotated

from archllm.config import Bounds, Option, Positive, Seed, Settings, Share
from archllm.errors import InvalidInput
from archllm.prior.config import PriorConfig
from archllm.tokenizer.config import TokenizerConfig

CONDITION_NAME = re.compile(r"[A-Za-z_][\w.@-]*")
"""What a condition can be called."""

_FEWEST = 150  # steps below which a tokenizer of the smallest space is not learned

Requirements = Annotated[tuple[str, ...], Option("EXPR", each=True)]
"""Requirements on architectures, such as `params <= 1e6`; see `archllm.conditional.requirements`."""

Temperature = Annotated[float, Positive]
"""What the prior's logits are divided by."""


@dataclass(frozen=True)
class TrainConfig(Settings):
    """All that decides, with the seed, what a training gives.

    Example:
        >>> TrainConfig(split=0.5).scaled(2.0).prior.steps
        2400
    """

    split: Annotated[float, Share] = 0.9
    """Share of the architectures to train on; the others are held out."""

    corpus: Annotated[str, Option("FILE")] = ""
    """A list of architectures whose distribution is learned, in place of the uniform one of the space: CSV or Parquet
    with a column `architecture`, or text with one a line. What holds no member, and repeats, are counted and left
    out."""

    start: Annotated[str, Option("RUN")] = ""
    """A run of the same space to begin with: its tokenizer is taken over, and its prior goes on learning, from the
    corpus."""

    cells: Annotated[int, Bounds(1)] = 600_000
    """Training architectures to draw where the space is too large to enumerate, and there is no corpus."""

    permutations: Annotated[int, Bounds(1)] = 1
    """Random node permutations in which each training architecture is written; 1 keeps the canonical order."""

    conditions: Annotated[tuple[str, ...], Option("KEY", name="condition", each=True)] = ()
    """What `sample --where` can ask for: params, macs, or a column of a table, such as cifar10, as NAME or
    NAME=TABLE/COLUMN; may be repeated."""

    labels: Annotated[int, Bounds(0)] = 0
    """Training architectures whose values in tables are looked up, chosen at random; the others' are predicted. 0 is
    all."""

    levels: Annotated[int, Bounds(2)] = 20
    """Quantile bins of a condition from a table, at most: a few labels tell no more apart, and the last bin is the top
    5 %. Counted conditions have `prior.bins`."""

    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """The tokenizer."""

    prior: PriorConfig = field(default_factory=PriorConfig)
    """The prior."""

    @property
    def condition_names(self) -> tuple[str, ...]:
        """What the conditions are called in requirements: `acc` for `acc=mine.csv/accuracy`, else as it is."""
        return tuple(text.partition("=")[0] for text in self.conditions)

    @property
    def yardstick(self) -> str:
        """What ln(size) is to a likelihood.

        It is the ideal of a prior of the whole space; for a corpus, what uniform draws need, which a prior that learned
        it stays below.
        """
        return "uniform draws" if self.corpus else "ideal"

    def _check_together(self) -> None:
        if self.start and (not self.corpus or self.conditions):
            raise InvalidInput("start is the run that learns a corpus; name one (corpus), and no condition")
        names = self.condition_names
        for name in names:
            if names.count(name) > 1:
                raise InvalidInput(f"the condition {name} is named twice")
            if not CONDITION_NAME.fullmatch(name):
                raise InvalidInput(
                    f"{name!r} can't be the name of a condition; write NAME or NAME=TABLE/COLUMN, with letters, digits "
                    "and _ . @ - in NAME"
                )

    def scaled(self, factor: float) -> TrainConfig:
        """The same with all training steps multiplied, but not cut down to so few that nothing is learned."""

        def steps(planned: int) -> int:
            return max(round(planned * factor), min(planned, _FEWEST))

        return replace(
            self,
            tokenizer=replace(self.tokenizer, steps=steps(self.tokenizer.steps)),
            prior=replace(self.prior, steps=steps(self.prior.steps)),
        )


@dataclass(frozen=True, kw_only=True)
class SamplingOptions(Settings):
    """What is drawn from a generator.

    Example:
        >>> SamplingOptions(n=100, where="params <= 1e6").most_draws
        15000
    """

    n: Annotated[int, Bounds(1), Option("N", short="-n")]
    """How many architectures."""

    temperature: Temperature = 1.0
    """Sampling temperature; 1 draws from the model itself."""

    seed: Seed = 0
    """Seed of the draws."""

    raw: bool = False
    """Return exactly N draws as they come, repeats and invalid ones included (printed as `-`, in JSON null)."""

    novel: bool = False
    """Leave out members of the training set."""

    max_draws: Annotated[int | None, Bounds(1), Option("INT")] = None
    """Most code sequences to draw; by default 50 for each architecture asked for, and 10,000 more."""

    where: Requirements = ()
    """Requirements, such as "params in [0.4e6, 0.6e6]" or "cifar10 >= 93"; may be repeated. Conditions that the run was
    trained on steer the draws; params and macs, those of the
    full-size network of the space's paper, are checked as well."""

    guidance: Annotated[float, Positive] = 1.0
    """How strongly requirements steer: 1 draws from the conditional distribution, more exaggerates them."""

    @property
    def most_draws(self) -> int:
        """Code sequences to draw at most."""
        return 50 * self.n + 10_000 if self.max_draws is None else self.max_draws

    def _check_together(self) -> None:
        if self.raw and (self.novel or self.max_draws is not None):
            raise InvalidInput("raw returns every draw; it can't be joined with novel or max_draws")


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(Settings):
    """How a generator is measured.

    Example:
        >>> EvaluationOptions(n=100).temperature
        1.0
    """

    n: Annotated[int, Bounds(1), Option("N", short="-n")] = 1000
    """Draws per seed."""

    seeds: tuple[Seed, ...] = (0, 1, 2)
    """Seeds of the draws; each draws N."""

    temperature: Temperature = 1.0
    """Sampling temperature; 1 draws from the model itself."""

    def _check_together(self) -> None:
        if not self.seeds:
            raise InvalidInput("at least one seed is needed")
        if len(set(self.seeds)) < len(self.seeds):
            raise InvalidInput(f"each seed must be named once, got {' '.join(map(str, self.seeds))}")
