"""What a report shows of a search: its curve, the curve of random search, and its best architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archllm.objectives.evaluation import sign, signs, turned
from archllm.reporting.curves import (
    SIMULATED,
    Corners,
    Floats,
    Spread,
    best_so_far,
    corners,
    random_best,
    random_volume,
    spread,
    volume_so_far,
)
from archllm.study.result import Result
from archllm.study.store import Study, Trial

MOST_MEASURED = 3
"""Objectives up to which there is a hypervolume."""

MOST_DRAWN, MOST_SIMULATED = 2_000, 500
"""Evaluations up to which random search is reckoned, exactly or by simulation."""


@dataclass(frozen=True, eq=False)
class Population:
    """All architectures that a search could choose from, where their scores are known without evaluating them."""

    values: Floats
    """`N x m` scores, more is better."""

    where: str
    """Where they come from, in words."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """Random search at the same budget."""

    spread: Spread
    """Its curve, in the unit of the search's own."""

    how: str
    """Where it comes from, in words."""

    single: bool = False
    """Whether it is one search, which has no mean and no quartiles."""


@dataclass(frozen=True, eq=False)
class SearchData:
    """One search as a report shows it."""

    result: Result
    """The study and its trials."""

    over: tuple[Trial, ...]
    """Trials that are over, in that order."""

    values: Floats
    """`n x m` values of these trials, in the objectives' own units; NaN for those that failed."""

    curve: Floats
    """`n`: the best value after each of them, or, with two or three objectives, the hypervolume."""

    measures_volume: bool
    """Whether the curve is a hypervolume."""

    random: Baseline | None
    """Random search, where something is known of it."""

    box: Corners | None
    """The box of the hypervolume, more being better in each objective."""

    optimum: float | None
    """The best value of all architectures, in the objective's own unit, where that is known."""

    @property
    def study(self) -> Study:
        """The study."""
        return self.result.study

    @property
    def cost(self) -> float:
        """Seconds that the evaluations took, or would have taken, lower-fidelity ones included."""
        return sum(trial.evaluation.total_cost for trial in self.over)

    @property
    def wall(self) -> float:
        """Seconds between the first question and the last answer."""
        ends = [trial.finished for trial in self.over if trial.finished is not None]
        return max(ends) - min(trial.asked for trial in self.over) if ends else 0.0

    @property
    def failed(self) -> int:
        """Evaluations that failed."""
        return sum(trial.state == "failed" for trial in self.over)


def collect(
    result: Result, population: Population | None = None, others: Sequence[tuple[str, Sequence[Trial]]] = ()
) -> SearchData:
    """What a report shows of a search.

    Args:
        result: the search.
        population: what it could choose from, where the scores of all of it are known.
        others: names and trials of random searches for the same objectives, which stand in where they are not.
    """
    study = result.study
    over = in_order(result.trials)
    goodness = goodness_of(over, study.directions)
    volume = 1 < len(study.directions) <= MOST_MEASURED
    known = [in_order(trials) for _, trials in others]
    rivals = [goodness_of(trials, study.directions) for trials in known if trials]
    groups = [goodness, *rivals] if population is None else [population.values, goodness]
    box = corners(*groups) if volume and any(~np.isnan(group).any(1).all() for group in groups) else None
    own = sign(study.directions[0])

    def curve_of(points: Floats) -> Floats:
        if not volume:
            return own * best_so_far(points[:, 0])
        return volume_so_far(points, box) if box is not None else np.zeros(len(points))

    random = None
    if population is not None and len(over):
        random = _of_population(population, box if volume else None, len(over), own)
    elif rivals:
        names = ", ".join(name for (name, _), trials in zip(others, known, strict=True) if trials)
        curves = spread([curve_of(points) for points in rivals])
        random = Baseline(curves, f"as in {names} of the same store", single=len(rivals) == 1)
    single = population is not None and len(study.directions) == 1
    optimum = own * float(population.values[:, 0].max()) if population is not None and single else None
    values = goodness * signs(study.directions)
    return SearchData(result, over, values, curve_of(goodness), volume, random, box, optimum)


def in_order(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Trials that are over, in the order in which they were."""
    over = [trial for trial in trials if trial.place is not None]
    return tuple(sorted(over, key=lambda trial: trial.place or 0))


def goodness_of(trials: Sequence[Trial], directions: Sequence[str]) -> Floats:
    """`n x m` values, more is better; rows of NaN for trials without values."""
    nothing = (np.nan,) * len(directions)
    rows = [nothing if trial.values is None else turned(trial.values, directions) for trial in trials]
    return np.array(rows, dtype=np.float64).reshape(-1, len(directions))


def _of_population(population: Population, box: Corners | None, budget: int, sign: float) -> Baseline:
    size = len(population.values)
    most = MOST_DRAWN if box is None else MOST_SIMULATED
    until = f", up to {most:,} evaluations" if min(budget, size) > most else ""
    if box is not None:
        found = random_volume(population.values, box, min(budget, most), np.random.default_rng(0))
        how = f"{SIMULATED} simulated searches among {size:,} architectures, {population.where}{until}"
        return Baseline(found, how)
    exact = random_best(population.values[:, 0], min(budget, most))
    low, high = (exact.low, exact.high) if sign > 0 else (-exact.high, -exact.low)
    how = f"exact expectation for draws among {size:,} architectures, {population.where}{until}"
    return Baseline(Spread(sign * exact.mean, low, high), how)
