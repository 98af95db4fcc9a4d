"""Several objectives at once: what dominates what. More is better in every objective."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archllm.errors import InvalidInput

_DIRECTIONS = 128  # along which volumes are estimated
_AT_ONCE = 256  # points that are compared with a front at once


def non_dominated(values: ArrayLike) -> NDArray[np.bool_]:
    """`n` booleans: the Pareto front, that is the points that no other point dominates.

    A point dominates another if it is at least as good in every objective and better in one; equal points stand side
    by side.

    Args:
        values: `n x m`, more is better.

    Raises:
        InvalidInput: the shape is another, or a value is not a number.

    Example:
        >>> non_dominated([[1, 3], [2, 2], [1, 2]]).tolist()
        [True, True, False]
    """
    points = _checked(values)
    front = np.zeros(len(points), dtype=np.bool_)
    distinct, group = np.unique(points, axis=0, return_inverse=True)
    order = np.lexsort(-distinct.T[::-1])  # best first: no point is dominated by a later one
    kept: list[int] = []
    for start in range(0, len(order), _AT_ONCE):
        part = order[start : start + _AT_ONCE]
        # Of many points, nearly all are dominated by those that are kept before.
        beaten = np.any(np.all(distinct[kept][None] >= distinct[part][:, None], axis=2), axis=1)
        for row in part[~beaten]:
            if not (distinct[kept] >= distinct[row]).all(1).any():
                kept.append(int(row))
    front[np.isin(group.ravel(), kept)] = True
    return front


def ranks(values: ArrayLike) -> NDArray[np.int64]:
    """`n` ranks: 0 for the front, 1 for the front of what is left without it, and so on (Deb et al., 2002).

    With one objective, the number of distinct better values.

    Raises:
        InvalidInput: the shape is not `n x m`, or a value is not a number.
    """
    points = _checked(values)
    if points.shape[1] == 1:  # front by front, this takes the square of the number of points
        better: NDArray[np.int64] = np.unique(-points[:, 0], return_inverse=True)[1]
        return better
    found = np.zeros(len(points), dtype=np.int64)
    left = np.arange(len(points))
    rank = 0
    while len(left):
        front = non_dominated(points[left])
        found[left[front]] = rank
        left, rank = left[~front], rank + 1
    return found


def crowding(values: ArrayLike) -> NDArray[np.float64]:
    """`n` distances between the neighbours of each point along the objectives; infinite at the ends (Deb et al., 2002).

    Raises:
        InvalidInput: the shape is not `n x m`, or a value is not a number.
    """
    points = _checked(values)
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]] if len(order) else 0.0
        distance[order[:1]] = distance[order[-1:]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance


def best_first(values: ArrayLike) -> NDArray[np.int64]:
    """`n` positions, ordered by rank, and within a rank by crowding distance, the loneliest first (Deb et al., 2002).

    Raises:
        InvalidInput: the shape is not `n x m`, or a value is not a number.
    """
    points = _checked(values)
    rank, lonely = ranks(points), np.zeros(len(points))
    for each in np.unique(rank):
        lonely[rank == each] = crowding(points[rank == each])
    return np.lexsort((-lonely, rank))


def hypervolume(values: ArrayLike, reference: ArrayLike) -> float:
    """Volume between the reference point and the points that are better than it, in the product of the units.

    Exact, for one to three objectives: a sweep over the last one, each slice being a volume of one dimension less.

    Args:
        values: `n x m` points, more is better; those that don't exceed the reference in every objective add nothing.
        reference: `m` values, the worst corner that still counts.

    Raises:
        InvalidInput: the numbers of objectives differ or exceed three, or a value is not finite.

    Example:
        >>> hypervolume([[1, 2], [2, 1]], [0, 0])
        3.0
    """
    points, corner = _checked(values), np.asarray(reference, dtype=np.float64)
    if corner.ndim != 1 or points.shape[1] != len(corner):
        raise InvalidInput(f"the reference needs {points.shape[1]} values, got shape {corner.shape}")
    if len(corner) > 3:
        raise InvalidInput(f"the hypervolume is known for one to three objectives, got {len(corner)}")
    if not (np.isfinite(points).all() and np.isfinite(corner).all()):
        raise InvalidInput("a hypervolume needs finite values")
    inside = (points > corner).all(1)
    return _volume(points[inside] - corner)


def added_volume(values: ArrayLike, reached: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
    """`n` shares by which each point alone would enlarge the hypervolume, estimated along random directions.

    A volume is the mean, over directions, of how far it reaches (Golovin and Zhang, 2020, "Random hypervolume
    scalarizations", lemma 5), to the power of the number of objectives. Its corner lies a tenth of the front's range
    below the worst values on the front: lower ones would make the ends of the front count for most.

    Args:
        values: `n x m` points, more is better.
        reached: `k x m` points that are there already, at least one.
        rng: chooses the directions.
    """
    # In polar coordinates around the corner, the volume dominated by a set Y of m-dimensional points is
    #     c_m E_u[max_{y in Y} min_j (max(0, y_j - corner_j) / u_j)^m],     u uniform on the positive unit sphere,
    # and what y adds to Y is E_u of how far its term exceeds the maximum over Y; c_m cancels in the share.
    points, old = _checked(values), _checked(reached)
    front = old[non_dominated(old)]
    spans = np.ptp(front, axis=0), np.ptp(old, axis=0), np.ones(old.shape[1])  # a front of one point has no range
    corner = front.min(0) - 0.1 * np.select([span > 0 for span in spans], spans)
    directions = np.abs(rng.standard_normal((_DIRECTIONS, old.shape[1]))) + 1e-9
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def reach(each: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far points reach, `n x directions`."""
        far = np.full((len(each), len(directions)), np.inf)
        for column, direction, start in zip(each.T, directions.T, corner, strict=True):
            np.minimum(far, np.maximum(column[:, None] - start, 0) / direction, out=far)
        far **= each.shape[1]
        return far

    before = reach(old).max(0)
    added: NDArray[np.float64] = np.maximum(reach(points) - before, 0).mean(1) / before.mean()
    return added


def scalarised(values: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """`n` augmented Chebyshev scores, more is better (Knowles, 2006, "ParEGO").

    Objectives are brought to the range 0 to 1 among the points first; one on which all agree counts for nothing.

    Args:
        values: `n x m`, more is better.
        weights: `m`, not negative.
    """
    # With losses l_j = w_j (1 - normalised value of objective j):   score = -(max_j l_j + 0.05 sum_j l_j).
    # Its optimum is Pareto optimal for positive weights (the maximum alone allows weakly dominated points), and weights
    # lead to parts of the front that are not convex, too, which no weighted sum reaches.
    points = _checked(values)
    low = points.min(0, initial=np.inf)
    span = points.max(0, initial=-np.inf) - low
    loss = np.asarray(weights) * (1 - (points - low) / np.where(span > 0, span, 1.0)) * (span > 0)
    score: NDArray[np.float64] = -(loss.max(1) + 0.05 * loss.sum(1))
    return score


def random_weights(objectives: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Weights of the objectives, uniform on those that sum to 1."""
    return rng.dirichlet(np.ones(objectives))


def _volume(points: NDArray[np.float64]) -> float:
    """Volume between the origin and `n x m` points with positive coordinates."""
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    # Sweep (Zitzler and Thiele, 1998): sorted by the last coordinate, z_1 >= z_2 >= ... >= z_n >= z_{n+1} = 0,
    #     vol(p_1..n) = sum_i (z_i - z_{i+1}) vol_{m-1}(p_1..i)
    points = points[np.argsort(-points[:, -1], kind="stable")]
    below = np.append(points[1:, -1], 0.0)
    total = 0.0
    for count, thickness in enumerate(points[:, -1] - below, start=1):
        if thickness > 0:  # the slice that the first `count` points reach into
            total += thickness * _volume(points[:count, :-1])
    return float(total)


def _checked(values: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(values, dtype=np.float64)
    if points.ndim != 2 or not points.shape[1]:
        raise InvalidInput(f"points must be n x m with a column per objective, got shape {points.shape}")
    rows = np.flatnonzero(np.isnan(points).any(1))
    if len(rows):
        raise InvalidInput(f"point {rows[0]} holds NaN; leave failed evaluations out")
    return points
