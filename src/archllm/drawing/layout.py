"""Layout: where the nodes of a cell stand and how its edges run, in drawing units, top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from archllm.drawing import looks
from archllm.drawing.cell import Cell
from archllm.drawing.layering import layered, main_path
from archllm.drawing.ordering import ordered
from archllm.drawing.placing import placed

ARROW = 7.0
"""Length of an arrowhead."""

_GAP = 12.0
_SLOT_WIDTH = 2.0
_BAND = 19.0  # height of the space between two rows that curves have at least, arrowhead excluded
_BAND_PER_WAY = 0.10  # more of it where lines run far sideways
_BAND_EXTRA = 20.0

Point = tuple[float, float]
Curve = tuple[Point, Point, Point, Point]
"""A cubic Bézier curve; a straight piece has its control points on the line."""


@dataclass(frozen=True)
class Box:
    """The rectangle that a node fills."""

    x: float
    """Left side."""

    y: float
    """Upper side."""

    width: float
    height: float

    @property
    def centre(self) -> float:
        """Horizontal centre."""
        return self.x + 0.5 * self.width


@dataclass(frozen=True)
class Layout:
    """A finished layout. No box meets another, and no route meets a box other than those of its two ends."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    """One per node."""

    routes: tuple[tuple[Curve, ...], ...]
    """One per edge, from the lower side of its source to the upper side of its target, always downwards. Where edges
    share their way, their routes share curves."""


def lay_out(cell: Cell) -> Layout:
    """A layered layout of a cell (Sugiyama, Tagawa & Toda, 1981), the same for the same cell.

    Rows and the bands between them divide the picture: within a row, lines only run straight down through slots kept
    free for them, and all curves lie in the bands. So an edge can't touch a foreign box.
    """
    sizes = [looks.size(node) for node in cell.nodes]
    graph = layered(cell, [width for width, _ in sizes])
    count = len(sizes)
    widths = [width for width, _ in sizes] + [_SLOT_WIDTH] * (len(graph.row_of) - count)
    straight = main_path(cell)
    weights = {}
    for a, b in graph.segments:
        slots = (a >= count) + (b >= count)
        weights[a, b] = 3.0 if (a, b) in straight else (1.0, 1.5, 4.0)[slots]
    order = ordered(graph, [width + _GAP for width in widths], weights)
    x = placed(order, widths, weights, _GAP)

    left = min(float(x[item]) - 0.5 * widths[item] for item in range(len(widths)))
    right = max(float(x[item]) + 0.5 * widths[item] for item in range(len(widths)))
    column = [float(x[item]) - left for item in range(len(widths))]
    tops, bottoms = _rows(graph.rows, graph.segments, graph.row_of, sizes, column)

    boxes = []
    for node, (width, height) in enumerate(sizes):
        middle = 0.5 * (tops[graph.row_of[node]] + bottoms[graph.row_of[node]])
        boxes.append(Box(column[node] - 0.5 * width, middle - 0.5 * height, width, height))
    routes = []
    for edge in cell.edges:
        stops = [(column[item], tops[graph.row_of[item]], bottoms[graph.row_of[item]]) for item in graph.chains[edge]]
        source, target = boxes[edge[0]], boxes[edge[1]]
        routes.append(_route(stops, source.y + source.height, target.y))
    return Layout(right - left, bottoms[-1], tuple(boxes), tuple(routes))


def _rows(
    rows: list[list[int]],
    segments: list[tuple[int, int]],
    row_of: list[int],
    sizes: list[tuple[float, float]],
    column: list[float],
) -> tuple[list[float], list[float]]:
    """Upper and lower side of each row."""
    tops, bottoms = [], []
    y = 0.0
    for index, row in enumerate(rows):
        if index:
            way = max((abs(column[a] - column[b]) for a, b in segments if row_of[b] == index), default=0.0)
            y += _BAND + ARROW + min(_BAND_EXTRA, _BAND_PER_WAY * way)
        tops.append(y)
        y += max((sizes[item][1] for item in row if item < len(sizes)), default=looks.SUM_DIAMETER)
        bottoms.append(y)
    return tops, bottoms


def _route(stops: list[tuple[float, float, float]], start: float, end: float) -> tuple[Curve, ...]:
    """One piece for each row and band it passes; all pieces of a band span it, so they cross only in need."""
    pieces: list[Curve] = []
    y = start
    for (x, _, bottom), (next_x, top, _) in pairwise(stops):
        if bottom > y:
            pieces.append(_line(x, y, bottom))
        y = top - ARROW
        bend = (0.55 if x != next_x else 1.0 / 3.0) * (y - bottom)
        pieces.append(((x, bottom), (x, bottom + bend), (next_x, y - bend), (next_x, y)))
    return (*pieces, _line(stops[-1][0], y, end))


def _line(x: float, start: float, end: float) -> Curve:
    third = (end - start) / 3.0
    return (x, start), (x, start + third), (x, end - third), (x, end)
