"""Restarts: where a search among neighbours of the best finds nothing better any more, it begins anew elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture

Values = tuple[float, ...]
"""Values of one evaluation, more is better."""


class Progress:
    """The best values so far, and how many evaluations in a row did not improve on them.

    Example:
        >>> progress = Progress()
        >>> [progress.add(values) for values in ((1.0,), (0.5,), None, (2.0,), (2.0,))], progress.fruitless
        ([True, False, False, True, False], 1)
    """

    def __init__(self) -> None:
        self._front: list[Values] = []  # values that no others dominate
        self.fruitless = 0
        """Evaluations since the last that joined the front."""

    def add(self, values: Values | None) -> bool:
        """Whether an evaluation improves on what was known; one that failed does not."""
        improved = values is not None and not any(
            all(own <= other for own, other in zip(values, others, strict=True)) for others in self._front
        )
        if improved and values is not None:
            rest = [each for each in self._front if any(other > own for own, other in zip(values, each, strict=True))]
            self._front = [*rest, values]
        self.fruitless = 0 if improved else self.fruitless + 1
        return improved


class Restarts:
    """When a search begins anew: after so many evaluations in a row without a new best of those since it last began.

    What is known stays known; only the parents, whose neighbours are looked at, are those of the latest beginning. So a
    search that sits on a local optimum climbs from somewhere else (as restarted local search does; Lourenço et al.,
    2003, "Iterated local search").

    Args:
        patience: the number of evaluations; 0 for never.
        design: evaluations of an initial design, which are not for improving on each other.

    Example:
        >>> restarts = Restarts(patience=2)
        >>> for value in (1.0, 3.0, 2.0, 2.0, 1.0):
        ...     restarts.learn((value,), asked=5)
        >>> restarts.began
        4
    """

    def __init__(self, patience: int, design: int = 0) -> None:
        self.patience, self.design = patience, design
        self.began = 0
        """Evaluations before the latest beginning."""
        self._asked = 0  # architectures that were asked for before it
        self._told = 0
        self._progress = Progress()

    def learn(self, values: Values | None, asked: int) -> None:
        """Takes note of the next evaluation.

        Args:
            values: what it gave.
            asked: architectures asked for so far; what is still under way then belongs to the time before a restart.
        """
        self._told += 1
        self._progress.add(values)
        if self._told <= self.design:
            self._progress.fruitless = 0
        if self.patience and self._progress.fruitless >= self.patience:
            self.began, self._asked, self._progress = self._told, asked, Progress()

    def since(
        self, known: Mapping[int, Architecture], evaluations: Mapping[Architecture, Evaluation]
    ) -> list[Architecture]:
        """Those that were asked for since the latest beginning, and gave values.

        Args:
            known: all that were asked for, in order.
            evaluations: what they gave.
        """
        late = (arch for arch in islice(known.values(), self._asked, None) if arch in evaluations)
        return [arch for arch in late if evaluations[arch].values is not None]
