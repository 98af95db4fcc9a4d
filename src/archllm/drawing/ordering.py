"""Ordering: the sequence of the items within each row, with few crossings and short ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from archllm.drawing.layering import Layered

Order = list[list[int]]
_Floats = NDArray[np.float64]
_Weights = Mapping[tuple[int, int], float]

_CROSSING = 400.0  # price of a crossing, in drawing units of sideways way
_EXHAUSTIVE = 5  # rows of up to so many items try all their permutations
_ROUNDS = 12
_MOST_WORK = 4e6  # comparisons of segments in a round; a search of more would take minutes


def ordered(graph: Layered, widths: Sequence[float], weights: _Weights) -> Order:
    """The items of each row from left to right.

    Every row has candidate sequences: all permutations if it is short, else what a local search met. The best
    combination of candidates is found exactly, by dynamic programming from row to row; the first of equals wins. A
    graph that is too large for a search is only swept.

    Args:
        graph: the rows.
        widths: the space that each item takes in its row.
        weights: how much the sideways way of each segment counts.
    """
    searched: list[Order] = []
    if any(len(row) > _EXHAUSTIVE for row in graph.rows):
        search = _Search(graph, widths, weights)
        if search.work > _MOST_WORK:
            return search.sweep(_starts(graph)[0])
        searched = [search.improve(search.sweep(start)) for start in _starts(graph)]
    candidates = []
    for index, row in enumerate(graph.rows):
        if len(row) <= _EXHAUSTIVE:
            candidates.append(np.array(list(permutations(row)), dtype=np.int64))
        else:
            candidates.append(_around([order[index] for order in searched]))
    best = _combination(graph, widths, weights, candidates)
    return [row[::-1] for row in best] if _reads_backwards(best, graph.nodes) else best


def crossings(graph: Layered, order: Order) -> int:
    """How many pairs of segments cross."""
    place = {item: rank for row in order for rank, item in enumerate(row)}
    count = 0
    for i, (a, b) in enumerate(graph.segments):
        for c, d in graph.segments[:i]:
            if graph.row_of[a] == graph.row_of[c] and (place[a] - place[c]) * (place[b] - place[d]) < 0:
                count += 1
    return count


def _around(rows: list[list[int]]) -> NDArray[np.int64]:
    """Some sequences of one row, and those that differ from the first of them by one moved item."""
    found = [tuple(row) for row in rows]
    first = rows[0]
    for item in first:
        rest = [other for other in first if other != item]
        found += [(*rest[:place], item, *rest[place:]) for place in range(len(first))]
    return np.array(list(dict.fromkeys(found)), dtype=np.int64)


def _combination(
    graph: Layered, widths: Sequence[float], weights: _Weights, candidates: list[NDArray[np.int64]]
) -> Order:
    """One candidate of each row, at the lowest price of all combinations."""
    # Cost of orders o_0 ... o_R is a sum over neighbouring rows, so the best combination is a shortest path (Viterbi):
    #     T_r(o) = min over o' of T_{r-1}(o') + cost(o', o),
    #     cost = sum_{a->b} w_ab |x_a - x_b| + `_CROSSING` * crossings(o', o)
    # Exact where all |row|! orders are candidates, among what was met else: crossing minimisation of two rows alone is
    # NP-hard (Garey & Johnson, 1983).
    width = np.array(widths)
    ranks, places = [], []
    for rows in candidates:
        rank, place = np.zeros((2, len(rows), len(widths)))
        spaces = width[rows]
        middles = spaces.cumsum(1) - 0.5 * spaces - 0.5 * spaces.sum(1, keepdims=True)
        np.put_along_axis(rank, rows, np.arange(rows.shape[1], dtype=np.float64)[None], 1)
        np.put_along_axis(place, rows, middles, 1)
        ranks.append(rank)
        places.append(place)
    total = np.zeros(len(candidates[0]))
    came_from = []
    for row in range(1, len(candidates)):
        segments = [(a, b) for a, b in graph.segments if graph.row_of[b] == row]
        price = total[:, None] + np.zeros(len(candidates[row]))
        for a, b in segments:
            price += weights[a, b] * np.abs(places[row - 1][:, a, None] - places[row][None, :, b])
        price += _CROSSING * _crossing_counts(segments, ranks[row - 1], ranks[row])
        price = price.round(6)  # so that rounding errors don't choose among equals
        came_from.append(price.argmin(0))
        total = price.min(0)
    choice = [int(total.argmin())]
    for step in reversed(came_from):
        choice.append(int(step[choice[-1]]))
    return [rows[index].tolist() for rows, index in zip(candidates, reversed(choice), strict=True)]


def _crossing_counts(segments: list[tuple[int, int]], upper: _Floats, lower: _Floats) -> _Floats:
    """Crossings between two rows for each pair of their candidates, given the ranks of the items in each candidate."""
    # Segments s, t cross iff their ends stand in opposite orders: sign(s_0 - t_0) sign(s_1 - t_1) = -1. So
    #     crossings = (P - sum over P pairs of sign_above sign_below) / 2,
    # one matrix product for all pairs of candidates.
    pairs = [(s, t) for i, s in enumerate(segments) for t in segments[:i] if s[0] != t[0] and s[1] != t[1]]
    if not pairs:
        return np.zeros((len(upper), len(lower)))
    above = np.sign(upper[:, [s[0] for s, _ in pairs]] - upper[:, [t[0] for _, t in pairs]])
    below = np.sign(lower[:, [s[1] for s, _ in pairs]] - lower[:, [t[1] for _, t in pairs]])
    return np.asarray(0.5 * (len(pairs) - above @ below.T), dtype=np.float64)


def _reads_backwards(order: Order, nodes: int) -> bool:
    """Whether the mirror image shows more nodes in their own order; the upper rows, where reading starts, decide."""
    for row in order:
        own = [item for item in row if item < nodes]
        balance = sum(1 if a < b else -1 for i, b in enumerate(own) for a in own[:i])
        if balance:
            return balance < 0
    return False


def _starts(graph: Layered) -> list[Order]:
    forward = [list(row) for row in graph.rows]
    outside = [row[::2] + row[1::2][::-1] for row in graph.rows]
    return [forward, [row[::-1] for row in graph.rows], outside, [row[::-1] for row in outside]]


class _Search:
    """Local search for good orders of one graph."""

    def __init__(self, graph: Layered, widths: Sequence[float], weights: _Weights) -> None:
        self.widths = widths
        self.rows = [len(row) for row in graph.rows]
        self.above: list[list[int]] = [[] for _ in graph.row_of]
        self.below: list[list[int]] = [[] for _ in graph.row_of]
        self.ways: list[list[tuple[int, int, float]]] = [[] for _ in range(len(graph.rows) + 1)]
        for a, b in graph.segments:
            self.above[b].append(a)
            self.below[a].append(b)
            self.ways[graph.row_of[b]].append((a, b, weights[a, b]))

    @property
    def work(self) -> float:
        """Comparisons of segments in a round of `improve`, or more than that."""
        ways = [len(found) for found in self.ways]
        return float(sum(n**2 * (ways[at] ** 2 + ways[at + 1] ** 2) for at, n in enumerate(self.rows)))

    def sweep(self, start: Order) -> Order:
        """Barycentre sweeps down and up."""
        # Each row sorted by b_i = mean of x over i's neighbours in the row before (Sugiyama, Tagawa & Toda, 1981).
        order = [list(row) for row in start]
        x: dict[int, float] = {}
        for row in order:
            self._pack(row, x)
        for turn in range(4):
            down = turn % 2 == 0
            neighbours = self.above if down else self.below
            for row in order if down else reversed(order):
                wish = {i: float(np.mean([x[n] for n in neighbours[i] or [i]])) for i in row}
                row.sort(key=wish.__getitem__)
                self._pack(row, x)
        return order

    def improve(self, order: Order) -> Order:
        """Moves single items within their rows while that lowers the price."""
        x: dict[int, float] = {}
        for row in order:
            self._pack(row, x)
        for _ in range(_ROUNDS):
            moved = False
            for index, row in enumerate(order):
                for item in list(row):
                    moved |= self._settle(index, row, item, x)
            if not moved:
                break
        return order

    def _pack(self, row: Sequence[int], x: dict[int, float]) -> None:
        """Centre positions of a row set without gaps, around 0."""
        position = -0.5 * sum(self.widths[item] for item in row)
        for item in row:
            x[item] = position + 0.5 * self.widths[item]
            position += self.widths[item]

    def _settle(self, index: int, row: list[int], item: int, x: dict[int, float]) -> bool:
        """Puts one item where the price is lowest; whether it moved."""
        here = row.index(item)
        best, lowest = here, self._price(index, x) + self._price(index + 1, x)
        rest = [other for other in row if other != item]
        for there in range(len(row)):
            if there == here:
                continue
            self._pack([*rest[:there], item, *rest[there:]], x)
            price = self._price(index, x) + self._price(index + 1, x)
            if price < lowest - 1e-6:
                best, lowest = there, price
        row[:] = [*rest[:best], item, *rest[best:]]
        self._pack(row, x)
        return best != here

    def _price(self, row: int, x: dict[int, float]) -> float:
        """Price of the segments that end in a row."""
        ways = sorted((x[a], x[b], weight) for a, b, weight in self.ways[row])
        price = 0.0
        for i, (start, end, weight) in enumerate(ways):
            price += weight * abs(start - end)
            price += _CROSSING * sum(1 for earlier in ways[:i] if earlier[1] > end and earlier[0] < start)
        return price
