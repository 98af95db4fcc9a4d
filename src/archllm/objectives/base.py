"""Objective: where the score of an architecture comes from."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from archllm.errors import ArchLLMError, EvaluationFailed, InvalidInput
from archllm.graphs import Graphs
from archllm.objectives.evaluation import Direction, Evaluation, combined
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.base import check_same_space


class Objective(ABC):
    """A score for every architecture of one space.

    Example:
        >>> from archllm.spaces import load_space
        >>> class Length(Objective):
        ...     spec, direction = "length", "minimise"
        ...
        ...     def __init__(self, space):
        ...         self.space = space
        ...
        ...     def _evaluate(self, arch):
        ...         return Evaluation(len(arch.text))
        >>> space = load_space("nasbench201")
        >>> Length(space).evaluate(space.parse("0")).value
        95
    """

    spec: str
    """The text that stands for it on the command line, such as `train:digits`."""

    space: SearchSpace
    """The space whose architectures it scores."""

    direction: Direction
    """Which scores are better."""

    time_limit: float | None = None
    """Seconds that an evaluation may take; who runs evaluations in processes of their own stops one that takes longer.
    `None` for no limit."""

    records_cost: bool = True
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
            return Evaluation(None, failure=str(error), cost=error.cost)
        if found.values is not None and len(found.values) != 1:
            failure = f"an objective gives one score, got {len(found.values)}"
            return Evaluation(None, found.metrics, cost=found.cost, failure=failure)
        if found.value is None or math.isfinite(found.value):
            return found
        return Evaluation(None, found.metrics, cost=found.cost, failure=f"the score is {found.value}")

    @abstractmethod
    def _evaluate(self, arch: Architecture) -> Evaluation:
        """`evaluate` for an architecture of the space.

        Raises:
            EvaluationFailed: it gets no score.
        """


def evaluate_all(
    objectives: Sequence[Objective], arch: Architecture, begin: Callable[[int], None] | None = None
) -> Evaluation:
    """Scores an architecture with each objective in turn; after one that fails, the rest would be wasted.

    Args:
        objectives: the objectives.
        arch: the architecture.
        begin: told the number of each objective before it is asked.

    Raises:
        ArchLLMError: an objective can't work at all, whatever the architecture, as when its data is gone.
    """
    found: list[Evaluation] = []
    for number, objective in enumerate(objectives):
        if begin is not None:
            begin(number)
        try:
            found.append(objective.evaluate(arch))
        except ArchLLMError:
            raise
        except Exception as error:  # noqa: BLE001 - what is paid for is kept, and the search goes on
            found.append(Evaluation(None, failure=f"{type(error).__name__}: {error}"))
        if found[-1].value is None:
            break
    return combined([objective.spec for objective in objectives], found)
