"""Options of the search by sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archllm.errors import InvalidInput
from archllm.searchers.learned_features import Kind
from archllm.searchers.options import Options


@dataclass(frozen=True)
class SequenceOptions(Options):
    """Options of the search by sequences; every ingredient can be left out."""

    run: str = ""
    """Run folder of a trained generator; without one, a generator is trained when it is first needed."""

    steps: int = 0
    """Optimiser steps of that training, which then sees 1,000 members; 0 stands for what is recommended."""

    start: Literal["large", "spread", "random"] = "large"
    """What is evaluated first, of the generator's draws: very different ones among the `largest`, or among all of them
    (`spread`, or where there are several objectives), or any (`random`)."""

    initial: int = 5
    """How many are evaluated before anything is learned."""

    largest: float = 0.03
    """Share of the draws that `start` `large` chooses from, by parameters that have an effect."""

    anchor: bool = True
    """Whether, with `start` `large` and one objective, a member that computes nothing counts as the worst without being
    evaluated: its output does not depend on its input."""

    learn: bool = True
    """Whether the generator learns from scores; otherwise its draws stay what they are."""

    every: int = 10
    """Observations after which it learns anew."""

    labels: Literal["predicted", "observed"] = "predicted"
    """Whether sequences that were not evaluated are replayed with what the predictor expects of them, or untold."""

    teaching: int = 40
    """Optimiser steps of each learning."""

    replay: int = 20_000
    """Draws of the untaught generator: they are replayed, and stay candidates."""

    draws: int = 2_000
    """Draws of the taught generator for each round of candidates."""

    guidance: float = 1.5
    """How strongly the level of performance that is asked for counts."""

    parents: int = 5
    """Best architectures whose neighbours are candidates, too."""

    candidates: Literal["drawn", "all"] = "drawn"
    """Whether the predictor ranks what was drawn, or all members of a domain that can be listed."""

    predictor: Literal["gaussian", "ensemble", "both", "none"] = "gaussian"
    """What ranks the candidates; with `none`, they are evaluated as they are drawn."""

    features: Kind = "embedding+free"
    """What the predictor sees: the tokenizer's embedding, what is free to know, both, or features made by hand."""

    trust: float = 0.05
    """Weight that a Gaussian process expects of the embedding, against 1 of what is free to know; scores move it."""

    target: Literal["rank+score", "rank", "score", "log_regret"] = "rank+score"
    """What it predicts of a score: the normal score of its `rank`, the `score` itself, `log_regret`, or two of them by
    a predictor each, whose bounds are averaged."""

    trend: bool = True
    """Whether a Gaussian process follows trends of what is free to know, such as size, beyond what was seen."""

    exploration: float = 1.0
    """Weight of the standard deviation in the upper confidence bound, mean + weight x deviation."""

    spread: bool = True
    """Whether pending architectures count as evaluated, with the expected score, so that a batch is spread."""

    cheap: tuple[str, ...] = ()
    """Objectives that cost little, such as `proxy:synflow` or the column of a short training: bought for the most
    promising candidates, and one more feature each. What they cost counts as a cost of the search."""

    shortlist: int = 20
    """Most promising candidates for which they are bought, before each choice."""

    def __post_init__(self) -> None:
        self._text("run")
        self._whole("steps", 0)
        self._choice("start", ("large", "spread", "random"))
        for name in ("initial", "every", "teaching", "draws", "shortlist"):
            self._whole(name, 1, 1_000_000)
        self._whole("replay", 10, 1_000_000)
        self._number("largest", 1e-6, 1)
        self._choice("labels", ("predicted", "observed"))
        self._number("guidance", 0.01, 100)
        self._whole("parents", 0, 1_000)
        self._choice("candidates", ("drawn", "all"))
        self._choice("predictor", ("gaussian", "ensemble", "both", "none"))
        self._choice("features", ("embedding+free", "embedding", "free", "hand"))
        self._choice("target", ("rank+score", "rank", "score", "log_regret"))
        self._number("trust", 1e-6, 100)
        self._number("exploration", 0, 100)
        for name in ("anchor", "learn", "trend", "spread"):
            self._flag(name)
        self._texts("cheap")
        if self.predictor == "none" and self.cheap:
            raise InvalidInput("cheap scores are features of the predictor, and predictor is none")
        if self.predictor == "none" and self.labels == "predicted" and self.learn:
            raise InvalidInput("without a predictor nothing can be predicted; set labels to observed")
