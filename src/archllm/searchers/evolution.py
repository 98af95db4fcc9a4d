"""Regularised evolution: the oldest die, not the worst (Real et al., 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from archllm.config import Bounds, Settings
from archllm.searchers.base import Searcher
from archllm.searchers.pareto import best_first
from archllm.spaces import Architecture

_STEPS = 5  # edits after which a child that is no news gives way to a random member


@dataclass(frozen=True)
class EvolutionOptions(Settings):
    """Options of regularised evolution."""

    population: Annotated[int, Bounds(2)] = 20
    """Successful evaluations that form the population: the latest ones."""

    tournament: Annotated[int, Bounds(1)] = 5
    """Members drawn at random from the population, of which the best becomes the parent."""


class Evolution(Searcher):
    """Asks for neighbours of good members of an ageing population.

    With several objectives the best of a tournament is one of the lowest non-dominated rank in the population, and
    among these one in the emptiest surroundings (Deb et al., 2002).

    Example:
        >>> from archllm.objectives.evaluation import Evaluation
        >>> from archllm.searchers.domain import Domain
        >>> from archllm.spaces import load_space
        >>> searcher = Evolution(Domain(load_space("nasbench201")), seed=0)
        >>> first = searcher.ask(10)
        >>> searcher.tell({arch: Evaluation(float(arch.params)) for arch in first})
        >>> searcher.ask()[0] in first
        False
    """

    name = "evolution"
    options_class = EvolutionOptions
    options: EvolutionOptions

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
