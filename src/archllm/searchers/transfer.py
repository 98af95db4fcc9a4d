"""What a search makes of knowledge from other tasks: a hypothesis, and a place in the initial design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from archllm.graphs import Graphs
from archllm.predictor import PredictorConfig
from archllm.predictor.cell_prior import shipped_prior
from archllm.predictor.knowledge import Knowledge
from archllm.searchers.candidates import around
from archllm.searchers.domain import Domain
from archllm.searchers.surrogate import Hypothesis
from archllm.spaces import Architecture, SearchSpace

Prior = Literal["none", "shipped"]
"""What is known of cells before a search, without any source that is named."""

_EXPLORATION = 0.5  # what is known is doubted less, so that a search stays near the sources' best for longer
_CANDIDATES = 2_000


def prior_knowledge(space: SearchSpace, own: bool = False) -> Knowledge:
    """The shipped prior of cells as knowledge.

    Args:
        space: the space that is searched.
        own: whether published scores of this very space count, too.

    Raises:
        InvalidInput: it says nothing about the space.
    """
    return Knowledge(space, [shipped_prior(space, own)])


def informed(configs: Sequence[PredictorConfig], blocks: tuple[int, ...], knowledge: tuple[int, ...]) -> Hypothesis:
    """The hypothesis that scores grow with those of other tasks, less what structure explains of the difference.

    How much each source counts is fitted to the evaluations, so one that says nothing comes to count for nothing. How
    well this predicts each evaluation from the others decides on the weight of the whole, see `Surrogate`.

    Args:
        configs: of predictors from structure alone, one for each target.
        blocks: the blocks of features that these see.
        knowledge: the block of what other tasks expect.
    """
    own = [replace(each, prior_mean=True, weights=(*each.weights, 1.0) if each.weights else ()) for each in configs]
    return Hypothesis(
        tuple(own), (*blocks, *knowledge), pseudo_observations=False, exploration=_EXPLORATION, doubted=True
    )


def hedged(
    domain: Domain, knowledge: Knowledge, others: Sequence[Architecture], n: int, rng: np.random.Generator
) -> list[Architecture]:
    """An initial design that neither trusts the sources nor ignores them: two of their best, then one of the others.

    Args:
        domain: where the sources' best come from; of a large one, random members and neighbours of the best of those.
        knowledge: what sources expect.
        others: what would be evaluated first without it.
        n: how many in all.
        rng: of random members.
    """
    graphs = _ranked(domain, knowledge, rng)
    best = iter(domain.space.architectures(graphs[knowledge.best_first(graphs)[:n]]))
    rest = iter(others)
    chosen: dict[Architecture, None] = {}
    for number in range(3 * n):
        found = next(rest if number % 3 == 2 else best, None)
        if found is not None:
            chosen[found] = None
    return list(chosen)[:n]


def _ranked(domain: Domain, knowledge: Knowledge, rng: np.random.Generator) -> Graphs:
    if domain.scanned:
        return domain.enumerate()[np.arange(len(domain.keys))]
    drawn = domain.sample(_CANDIDATES, rng)
    first = domain.space.architectures(drawn[knowledge.best_first(drawn)[:10]])
    return around(domain, first, _CANDIDATES, (), rng)
