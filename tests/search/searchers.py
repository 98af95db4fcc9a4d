"""Searchers of the tests' own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from archllm.search.base import Searcher
from archllm.search.domain import Domain
from archllm.search.observation import Observation
from archllm.spaces import Architecture, SearchSpace


class Blind(Searcher):
    """Draws at random and remembers all that it is told."""

    name = "blind"

    def __init__(self, space: SearchSpace, seed: int = 0, limit: int | None = None) -> None:
        self.domain, self.seed, self.limit = Domain(space), seed, limit
        self.taken: set[int] = set()
        self.asked: list[Architecture] = []
        self.told: list[Observation] = []

    def ask(self, n: int = 1) -> list[Architecture]:
        found: list[Architecture] = []
        while len(found) < n and (self.limit is None or len(self.taken) < self.limit):
            rng = np.random.default_rng([self.seed, len(self.taken)])
            arch = self.domain.space.architecture(self.domain.space.sample(1, rng))
            while arch.key in self.taken:
                arch = self.domain.space.architecture(self.domain.space.sample(1, rng))
            self.taken.add(arch.key)
            found.append(arch)
        self.asked += found
        return found

    def tell(self, observations: Iterable[Observation]) -> None:
        for observation in observations:
            assert observation.architecture.key not in {each.architecture.key for each in self.told}
            self.taken.add(observation.architecture.key)
            self.told.append(observation)

    def pending(self, architectures: Iterable[Architecture]) -> None:
        self.taken.update(arch.key for arch in architectures)
