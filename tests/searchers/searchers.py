"""A searcher of the tests' own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from archllm.objectives.evaluation import Evaluation
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.spaces import Architecture, SearchSpace


class Blind(Searcher):
    """Draws at random, and remembers all that it asked for and was told.

    Args:
        space: the space.
        seed: of the draws.
        limit: architectures after which it has nothing more to ask for.
    """

    name = "blind"

    def __init__(self, space: SearchSpace, seed: int = 0, limit: int | None = None, objectives: int = 1) -> None:
        super().__init__(_domain(space), seed, objectives)
        self.limit = limit
        self.asked: list[Architecture] = []
        self.told: dict[Architecture, Evaluation] = {}

    def ask(self, n: int = 1) -> list[Architecture]:
        found = super().ask(n)
        self.asked += found
        return found

    def tell(self, evaluations: Mapping[Architecture, Evaluation]) -> None:
        super().tell(evaluations)
        self.told |= evaluations

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        return None if self.limit is not None and len(self.known) >= self.limit else self._random(rng)


@cache
def _domain(space: SearchSpace) -> Domain:
    return Domain(space)
