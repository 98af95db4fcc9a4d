"""Asynchronous successive halving: many candidates are trained a little, the best of them longer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.config import Bounds, Settings
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.searchers.bayesian import BayesianOptions, BayesianSearch
from archllm.searchers.domain import Domain
from archllm.searchers.lower_fidelity import LowerFidelityScores
from archllm.searchers.surrogate import Known
from archllm.spaces import Architecture

_PAIRS = 4  # architectures with scores of two rungs from which on the slope between them is estimated
_SLOPE = 0.5  # until then


@dataclass(frozen=True)
class HalvingOptions(BayesianOptions):
    """Options of successive halving, and of the Gaussian process that proposes what enters the lowest rung."""

    lower_fidelity: tuple[str, ...] = ()
    """Objectives of the rungs below, the cheapest first, such as scores of shorter trainings; by default what the
    objective itself has. Without any, every candidate is trained in full."""

    reduction: Annotated[int, Bounds(2, 100)] = 3
    """One of so many architectures of a rung is promoted to the next."""

    proposals: Literal["model", "random"] = "model"
    """What enters the lowest rung: what a predictor that saw the scores of all rungs expects most of, or random
    members."""


class SuccessiveHalving(BayesianSearch):
    """Trains many candidates a little and promotes the best of each rung to longer trainings (Li et al., 2020, "ASHA").

    Whenever one of the best `1 / reduction` of a rung was not promoted yet, it is; else a new candidate enters the
    lowest rung. Nobody waits for a rung to be full. Rungs below the objective are lower-fidelity evaluations of the
    method's own: their cost is stored with the trial that was over next, and only full trainings count against the
    budget.

    The predictor learns from all rungs at once: a score of a lower rung counts as what a line through the
    architectures with scores of both rungs makes of it.
    """

    name = "halving"
    most_objectives = 1
    needs_lower_fidelity = True
    options_class = HalvingOptions
    options: HalvingOptions

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        super().__init__(domain, seed, objectives, options)
        self.lower = LowerFidelityScores(domain.space, self.options.lower_fidelity, domain.network)
        self._scored: list[dict[int, float]] = [{} for _ in self.lower.objectives]  # by rung and key; failed: -inf
        self._entered: dict[int, Architecture] = {}  # all that were ever scored or asked for, in that order

    def lower_fidelity(self) -> tuple[LowerFidelity, ...]:
        return self.lower.new()

    def _learn(self, arch: Architecture, evaluation: Evaluation) -> None:
        super()._learn(arch, evaluation)
        self.lower.note(evaluation.lower_fidelity)
        rungs = {objective.spec: rung for objective, rung in zip(self.lower.objectives, self._scored, strict=True)}
        for each in evaluation.lower_fidelity:  # of an earlier process, or another one
            if each.spec in rungs and each.key not in rungs[each.spec] and each.text:
                if each.key not in self._entered:
                    self._entered[each.key] = self.domain.space.parse(each.text)
                rungs[each.spec][each.key] = -np.inf if each.value is None else each.value
        self._entered.setdefault(arch.key, arch)

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        while self._scored:
            rung, arch = self._promoted() or (-1, self._new(rng))
            if arch is None:
                rung, arch = self._best_left()
            if rung == len(self._scored) - 1:
                return arch
            score = self.lower.score(rung + 1, arch)
            self._entered.setdefault(arch.key, arch)
            self._scored[rung + 1][arch.key] = -np.inf if score is None else score
        return self._new(rng)

    def _new(self, rng: np.random.Generator) -> Architecture | None:
        """What enters the lowest rung; `None` when all that can be found has."""
        if len(self._taken) < self.options.initial or self.options.proposals == "random":
            return self._random(rng)
        if np.isfinite(self._known.values).sum() < 2:
            return self._random(rng)
        return self._most_promising(rng)

    def _promoted(self) -> tuple[int, Architecture] | None:
        """One of the best of a rung, the highest one that has one, that was not promoted yet."""
        for rung in reversed(range(len(self._scored))):
            scores, above = self._scored[rung], self._above(rung)
            best = sorted(scores, key=lambda key: -scores[key])[: len(scores) // self.options.reduction]
            for key in best:
                if key not in above and scores[key] > -np.inf:
                    return rung, self._entered[key]
        return None

    def _best_left(self) -> tuple[int, Architecture]:
        """The best of the highest rung that has some left, where a domain has nothing new."""
        for rung in reversed(range(len(self._scored))):
            scores, above = self._scored[rung], self._above(rung)
            left = [key for key in scores if key not in above]
            if left:
                return rung, self._entered[max(left, key=lambda key: scores[key])]
        raise AssertionError("a domain with unknown members has some in a rung")

    def _above(self, rung: int) -> Collection[int]:
        return self._scored[rung + 1] if rung + 1 < len(self._scored) else self.known

    @property
    def _taken(self) -> Collection[int]:
        return self.known | self._entered

    @property
    def _known(self) -> Known:
        """All architectures with a score, by what their scores say of a full training; then pending ones without."""
        full = {arch.key: found.values[0] if found.values else -np.inf for arch, found in self.evaluations.items()}
        expected = _expected([*self._scored, full])
        told = [arch for key, arch in self._entered.items() if key in expected]
        pending = [arch for arch in self._pending if arch.key not in expected]
        values = np.array([expected[arch.key] for arch in told]).reshape(-1, 1)
        return Known(self._features.of([*told, *pending]), values)


def _expected(rungs: list[dict[int, float]]) -> dict[int, float]:
    """What the scores of all rungs, the lowest first, say of the highest; minus infinity for those that failed."""
    found: dict[int, float] = {}
    for at, scores in enumerate(rungs):
        if at:
            found = dict(zip(found, _carried(found, scores).tolist(), strict=True))
        found |= scores
    return found


def _carried(below: dict[int, float], above: dict[int, float]) -> NDArray[np.float64]:
    """Scores of a rung as scores of the next, by a line through those that have both."""
    scores = np.array(list(below.values()), dtype=np.float64)
    pairs = [
        (below[key], value)
        for key, value in above.items()
        if key in below and np.isfinite(below[key]) and np.isfinite(value)
    ]
    if not pairs:
        return scores
    x, y = np.array(pairs).T
    slope, spread = _SLOPE, float(((x - x.mean()) ** 2).sum())
    if len(pairs) >= _PAIRS and spread > 0:
        slope = max(0.0, float(((x - x.mean()) * (y - y.mean())).sum()) / spread)
    found: NDArray[np.float64] = y.mean() + slope * (scores - x.mean())
    return found
