"""What a search makes of knowledge from other tasks: a hypothesis, and a place in the initial design."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from archllm.graphs import Graphs
from archllm.objectives.evaluation import Evaluation
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
_LEAST_MISLEADING = 2  # of the sources' best must be bad before the others go first


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


class HedgedDesign:
    """An initial design that neither trusts the sources nor ignores them: two of their best, then one of the others.

    Sources may mislead, and what they put first then says little. So evaluations decide: once all of the sources' best
    turn out worse than half of the others, only others are evaluated. What sources that help are worth stays as it was,
    as of their best one is good soon.

    Args:
        domain: where the sources' best come from; of a large one, random members and neighbours of the best of those.
        knowledge: what sources expect.
        others: what would be evaluated first without it.
        n: how many in all.
        rng: of random members.
    """

    def __init__(
        self, domain: Domain, knowledge: Knowledge, others: Sequence[Architecture], n: int, rng: np.random.Generator
    ) -> None:
        graphs = _ranked(domain, knowledge, rng)
        self._best = domain.space.architectures(graphs[knowledge.best_first(graphs)[:n]])
        self._others = list(others)
        self._keys = {arch.key for arch in self._best}

    def next(self, evaluations: Mapping[Architecture, Evaluation], taken: Container[int]) -> Architecture | None:
        """What is evaluated next; nothing where all were.

        Args:
            evaluations: those of the search so far.
            taken: keys of what was evaluated, or is under way.
        """
        number = sum(arch.key in taken for arch in {*self._best, *self._others})
        others_first = number % 3 == 2 or self._misled(evaluations)
        turns = (self._others, self._best) if others_first else (self._best, self._others)
        return next((arch for turn in turns for arch in turn if arch.key not in taken), None)

    def _misled(self, evaluations: Mapping[Architecture, Evaluation]) -> bool:
        """Whether all of the sources' best, two of them at least, are worse than the median of the others."""
        best, others = list[tuple[float, ...]](), list[tuple[float, ...]]()
        objectives = max((len(each.values) for each in evaluations.values() if each.values is not None), default=1)
        for arch, evaluation in evaluations.items():
            found = best if arch.key in self._keys else others
            found.append(evaluation.values or (-np.inf,) * objectives)
        if len(best) < _LEAST_MISLEADING or not others:
            return False
        middle = np.sort(np.array(others), axis=0)[len(others) // 2]
        return bool((np.max(best, axis=0) < middle).all())


def _ranked(domain: Domain, knowledge: Knowledge, rng: np.random.Generator) -> Graphs:
    if domain.scanned:
        return domain.enumerate()[np.arange(len(domain.keys))]
    drawn = domain.sample(_CANDIDATES, rng)
    first = domain.space.architectures(drawn[knowledge.best_first(drawn)[:10]])
    return around(domain, first, _CANDIDATES, (), rng)
