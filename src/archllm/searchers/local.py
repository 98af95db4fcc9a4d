"""Local search: climb to better neighbours, start again at the top (White et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from archllm.config import Bounds, Settings
from archllm.objectives.evaluation import Evaluation
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.pareto import non_dominated
from archllm.spaces import Architecture


@dataclass(frozen=True)
class LocalOptions(Settings):
    """Options of local search.

    Example:
        >>> LocalOptions().initial
        10
    """

    initial: Annotated[int, Bounds(1)] = 10
    """Random members that are evaluated first; the climb starts at the best of them."""


class LocalSearch(Searcher):
    """Asks for random neighbours of the best of a climb and goes to the first that is better.

    When all neighbours are known, a new climb starts at a random member. With several objectives the best are the
    non-dominated members of the climb (Pareto local search, Paquete et al., 2004).

    Example:
        >>> from archllm.objectives.evaluation import Evaluation
        >>> from archllm.searchers.domain import Domain
        >>> from archllm.spaces import load_space
        >>> searcher = LocalSearch(Domain(load_space("nasbench201")), seed=0)
        >>> for _ in range(20):
        ...     (arch,) = searcher.ask()
        ...     searcher.tell({arch: Evaluation(-float(arch.params))})  # fewer parameters are better here
        >>> len(searcher.evaluations)
        20
    """

    name = "local"
    options_class = LocalOptions
    options: LocalOptions

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        super().__init__(domain, seed, objectives, options)
        self._front: list[Architecture] = []
        self._learned = 0

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        if len(self.known) < self.options.initial:
            return self._random(rng)
        for at in rng.permutation(len(self._front)):
            new = self._unknown(self.domain.neighbours(self._front[at]))
            if new:
                return new[int(rng.integers(len(new)))]
        return self._random(rng)

    def _learn(self, arch: Architecture, evaluation: Evaluation) -> None:
        """Joins the climb with an architecture in its reach; one out of reach may start the next climb."""
        self._learned += 1
        if evaluation.values is None:
            return
        joined = [*self._front, arch]
        front = [joined[at] for at in np.flatnonzero(non_dominated(self._values(joined)))]
        beyond = self._learned > self.options.initial and not self._in_reach(arch)
        if beyond and self._front and (front == [arch] or self._at_the_top()):
            front = [arch]
        elif beyond and self._front:
            front = self._front  # it came in late, from an earlier climb
        self._front = front

    def _in_reach(self, arch: Architecture) -> bool:
        return any(arch in self.domain.neighbours(best) for best in self._front)

    def _at_the_top(self) -> bool:
        """Whether there is nothing left to try around the best."""
        return not any(self._unknown(self.domain.neighbours(best)) for best in self._front)
