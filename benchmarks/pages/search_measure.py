"""What is measured of searches: regret, queries, mean ranks over tasks with intervals, pairwise tests, curves.

A run's incumbents are `[query, score, test score]` for each architecture that was better than all before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Run = dict[str, Any]
"""One search: `queries`, `seconds`, `incumbents`."""

Floats = NDArray[np.float64]

AFTER = (10, 20, 50, 100)
"""Evaluations after which the regret is told."""

NEAR = 0.2
"""Points from the best within which a search has as good as found it."""

CURVE = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100)
"""Evaluations at which curves are told."""

_RESAMPLES = 2_000
_SIGNIFICANT = 0.05


def regret(run: Run, after: int, optimum: float, points: float) -> float:
    """Points between the best of all and the best of the first evaluations.

    Args:
        run: the search.
        after: how many evaluations.
        optimum: the best score of all.
        points: what makes points of a score.

    Example:
        >>> run = {"queries": 9, "seconds": 1.0, "incumbents": [[1, 90.0, None], [4, 91.5, None]]}
        >>> regret(run, 3, 92.0, 1.0), regret(run, 9, 92.0, 1.0)
        (2.0, 0.5)
    """
    found = [score for query, score, _ in run["incumbents"] if query <= after]
    return float(points * (optimum - max(found)))


def queries_within(run: Run, near: float, optimum: float, points: float, budget: int) -> tuple[int, bool]:
    """Evaluations until a search came so near to the best, and whether it did; one that did not counts the budget."""
    for query, score, _ in run["incumbents"]:
        if points * (optimum - score) <= near:
            return int(query), True
    return budget, False


def regrets(runs: Sequence[Run], optimum: float, points: float, after: Sequence[int] = AFTER) -> Floats:
    """`seeds x len(after)` regrets."""
    return np.array([[regret(run, each, optimum, points) for each in after] for run in runs])


def ranks(means: Floats) -> Floats:
    """Ranks along the last axis, 1 for the smallest; equal ones share the mean of theirs.

    Example:
        >>> ranks(np.array([0.5, 0.1, 0.5])).tolist()
        [2.5, 1.0, 2.5]
    """
    less = (means[..., None, :] < means[..., :, None]).sum(-1)
    same = (means[..., None, :] == means[..., :, None]).sum(-1)
    return np.asarray(less + (same + 1) / 2, dtype=np.float64)


def mean_ranks(tasks: Sequence[Sequence[Floats]]) -> tuple[Floats, Floats, Floats]:
    """Mean ranks of methods over tasks, and their 95 % intervals.

    The intervals are percentiles of a bootstrap in two stages: tasks are drawn with replacement, then the seeds of each
    method on each of them (Davison and Hinkley, 1997, section 3.8).

    Args:
        tasks: for each task, the regrets of each method, one a seed.

    Returns:
        `methods` mean ranks, lower ends and upper ends.
    """
    rng = np.random.default_rng(0)
    real = ranks(np.array([[each.mean() for each in task] for task in tasks])).mean(0)
    drawn = np.zeros((_RESAMPLES, len(tasks), len(real)))
    for at, task in enumerate(tasks):
        for method, each in enumerate(task):
            drawn[:, at, method] = each[rng.integers(len(each), size=(_RESAMPLES, len(each)))].mean(1)
    resampled = ranks(drawn)
    chosen = rng.integers(len(tasks), size=(_RESAMPLES, len(tasks)))
    means = np.take_along_axis(resampled, chosen[:, :, None], axis=1).mean(1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return real, low, high


def permutation_test(left: Floats, right: Floats) -> float:
    """The p value of equal means, two-sided: the share of regroupings whose means differ at least as much.

    All regroupings of few values, else 10,000 random ones (Good, 2005, section 3.2).

    Example:
        >>> permutation_test(np.array([1.0, 2.0, 3.0]), np.array([7.0, 8.0, 9.0]))
        0.1
    """
    both, n = np.concatenate([left, right]), len(left)
    seen = abs(left.mean() - right.mean())
    if len(both) <= 12:
        groups = np.array(list(combinations(range(len(both)), n)))
    else:
        groups = np.argsort(np.random.default_rng(0).random((10_000, len(both))), axis=1)[:, :n]
    sums = both[groups].sum(1)
    differences = np.abs(sums / n - (both.sum() - sums) / len(right))
    at_least = int((differences >= seen - 1e-12).sum())
    return at_least / len(groups) if len(both) <= 12 else (at_least + 1) / (len(groups) + 1)


def against(own: Sequence[Floats], other: Sequence[Floats]) -> tuple[int, int, int]:
    """On how many tasks the first method is better, level and worse.

    Level is where a permutation test, corrected for the number of tasks (Holm, 1979), does not tell the two apart.

    Args:
        own: regrets on each task, one a seed.
        other: those of the other method.
    """
    values = [permutation_test(left, right) for left, right in zip(own, other, strict=True)]
    better = worse = 0
    for place, at in enumerate(np.argsort(values, kind="stable")):
        if values[at] > _SIGNIFICANT / (len(values) - place):
            break
        better += bool(own[at].mean() < other[at].mean())
        worse += bool(own[at].mean() > other[at].mean())
    return better, len(values) - better - worse, worse


def curves(found: Mapping[tuple[str, str], tuple[Sequence[Run], float, float]]) -> str:
    """A CSV text of regrets over evaluations: mean and quartiles over seeds.

    Args:
        found: task and method -> runs, the best score of all, and what makes points of a score.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "method", "evaluations", "seeds", "mean", "quartile1", "median", "quartile3"])
    for (task, method), (runs, optimum, points) in found.items():
        values = regrets(runs, optimum, points, CURVE)
        quartiles = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        for at, after in enumerate(CURVE):
            shown = [f"{value:.4f}" for value in (values[:, at].mean(), *quartiles[:, at])]
            writer.writerow([task, method, after, len(runs), *shown])
    return text.getvalue()
