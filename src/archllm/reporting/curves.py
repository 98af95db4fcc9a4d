"""How good a search is after each evaluation, and what random search would be: the numbers behind the curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archllm.errors import InvalidInput
from archllm.searchers.pareto import hypervolume

Floats = NDArray[np.float64]

SIMULATED = 200
"""Random searches that are simulated where their expectation has no closed form."""

_QUARTILES = (0.25, 0.75)
_AT_ONCE = 256  # points that are compared with a front at once


@dataclass(frozen=True, eq=False)
class Spread:
    """A curve over evaluations 1 to `n`, and its quartiles."""

    mean: Floats
    """`n` means; NaN where there is none yet."""

    low: Floats
    """`n` lower quartiles."""

    high: Floats
    """`n` upper quartiles."""


@dataclass(frozen=True)
class Corners:
    """The box in which the hypervolume of several objectives is measured; more is better in each."""

    worst: tuple[float, ...]
    """The reference point: a value per objective."""

    best: tuple[float, ...]
    """The ideal: the best value in each objective, wherever it was found."""


def best_so_far(values: ArrayLike) -> Floats:
    """`n` running maxima of `n` values, more being better; NaN (a failed evaluation) counts for nothing.

    Example:
        >>> best_so_far([float("nan"), 2.0, 1.0, 3.0]).tolist()
        [nan, 2.0, 2.0, 3.0]
    """
    found = np.fmax.accumulate(np.asarray(values, dtype=np.float64))
    return np.asarray(found, dtype=np.float64)


def corners(*groups: Floats) -> Corners:
    """The box that holds all points of some groups of `n x m` points; rows with NaN are left out.

    Raises:
        InvalidInput: there is no point.
    """
    points = np.concatenate([group[~np.isnan(group).any(1)] for group in groups])
    if not len(points):
        raise InvalidInput("the corners of no points can't be told")
    return Corners(tuple(map(float, points.min(0))), tuple(map(float, points.max(0))))


def volume_so_far(points: Floats, box: Corners) -> Floats:
    """`n` hypervolumes of the first 1, 2, … points as shares of the box; rows with NaN add nothing.

    Args:
        points: `n x m` values, more is better, for at most three objectives.
        box: the box; an objective in which its corners agree counts for nothing.
    """
    worst, best = np.array(box.worst), np.array(box.best)
    wide = best > worst
    if not wide.any():
        return np.zeros(len(points))
    # The box becomes the unit cube, in which a hypervolume is a share of the box. A point adds volume exactly when no
    # point of the front is at least as good in every objective; then it replaces those that it dominates.
    scaled = (points[:, wide] - worst[wide]) / (best - worst)[wide]
    volumes = np.zeros(len(points))
    front = np.zeros((0, int(wide.sum())))
    for start in range(0, len(scaled), _AT_ONCE):
        part = scaled[start : start + _AT_ONCE]
        # What the front so far is as good as in all objectives adds nothing later, either: most of a long search.
        beaten = (front[None] >= part[:, None]).all(2).any(1)
        for row in np.flatnonzero(~np.isnan(points[start : start + _AT_ONCE]).any(1) & ~beaten):
            point = part[row]
            if not (front >= point).all(1).any():
                front = np.vstack([front[~(front <= point).all(1)], point])
                last = hypervolume(front, np.zeros(front.shape[1]))
                volumes[start + row :] = last
    return volumes


def spread(curves: Sequence[Floats]) -> Spread:
    """Mean and quartiles of curves; one that ends early, its domain being exhausted, stays at its last value."""
    length = max(map(len, curves))
    table = np.array([np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves])
    started = ~np.isnan(table).any(0)  # before that, the mean would be of some curves only
    mean, low, high = (np.full(length, np.nan) for _ in range(3))
    mean[started] = table[:, started].mean(0)
    low[started], high[started] = np.quantile(table[:, started], _QUARTILES, axis=0)
    return Spread(mean, low, high)


def random_best(values: Floats, budget: int) -> Spread:
    """The best of 1, 2, … different architectures drawn at random from a pool: exact expectation and quartiles.

    Of `N` values, the best of `n` is at most the `i`-th smallest with probability C(i, n) / C(N, n).

    Args:
        values: the scores of the whole pool, more is better.
        budget: most draws; there are as many as the pool has, if that is less.
    """
    ranked = np.sort(values)
    size = len(ranked)
    steps = min(budget, size)
    mean, low, high = (np.zeros(steps) for _ in range(3))
    # With the values ranked v_1 <= ... <= v_N and n draws without replacement,
    #     P(best <= v_i) = C(i, n) / C(N, n) = prod_{k<n} (i - k) / (N - k),
    # so each further draw multiplies by one factor, and E[best] = sum_i v_i (P(best <= v_i) - P(best <= v_{i-1})).
    at_most = np.ones(size)  # P(best <= v_i) for each i
    rank = np.arange(1, size + 1, dtype=np.float64)
    for drawn in range(steps):
        at_most = at_most * np.maximum(rank - drawn, 0) / (size - drawn)
        mean[drawn] = np.diff(at_most, prepend=0.0) @ ranked
        for quartile, into in zip(_QUARTILES, (low, high), strict=True):
            into[drawn] = ranked[min(int(np.searchsorted(at_most, quartile)), size - 1)]
    return Spread(mean, low, high)


def random_volume(points: Floats, box: Corners, budget: int, rng: np.random.Generator) -> Spread:
    """The hypervolume of 1, 2, … different architectures drawn at random from a pool, by simulation.

    Args:
        points: `N x m` scores of the whole pool, more is better.
        box: see `volume_so_far`.
        budget: most draws.
        rng: where the draws come from.
    """
    steps = min(budget, len(points))
    return spread([volume_so_far(points[rng.permutation(len(points))[:steps]], box) for _ in range(SIMULATED)])
