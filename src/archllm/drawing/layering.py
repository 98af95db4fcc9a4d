"""Layering: which row each node stands in, and where long edges pass through the rows between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archllm.drawing.cell import Cell

_ROW_WIDTH = 330.0  # boxes of one row together, in drawing units: four ordinary boxes and their gaps
_GAP = 14.0
_CROWDING = 0.35  # price of one more box in a row, against one more row that an edge crosses


_Slot = tuple[bool, int, int]
"""Whether it belongs to a source (or else to a target), which one, and the row."""


@dataclass(frozen=True)
class Layered:
    """A cell whose edges all lead from one row to the next.

    Items `0 .. n-1` are the cell's nodes, the others are slots: free columns in a row, through which long edges pass.
    """

    nodes: int
    """How many items are nodes."""

    rows: list[list[int]]
    """The items of each row, in no particular order."""

    row_of: list[int]
    """The row of each item."""

    segments: list[tuple[int, int]]
    """Pairs of items in successive rows that are joined, each once."""

    chains: dict[tuple[int, int], list[int]]
    """The items that each edge of the cell visits, its ends included."""


def layered(cell: Cell, widths: Sequence[float]) -> Layered:
    """Rows for every node, and slots for every long edge.

    Long edges of one source share slots before they part, and those of one target share slots after they met: the
    picture shows one line that branches, or several that join, instead of a bundle. It stays unambiguous, since every
    way along the lines is an edge: a slot has one source or one target.

    Args:
        cell: what to draw.
        widths: the width of each node.
    """
    row_of = rows_of_nodes(cell, widths)
    slots: dict[_Slot, int] = {}
    chains = {}
    for (source, target), passed in _shared_slots(cell, row_of).items():
        for slot in passed:
            if slot not in slots:
                slots[slot] = len(row_of)
                row_of.append(slot[2])
        chains[source, target] = [source, *(slots[slot] for slot in passed), target]
    segments = sorted({pair for chain in chains.values() for pair in pairwise(chain)})
    rows: list[list[int]] = [[] for _ in range(max(row_of) + 1)]
    for item, row in enumerate(row_of):
        rows[row].append(item)
    return Layered(len(cell.nodes), rows, row_of, segments, chains)


def rows_of_nodes(cell: Cell, widths: Sequence[float]) -> list[int]:
    """The row of each node: below its sources, no row too wide, edges short, inputs on top, outputs at the bottom."""
    before: list[list[int]] = [[] for _ in cell.nodes]
    after: list[list[int]] = [[] for _ in cell.nodes]
    for source, target in cell.edges:
        before[target].append(source)
        after[source].append(target)
    row_of = _earliest_rows(cell, widths, before)
    _shorten(cell, widths, before, after, row_of)
    used = sorted(set(row_of))
    return [used.index(row) for row in row_of]


def main_path(cell: Cell) -> set[tuple[int, int]]:
    """Edges of the cell's longest path, where there is no choice between several of that length."""
    # With d the longest way from a source and h that to a sink, v lies on a longest path iff d_v + h_v = max; the path
    # is unique at each depth at which only one such vertex stands.
    count = len(cell.nodes)
    depth, height = [0] * count, [0] * count
    for source, target in sorted(cell.edges):
        depth[target] = max(depth[target], depth[source] + 1)
    for source, target in sorted(cell.edges, reverse=True):
        height[source] = max(height[source], height[target] + 1)
    longest = max(d + h for d, h in zip(depth, height, strict=True))
    at: dict[int, list[int]] = {}
    for node in range(count):
        if depth[node] + height[node] == longest:
            at.setdefault(depth[node], []).append(node)
    alone = {nodes[0] for nodes in at.values() if len(nodes) == 1}
    return {(s, t) for s, t in cell.edges if s in alone and t in alone and depth[t] == depth[s] + 1}


def _shared_slots(cell: Cell, row_of: Sequence[int]) -> dict[tuple[int, int], list[_Slot]]:
    """The slots of each edge: first some of its source, then some of its target, chosen to share many with others."""

    def slots(edge: tuple[int, int], own: int) -> list[_Slot]:
        rows = range(row_of[edge[0]] + 1, row_of[edge[1]])
        return [(index < own, edge[0] if index < own else edge[1], row) for index, row in enumerate(rows)]

    everything = {edge: row_of[edge[1]] - row_of[edge[0]] - 1 for edge in cell.edges}
    use = Counter(slot for edge, count in everything.items() for own in {0, count} for slot in slots(edge, own))
    chosen: dict[tuple[int, int], list[_Slot]] = {}
    for turn in range(3):
        for edge, count in everything.items():
            if turn:
                use.subtract(chosen[edge])
            least = 0 if turn else 1  # in the first turn, the edge itself is among the users
            chosen[edge] = max(
                (slots(edge, own) for own in range(count, -1, -1)),
                key=lambda passed: sum(use[slot] > least for slot in passed),
            )
            if turn:
                use.update(chosen[edge])
        if not turn:
            use = Counter(slot for passed in chosen.values() for slot in passed)
    return chosen


# Rows as in layered drawing (Sugiyama, Tagawa & Toda, 1981), in two steps:
#   longest path:  row_j = 1 + max over edges i -> j of row_i, the least that leads every edge downwards, put off to
#                  the first later row with free width (list scheduling in topological order; Coffman & Graham, 1972)
#   then moves:    min sum over edges of (row_j - row_i), the objective of Gansner et al. (1993, section 2), plus a
#                  price for crowded rows. Where row_j moves down by one, its in-edges grow and its out-edges shrink:
#                  d(sum) = indegree - outdegree, the `pull` below. Coordinate descent instead of a network simplex:
#                  cells have some ten nodes.
def _earliest_rows(cell: Cell, widths: Sequence[float], before: list[list[int]]) -> list[int]:
    row_of = [0] * len(cell.nodes)
    filled: dict[int, float] = {}
    for node in range(len(cell.nodes)):
        row = max((row_of[source] + 1 for source in before[node]), default=0)
        while filled.get(row, 0.0) > 0.0 and filled[row] + widths[node] + _GAP > _ROW_WIDTH + _GAP:
            row += 1
        row_of[node] = row
        filled[row] = filled.get(row, 0.0) + widths[node] + _GAP
    last = max(row_of)
    for node, row in enumerate(row_of):
        if cell.nodes[node].role == "output" and row < last and all(node not in sources for sources in before):
            row_of[node] = last
    return row_of


def _shorten(
    cell: Cell, widths: Sequence[float], before: list[list[int]], after: list[list[int]], row_of: list[int]
) -> None:
    """Moves nodes between their sources and targets while that makes edges shorter or rows emptier."""
    unit = max(widths)
    last = max(row_of)
    for _ in range(4 * len(row_of)):
        moved = False
        for node in range(len(row_of)):
            if cell.nodes[node].role in ("input", "output") or not (before[node] or after[node]):
                continue
            lowest = max((row_of[source] + 1 for source in before[node]), default=0)
            highest = min((row_of[target] - 1 for target in after[node]), default=last)
            pull = len(before[node]) - len(after[node])

            def price(row: int, node: int = node, pull: int = pull) -> float:
                others = sum(w for i, w in enumerate(widths) if i != node and row_of[i] == row) / unit
                full = (others + widths[node] / unit) * unit > _ROW_WIDTH and others > 0
                return pull * row + 2 * _CROWDING * others + (100.0 if full else 0.0)

            best = min(range(lowest, highest + 1), key=lambda row: (price(row), row))
            if price(best) < price(row_of[node]) - 1e-9:
                row_of[node] = best
                moved = True
        if not moved:
            return
