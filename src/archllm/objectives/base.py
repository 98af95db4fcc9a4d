"""Objective: where the score of an architecture comes from; Evaluation: one score, and what it cost."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal

from archllm.errors import EvaluationFailed, InvalidInput
from archllm.graphs import Graphs
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.base import check_same_space


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found."""

    architecture: Architecture
    """What was evaluated."""

    value: float | None
    """The score, finite, as the objective counts it; `None` if the evaluation failed."""

    metrics: dict[str, float] = field(default_factory=dict)
    """Further figures that a searcher may look at."""

    test: dict[str, float] = field(default_factory=dict)
    """Figures on data that no searcher may see; reports show those of the architecture that was chosen."""

    cost: float = 0.0
    """Seconds that it took, or would have taken where the score was looked up."""

    curve: tuple[float, ...] = ()
    """Validation score after each epoch, where there are epochs."""

    failure: str | None = None
    """Why there is no score."""


class Objective(ABC):
    """A score for every architecture of one space."""

    spec: str
    """The text that stands for it on the command line, such as `train:digits`."""

    space: SearchSpace
    """The space whose architectures it scores."""

    direction: Literal["maximise", "minimise"]
    """Which scores are better."""

    time_limit: float | None = None
    """Seconds that an evaluation may take; who runs evaluations in processes of their own stops one that takes longer.
    `None` for no limit."""

    priced: bool = True
    """Whether the cost of its evaluations is known; where it is not, they say that it is 0."""

    foreign: bool = False
    """Whether it runs code of a user's, which may hang or end the process: it is better run in one of its own."""

    def pool(self) -> Graphs | None:
        """The members that have a score, where others are known to have none; `None` where any may be tried."""
        return None

    def evaluate(self, arch: Architecture) -> Evaluation:
        """Scores one architecture; an architecture without a score gives a failed evaluation with the reason.

        Raises:
            InvalidInput: the architecture is of another space.
        """
        try:
            check_same_space(self.space, arch.space)
        except InvalidInput as error:
            raise InvalidInput(f"{self.spec} scores architectures of {self.space.name}: {error}") from error
        try:
            found = self._evaluate(arch)
        except EvaluationFailed as error:
            return Evaluation(arch, None, failure=str(error), cost=error.cost)
        if found.value is None or math.isfinite(found.value):
            return found
        return Evaluation(arch, None, found.metrics, cost=found.cost, failure=f"the score is {found.value}")

    @abstractmethod
    def _evaluate(self, arch: Architecture) -> Evaluation:
        """`evaluate` for an architecture of the space.

        Raises:
            EvaluationFailed: it gets no score.
        """
