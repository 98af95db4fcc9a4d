"""What a comparison of search methods shows: curves with quartiles, and a table; apart from how it is drawn."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import InvalidInput
from archllm.files import replacing
from archllm.objectives.evaluation import recorded_cost, sign, without_cost
from archllm.reporting.curves import Corners, Floats, Spread, best_so_far, corners, random_best, spread, volume_so_far
from archllm.reporting.searching import MOST_MEASURED, Population, goodness_of, in_order
from archllm.study.export import csv_cell
from archllm.study.store import Trial

_MOMENTS = 200  # times at which curves over seconds are looked at


@dataclass(frozen=True)
class Search:
    """One search of a comparison."""

    method: str
    """Which of the compared methods."""

    seed: int
    """Its seed."""

    trials: tuple[Trial, ...]
    """All its trials."""


@dataclass(frozen=True)
class Stat:
    """A number over seeds."""

    mean: float
    """Mean."""

    std: float
    """Sample standard deviation; 0 for a single seed."""

    @classmethod
    def of(cls, values: Floats) -> Stat:
        """Mean and standard deviation of one value per seed."""
        return cls(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0)


@dataclass(frozen=True, eq=False)
class Summary:
    """One method over all its seeds."""

    method: str
    """Its name in the comparison."""

    seeds: tuple[int, ...]
    """Its seeds."""

    by_query: Spread
    """The best value, in the objective's unit, or the hypervolume, after 1, 2, … evaluations."""

    by_second: tuple[Floats, Spread] | None
    """Seconds of evaluations, one after the other, and the same there; `None` where they cost nothing."""

    final: Stat | None
    """The last of it; `None` if an evaluation of every seed did not succeed."""

    test: dict[str, Stat]
    """Test metrics, which no search saw, of the best architecture of each search; for one objective."""

    to_optimum: Stat | None
    """Evaluations until the optimum was found, counting the whole budget where it was not; `None` where it is not
    known what is best."""

    reached: int
    """Seeds that found it."""

    cost: float
    """Seconds of evaluations of one search, on average, lower-fidelity ones included."""

    lower_fidelity_cost: float
    """Seconds of these that lower-fidelity evaluations cost, which the method made besides."""

    without_cost: tuple[str, ...]
    """Objectives of lower-fidelity evaluations of which no cost is recorded."""

    wall: float
    """Seconds of one search from its first question to its last answer, on average."""

    failed: int
    """Evaluations that failed, in all."""

    reused: int
    """Evaluations that were taken from another search instead of made again, in all; `cost` counts them as if made."""

    reused_cost: float
    """Seconds that these cost where they were made, in all."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several methods on the same objectives at the same budget."""

    objectives: tuple[str, ...]
    """Specs of the objectives."""

    directions: tuple[str, ...]
    """`maximise` or `minimise`, for each."""

    budget: int
    """Evaluations of each search."""

    methods: tuple[Summary, ...]
    """In the order in which they were named."""

    measures_volume: bool
    """Whether it compares hypervolumes."""

    box: Corners | None
    """Their box, more being better in each objective."""

    optimum: float | None
    """The best value of all architectures, where that is known."""

    random: Spread | None
    """The exact expectation of random search, where it is known."""

    def to_json(self) -> dict[str, Any]:
        """The numbers of the table, and the box of the hypervolume."""
        return {
            "objective": ", ".join(self.objectives),
            "objectives": list(self.objectives),
            "directions": list(self.directions),
            "budget": self.budget,
            "seeds": list(self.methods[0].seeds),
            "optimum": self.optimum,
            "hypervolume": None if self.box is None else {"worst": list(self.box.worst), "best": list(self.box.best)},
            "expected_of_random": None if self.random is None else float(self.random.mean[-1]),
            "methods": {each.method: _figures(each) for each in self.methods},
        }


def compare(
    searches: Sequence[Search],
    objectives: Sequence[str],
    directions: Sequence[str],
    budget: int,
    population: Population | None = None,
    best: float | None = None,
) -> Comparison:
    """Summarises searches by method.

    Args:
        searches: at least one, each with at least one trial that is over.
        objectives: specs of the objectives of all of them.
        directions: `maximise` or `minimise`, for each objective.
        budget: evaluations of each.
        population: all that they could choose from, where its scores are known.
        best: the best value of all of it in the objective's unit, where only that is known; of one objective.

    Raises:
        InvalidInput: there is no search, one has not begun, or none of several objectives' searches has a value.
    """
    if not searches:
        raise InvalidInput("a comparison needs at least one search")
    over = [in_order(search.trials) for search in searches]
    for search, trials in zip(searches, over, strict=True):
        if not trials:
            raise InvalidInput(f"no evaluation of {search.method}, seed {search.seed}, is over")
    points = [goodness_of(trials, directions) for trials in over]
    volume = 1 < len(directions) <= MOST_MEASURED
    box = corners(*points, *([population.values] if population else [])) if volume else None
    single = population is not None and len(directions) == 1
    optimum = float(population.values[:, 0].max()) if population is not None and single else None
    own = sign(directions[0])
    if best is not None and optimum is None and len(directions) == 1:
        optimum = own * best
    curves = [volume_so_far(each, box) if box is not None else best_so_far(each[:, 0]) for each in points]
    names = list(dict.fromkeys(search.method for search in searches))
    methods = []
    for name in names:
        rows = [row for row, search in enumerate(searches) if search.method == name]
        methods.append(
            _summary(
                [searches[row] for row in rows],
                [over[row] for row in rows],
                [curves[row] for row in rows],
                own if box is None else 1.0,
                optimum,
                tested=len(directions) == 1,
                budget=budget,
            )
        )
    random = None
    if population is not None and single:
        random = _turned(random_best(population.values[:, 0], budget), own)
    optimum = None if optimum is None else own * optimum
    return Comparison(
        tuple(objectives), tuple(directions), budget, tuple(methods), box is not None, box, optimum, random
    )


