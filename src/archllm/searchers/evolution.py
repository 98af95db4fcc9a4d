"""Regularised evolution: the oldest die, not the worst (Real et al., 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.options import Options
from archllm.searchers.pareto import best_first
from archllm.spaces import Architecture

_STEPS = 5  # edits after which a child that is no news gives way to a random member


@dataclass(frozen=True)
class EvolutionOptions(Options):
    """Options of regularised evolution."""

    population: int = 20
    """Successful evaluations that form the population: the latest ones."""

    tournament: int = 5
    """Members drawn at random from the population, of which the best becomes the parent."""

    def __post_init__(self) -> None:
        self._whole("population", 2)
        self._whole("tournament", 1)


class Evolution(Searcher):
    """Asks for neighbours of good members of an ageing population.

    With several objectives the best of a tournament is one of the lowest non-dominated rank in the population, and
    among these one in the emptiest surroundings (Deb et al., 2002).
    """

    name = "evolution"

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: EvolutionOptions | None = None) -> None:
        super().__init__(domain, seed, objectives)
        self.options = options or EvolutionOptions()

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        population = self._succeeded[-self.options.population :]
        if len(self.known) < self.options.population or not population:
            return self._random(rng)
        order = best_first(self._values(population))
        places = rng.choice(len(population), size=min(self.options.tournament, len(population)), replace=False)
        arch = population[order[places.min()]]
        for _ in range(_STEPS):
            near = self.domain.neighbours(arch)
            new = self._unknown(near)
            if new:
                return new[int(rng.integers(len(new)))]
            if not near:
                break
            arch = near[int(rng.integers(len(near)))]
        return self._random(rng)
