"""Searchers of the tests' own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, make_dataclass

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.search import registry
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


@dataclass(frozen=True)
class BlindOptions:
    """Options of `Blind` as a method of the registry."""

    limit: int = 10**9
    share: float = 1.0
    run: str = ""


def register(monkeypatch: pytest.MonkeyPatch, needs_run: bool = False) -> list[Blind]:
    """Makes `blind` the one method of the registry; gives the searchers that are built."""
    built: list[Blind] = []

    def build(name: str, domain: Domain, seed: int, objectives: int = 1, **options: object) -> Blind:
        known = BlindOptions(**options)  # type: ignore[arg-type]
        built.append(Blind(domain.space, seed, known.limit))
        built[-1].domain = domain
        return built[-1]

    def options(name: str) -> type[object]:
        if name != "blind":
            raise InvalidInput(f"unknown searcher {name!r}; known are blind")
        if needs_run:
            return BlindOptions
        return make_dataclass("Options", [(field.name, field.type) for field in fields(BlindOptions)[:2]])

    monkeypatch.setattr(registry, "build_searcher", build)
    monkeypatch.setattr(registry, "searcher_options", options)
    return built
