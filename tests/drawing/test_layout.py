"""A layout keeps its promises on any cell: nothing overlaps, nothing passes through, everything runs down."""

from __future__ import annotations

import random
from itertools import combinations, pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from archllm.drawing import Cell, Node, looks
from archllm.drawing.layering import Layered, layered
from archllm.drawing.layout import ARROW, Box, Curve, lay_out
from archllm.drawing.ordering import crossings, ordered

from .cells import ANY_CELL, cells, darts_cell, nasbench101_cell, nasbench201_cell

CLEARANCE = 3.0


def points(route: tuple[Curve, ...]) -> NDArray[np.float64]:
    """Dense samples of a route, `n x 2`."""
    t = np.linspace(0.0, 1.0, 40)[:, None]
    curves = [np.array(curve) for curve in route]
    return np.concatenate(
        [(1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d for a, b, c, d in curves]
    )


def inside(box: Box, at: NDArray[np.float64], margin: float) -> bool:
    x, y = at.T
    beside = (x < box.x - margin) | (x > box.x + box.width + margin)
    return bool((~beside & (y > box.y) & (y < box.y + box.height)).any())


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_no_edge_passes_through_a_foreign_box_or_close_by_its_sides(cell: Cell) -> None:
    plan = lay_out(cell)
    for edge, route in zip(cell.edges, plan.routes, strict=True):
        at = points(route)
        for node, box in enumerate(plan.boxes):
            assert not inside(box, at, 0.0 if node in edge else CLEARANCE), (edge, node)


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_boxes_keep_apart(cell: Cell) -> None:
    for a, b in combinations(lay_out(cell).boxes, 2):
        beside = max(a.x, b.x) - min(a.x + a.width, b.x + b.width)
        below = max(a.y, b.y) - min(a.y + a.height, b.y + b.height)
        assert max(beside, below) >= CLEARANCE


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_edges_join_their_nodes_without_gaps_and_run_down(cell: Cell) -> None:
    plan = lay_out(cell)
    for (source, target), route in zip(cell.edges, plan.routes, strict=True):
        start, end = plan.boxes[source], plan.boxes[target]
        assert route[0][0] == pytest.approx((start.centre, start.y + start.height))
        assert route[-1][-1] == pytest.approx((end.centre, end.y))
        assert all(a[-1] == pytest.approx(b[0]) for a, b in pairwise(route))
        assert (np.diff(points(route)[:, 1]) >= -1e-9).all()


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_arrowheads_point_straight_down(cell: Cell) -> None:
    for route in lay_out(cell).routes:
        tip = route[-1][-1]
        at = points(route)
        assert np.ptp(at[at[:, 1] > tip[1] - ARROW + 1e-6, 0]) < 1e-9


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_everything_lies_within_the_picture(cell: Cell) -> None:
    plan = lay_out(cell)
    for box in plan.boxes:
        assert box.x >= -1e-9 and box.y >= -1e-9
        assert box.x + box.width <= plan.width + 1e-9 and box.y + box.height <= plan.height + 1e-9
    for route in plan.routes:
        at = points(route)
        assert at.min() >= -1e-9 and (at <= np.array([plan.width, plan.height]) + 1e-9).all()


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_every_way_along_the_lines_is_an_edge(cell: Cell) -> None:
    graph = graph_of(cell)
    ahead: dict[int, set[int]] = {}
    for a, b in graph.segments:
        ahead.setdefault(a, set()).add(b)
    ways = set()
    for source in range(graph.nodes):
        front = set(ahead.get(source, ()))
        while front:
            ways |= {(source, item) for item in front if item < graph.nodes}
            front = {after for item in front if item >= graph.nodes for after in ahead[item]}
    assert ways == set(cell.edges)


def graph_of(cell: Cell) -> Layered:
    return layered(cell, [looks.size(node)[0] for node in cell.nodes])


@settings(max_examples=40, deadline=None)
@given(cells())
def test_no_other_order_of_a_small_picture_has_fewer_crossings(cell: Cell) -> None:
    graph = graph_of(cell)
    orders = [list(permutations(row)) for row in graph.rows]
    if np.prod([float(len(choices)) for choices in orders]) > 2000:
        return
    found = crossings(graph, ordered(graph, [1.0] * len(graph.row_of), dict.fromkeys(graph.segments, 1.0)))
    assert found == min(crossings(graph, [list(row) for row in order]) for order in product(*orders))


@pytest.mark.parametrize("seed", range(3))
def test_a_nasbench201_cell_has_no_crossing_and_one_shape(seed: int) -> None:
    cell = nasbench201_cell(random.Random(seed))
    graph = graph_of(cell)
    order = ordered(graph, [70.0] * len(graph.row_of), dict.fromkeys(graph.segments, 1.0))
    assert crossings(graph, order) == 0
    assert lay_out(cell) == lay_out(nasbench201_cell(random.Random(99)))


def test_a_chain_is_one_straight_line() -> None:
    nodes = (Node("input", "input"), *[Node("conv3x3-bn-relu", "op")] * 5, Node("output", "output"))
    plan = lay_out(Cell(nodes, tuple((i, i + 1) for i in range(6))))
    assert len({box.centre for box in plan.boxes}) == 1


def test_two_equal_branches_are_symmetrical() -> None:
    nodes = (Node("input", "input"), Node("none", "op"), Node("none", "op"), Node("output", "output"))
    left, right = (box.centre for box in lay_out(Cell(nodes, ((0, 1), (0, 2), (1, 3), (2, 3)))).boxes[1:3])
    top, bottom = (lay_out(Cell(nodes, ((0, 1), (0, 2), (1, 3), (2, 3)))).boxes[i].centre for i in (0, 3))
    assert top == pytest.approx(0.5 * (left + right), abs=0.2)
    assert bottom == pytest.approx(top, abs=0.2)


@pytest.mark.parametrize("seed", range(20))
def test_inputs_stand_on_top_and_the_output_at_the_bottom(seed: int) -> None:
    for make in (nasbench101_cell, nasbench201_cell, darts_cell):
        cell = make(random.Random(seed))
        plan = lay_out(cell)
        for node, box in zip(cell.nodes, plan.boxes, strict=True):
            if node.role == "input":
                assert box.y == 0.0
            if node.role == "output":
                assert box.y + box.height == plan.height


def test_the_earlier_input_of_a_darts_cell_stands_left() -> None:
    for seed in range(20):
        boxes = lay_out(darts_cell(random.Random(seed))).boxes
        assert boxes[0].x < boxes[1].x


@settings(max_examples=30, deadline=None)
@given(ANY_CELL)
def test_the_same_cell_is_laid_out_the_same_way(cell: Cell) -> None:
    assert lay_out(cell) == lay_out(Cell(cell.nodes, cell.edges))


def test_a_single_node_fills_its_picture() -> None:
    plan = lay_out(Cell((Node("input", "input"),), ()))
    assert (plan.boxes[0].x, plan.boxes[0].y, plan.routes) == (0.0, 0.0, ())
    assert (plan.width, plan.height) == (plan.boxes[0].width, plan.boxes[0].height)


def test_nodes_without_edges_stand_side_by_side_until_a_row_is_full() -> None:
    plan = lay_out(Cell((Node("none", "op"),) * 6, ()))
    assert len({box.y for box in plan.boxes}) == 2
