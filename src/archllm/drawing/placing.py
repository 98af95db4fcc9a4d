"""Placing: horizontal positions for ordered rows, so that lines run straight and the picture is balanced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SWEEPS = 10  # passes over the rows for each set of weights
_REWEIGHTINGS = 7
_STILL = 0.02  # movements below this end the passes
_SOFT = 2.0  # below this sideways way a line counts as nearly straight, in drawing units
_BALANCE = 0.01  # share of the squared ways, which centre a node among equally good places
_SNAP = 1.0  # sideways ways below this are inaccuracies
_NEARLY = 20.0  # lines with a smaller sideways way are made straight where possible
_BEND = 8.0  # price of a line that is not straight, in drawing units of sideways way
_SLACK = 4.0  # what a gap may lose to a straighter line


def placed(
    order: Sequence[Sequence[int]],
    widths: Sequence[float],
    weights: Mapping[tuple[int, int], float],
    gap: float,
) -> Floats:
    """The horizontal centre of each item.

    The sum of the weighted sideways ways is minimised by reweighted least squares: it leaves many lines exactly
    straight, where least squares alone would slant them all a little. One row at a time is an isotonic regression.

    Args:
        order: the items of each row from left to right.
        widths: the width of each item.
        weights: how much the sideways way of each segment counts.
        gap: free space between neighbours in a row.
    """
    # min over x of sum_{a,b} w_ab |x_a - x_b|  with  x_{i+1} - x_i >= gap within rows: the problem of Gansner et al.
    # (1993, section 4), solved there by a network simplex, here by iteratively reweighted least squares (Weiszfeld,
    # 1937):
    #     |d| = d^2 / |d|,  so repeat:  min sum s_ab (x_a - x_b)^2,  s_ab = w_ab (1 / max(|d_ab|, soft) + balance)
    # The term `balance` makes the minimum unique, centring what |.| alone leaves free between two neighbours.
    x = np.zeros(len(widths))
    offsets = [_offsets(row, widths, gap) for row in order]
    for row, offset in zip(order, offsets, strict=True):
        x[list(row)] = offset - offset.mean()
    ends = np.array(sorted(weights), dtype=np.int64).reshape(-1, 2)
    weight = np.array([weights[a, b] for a, b in ends.tolist()], dtype=np.float64)
    matrix = np.zeros((len(x), len(x)))
    strength = weight.copy()
    for _ in range(_REWEIGHTINGS):
        matrix[ends[:, 0], ends[:, 1]] = matrix[ends[:, 1], ends[:, 0]] = strength
        for sweep in range(2 * _SWEEPS):
            before = x.copy()
            for index in range(len(order)) if sweep % 2 == 0 else reversed(range(len(order))):
                _settle(list(order[index]), offsets[index], matrix, x)
            if np.abs(x - before).max() < _STILL:
                break
        way = np.abs(x[ends[:, 0]] - x[ends[:, 1]])
        strength = weight * (1.0 / np.maximum(way, _SOFT) + _BALANCE)
    _straighten(order, offsets, ends, weight, x)
    return np.asarray(x - x.mean(), dtype=np.float64)


def _offsets(row: Sequence[int], widths: Sequence[float], gap: float) -> Floats:
    """Positions of the items of a row, pushed together."""
    w = np.array([widths[item] for item in row])
    return np.concatenate([[0.0], np.cumsum(0.5 * (w[1:] + w[:-1]) + gap)])


def _settle(row: list[int], offset: Floats, matrix: Floats, x: Floats) -> None:
    """Moves one row to its best positions, all others held."""
    # Others held, sum_b s_ib (x_i - x_b)^2 = S_i (x_i - m_i)^2 + const, S_i = sum_b s_ib, m_i = sum_b s_ib x_b / S_i.
    # With y_i = x_i - offset_i the gaps read y_1 <= y_2 <= ...: a weighted isotonic regression of m_i - offset_i.
    pull = matrix[row]
    total = pull.sum(1)
    loose = 1e-3  # what has no line stays near where it is
    wish = (pull @ x + loose * x[row]) / (total + loose)
    x[row] = _isotonic(wish - offset, total + loose) + offset


def _isotonic(wish: Floats, weight: Floats) -> Floats:
    """The non-decreasing sequence nearest to `wish` in weighted squares, by pooling adjacent violators."""
    # Pool adjacent violators (Ayer et al., 1955): two blocks out of order share their weighted mean; O(n) in all.
    blocks: list[tuple[float, float, int]] = []
    for value, mass in zip(wish.tolist(), weight.tolist(), strict=True):
        count = 1
        while blocks and blocks[-1][0] >= value:
            other, other_mass, other_count = blocks.pop()
            value = (value * mass + other * other_mass) / (mass + other_mass)
            mass += other_mass
            count += other_count
        blocks.append((value, mass, count))
    return np.repeat([value for value, _, _ in blocks], [count for _, _, count in blocks])


def _straighten(
    order: Sequence[Sequence[int]],
    offsets: Sequence[Floats],
    ends: NDArray[np.int64],
    weight: Floats,
    x: Floats,
) -> None:
    """Shifts groups of items that stand in one line, where that makes nearly straight lines straight."""
    row_of = {item: index for index, row in enumerate(order) for item in row}
    groups = _joined_groups(ends, row_of, x)
    lowest = _price(ends, weight, x)
    moved = True
    while moved:
        moved = False
        way = np.abs(x[ends[:, 0]] - x[ends[:, 1]])
        for a, b in ends[np.argsort(way, kind="stable")].tolist():
            if groups[a] is groups[b] or abs(x[a] - x[b]) > _NEARLY:
                continue
            for still, shifted in ((a, b), (b, a)):
                trial = x.copy()
                trial[groups[shifted]] = x[still]
                price = _price(ends, weight, trial)
                if price < lowest - 1e-6 and all(
                    _fits(order[row], offsets[row], trial) for row in {row_of[item] for item in groups[shifted]}
                ):
                    x[:] = trial
                    lowest = price
                    _join(groups, a, b)
                    moved = True
                    break


def _joined_groups(ends: NDArray[np.int64], row_of: Mapping[int, int], x: Floats) -> dict[int, list[int]]:
    """Groups of items that stand in one line but for rounding; `x` is rounded."""
    groups = {item: [item] for item in row_of}
    way = np.abs(x[ends[:, 0]] - x[ends[:, 1]])
    for a, b in ends[np.argsort(way, kind="stable")].tolist():
        both = groups[a] + groups[b]
        apart = len({row_of[item] for item in both}) == len(both)
        if groups[a] is not groups[b] and apart and np.ptp(x[both]) < _SNAP:
            _join(groups, a, b)
    for members in groups.values():
        x[members] = round(float(np.mean(x[members])), 1)
    return groups


def _join(groups: dict[int, list[int]], a: int, b: int) -> None:
    both = groups[a] + groups[b]
    for item in both:
        groups[item] = both


def _price(ends: NDArray[np.int64], weight: Floats, x: Floats) -> float:
    way = np.abs(x[ends[:, 0]] - x[ends[:, 1]])
    return float((weight * (way + _BEND * (way > 0.0))).sum())


def _fits(row: Sequence[int], offset: Floats, x: Floats) -> bool:
    return bool((np.diff(x[list(row)]) >= np.diff(offset) - _SLACK).all())