def write_trials(path: Path, searches: Sequence[Search], objectives: Sequence[str]) -> None:
    """Writes every trial as a line of a CSV file, search by search, in the order in which they were over.

    Raises:
        RunFolderError: it can't be written.
    """
    tests = sorted({name for search in searches for trial in search.trials for name in trial.evaluation.test})
    head = ["method", "seed", "order", "architecture", "state", *objectives, *tests]
    head += ["seconds", "seconds of lower-fidelity evaluations", "seconds so far", "reused from", "failure"]
    with replacing(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(map(csv_cell, head))
        for search in searches:
            so_far = 0.0
            for trial in sorted(search.trials, key=lambda trial: (trial.place is None, trial.place or 0)):
                found = trial.evaluation
                so_far += found.total_cost
                values: Sequence[Any] = trial.values if trial.values is not None else [""] * len(objectives)
                tested = [found.test.get(name, "") for name in tests]
                line = [search.method, search.seed, trial.place or "", trial.text, trial.state, *values, *tested]
                line += [found.cost, recorded_cost(found.lower_fidelity), so_far, found.reused_from, found.failure]
                lines.writerow(map(csv_cell, line))


def _summary(
    searches: list[Search],
    over: list[tuple[Trial, ...]],
    curves: list[Floats],
    sign: float,
    optimum: float | None,
    *,
    tested: bool,
    budget: int,
) -> Summary:
    """One method; curves are such that more is better."""
    ends = np.array([curve[-1] for curve in curves])
    reached, queries = 0, []
    if optimum is not None:
        found = [np.flatnonzero(curve >= optimum) for curve in curves]
        reached = sum(bool(len(at)) for at in found)
        queries = [float(at[0] + 1) if len(at) else float(budget) for at in found]
    seconds = [np.cumsum([trial.evaluation.total_cost for trial in trials]) for trials in over]
    reused = [trial.evaluation for trials in over for trial in trials if trial.evaluation.reused_from is not None]
    lower = [[each for trial in trials for each in trial.evaluation.lower_fidelity] for trials in over]
    return Summary(
        method=searches[0].method,
        seeds=tuple(search.seed for search in searches),
        by_query=_turned(spread(curves), sign),
        by_second=_by_second(curves, seconds, sign),
        final=None if np.isnan(ends).any() else Stat.of(sign * ends),
        test=_tests(over, sign) if tested else {},
        to_optimum=Stat.of(np.array(queries)) if queries else None,
        reached=reached,
        cost=float(np.mean([each[-1] for each in seconds])),
        lower_fidelity_cost=float(np.mean([recorded_cost(each) for each in lower])),
        without_cost=without_cost(chain.from_iterable(lower)),
        wall=float(np.mean([_wall(trials) for trials in over])),
        failed=sum(trial.state == "failed" for trials in over for trial in trials),
        reused=len(reused),
        reused_cost=sum(each.cost for each in reused),
    )


def _by_second(curves: list[Floats], seconds: list[Floats], sign: float) -> tuple[Floats, Spread] | None:
    """Curves at the same moments, until the first of the searches ends."""
    last = min(float(each[-1]) for each in seconds)
    if last <= 0:
        return None
    moments = np.linspace(0.0, last, _MOMENTS)
    held = []
    for curve, at in zip(curves, seconds, strict=True):
        rows = np.searchsorted(at, moments, side="right") - 1
        held.append(np.where(rows >= 0, curve[rows], np.nan))
    return moments, _turned(spread(held), sign)


def _tests(over: list[tuple[Trial, ...]], sign: float) -> dict[str, Stat]:
    """Test metrics of each search's best, those that all of them have."""
    best = []
    for trials in over:
        known = [trial for trial in trials if trial.values is not None]
        if not known:
            return {}
        best.append(max(known, key=lambda trial: (sign * (trial.values or (0.0,))[0], -(trial.place or 0))))
    names = [name for name in best[0].evaluation.test if all(name in trial.evaluation.test for trial in best)]
    return {name: Stat.of(np.array([trial.evaluation.test[name] for trial in best])) for name in names}


def _wall(trials: tuple[Trial, ...]) -> float:
    ends = [trial.finished for trial in trials if trial.finished is not None]
    return max(0.0, max(ends) - min(trial.asked for trial in trials)) if ends else 0.0


def _turned(curve: Spread, sign: float) -> Spread:
    low, high = (curve.low, curve.high) if sign > 0 else (-curve.high, -curve.low)
    return Spread(sign * curve.mean, low, high)


def _figures(each: Summary) -> dict[str, Any]:
    return {
        "final": None if each.final is None else asdict(each.final),
        "test": {name: asdict(stat) for name, stat in each.test.items()},
        "queries_to_optimum": None if each.to_optimum is None else asdict(each.to_optimum),
        "reached": each.reached,
        "cost": each.cost,
        "lower_fidelity_cost": each.lower_fidelity_cost,
        "without_cost": list(each.without_cost),
        "wall": each.wall,
        "failed": each.failed,
        "reused": each.reused,
        "reused_cost": each.reused_cost,
    }
