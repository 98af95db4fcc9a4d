"""Cells come from graphs node for node, and refuse what can't be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.drawing import Cell, Node, cell_of_graph
from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs

NAMES = ("input", "conv", "output")


def chain(ops: list[int], edges: list[tuple[int, int]]) -> Graphs:
    adjacency = np.zeros((1, len(ops), len(ops)), dtype=bool)
    for edge in edges:
        adjacency[0][edge] = True
    return Graphs(np.array([ops]), adjacency)


def test_a_graph_becomes_a_cell_with_names_and_roles() -> None:
    cell = cell_of_graph(chain([0, 1, 2, ABSENT], [(0, 1), (1, 2)]), NAMES, "a title")
    assert cell.nodes == (Node("input", "input"), Node("conv", "op"), Node("output", "output"))
    assert cell.edges == ((0, 1), (1, 2))
    assert cell.title == "a title"


def test_edges_keep_their_nodes_when_positions_between_are_unused() -> None:
    assert cell_of_graph(chain([0, ABSENT, 2], [(0, 2)]), NAMES).edges == ((0, 1),)


@pytest.mark.parametrize("edges", [[(1, 0)], [(1, 1)]])
def test_a_graph_with_an_edge_against_its_node_order_is_refused(edges: list[tuple[int, int]]) -> None:
    with pytest.raises(InvalidInput, match="lower to a higher"):
        cell_of_graph(chain([0, 1, 2], edges), NAMES)


def test_a_label_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="between 0 and 2"):
        cell_of_graph(chain([0, 7, 2], []), NAMES)


def test_a_batch_of_two_is_refused() -> None:
    with pytest.raises(InvalidInput, match="batch of 2"):
        cell_of_graph(Graphs(np.zeros((2, 1), dtype=np.int8), np.zeros((2, 1, 1), dtype=bool)), NAMES)


def test_an_empty_graph_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one node"):
        cell_of_graph(chain([ABSENT], []), NAMES)


@pytest.mark.parametrize("edges", [((0, 2),), ((-1, 0),), ((0, 1), (0, 1))])
def test_edges_to_nowhere_and_repeated_edges_are_refused(edges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(InvalidInput):
        Cell((Node("a", "op"), Node("b", "op")), edges)
