"""Canonical forms of larger cells, against an independent library of graphs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray

from archllm.errors import InvalidArchitecture
from archllm.graphs import Graphs, concatenate, equal
from archllm.spaces.kinds import canonical as module
from archllm.spaces.kinds.canonical import canonical
from archllm.spaces.kinds.ordered_dags import OrderedDags
from archllm.spaces.kinds.paths import reordered, topological_order

SEEDS = st.integers(0, 2**32 - 1)


def two_layers(links: NDArray[np.bool_]) -> Graphs:
    """Input, two layers of vertices that are all alike, links from one to the other, output."""
    first, second = links.shape
    v = first + second + 2
    adjacency = np.zeros((1, v, v), dtype=np.bool_)
    adjacency[0, 0, 1 : first + 1] = adjacency[0, first + 1 : -1, -1] = True
    adjacency[0, 1 : first + 1, first + 1 : -1] = links
    return Graphs(np.array([[0, *[1] * (v - 2), 2]]), adjacency)


def rings(*lengths: int) -> NDArray[np.bool_]:
    """Regular links of degree 2: vertices of the two layers stand in rings."""
    n = sum(lengths)
    links, start = np.eye(n, dtype=np.bool_), 0
    for length in lengths:
        ring = np.arange(length)
        links[start + ring, start + (ring + 1) % length] = True
        start += length
    return links


def plane(order: int) -> NDArray[np.bool_]:
    """Which points of the projective plane over the numbers modulo a prime lie on which lines."""
    numbers = range(order)
    points = [(1, y, z) for y in numbers for z in numbers] + [(0, 1, z) for z in numbers] + [(0, 0, 1)]
    return np.array([[sum(a * b for a, b in zip(p, q, strict=True)) % order == 0 for q in points] for p in points])


def circulant(n: int, *steps: int) -> NDArray[np.bool_]:
    links = np.zeros((n, n), dtype=np.bool_)
    for step in steps:
        links[np.arange(n), (np.arange(n) + step) % n] = True
    return links


def copies(graphs: Graphs, rng: np.random.Generator) -> Graphs:
    return reordered(graphs, topological_order(graphs, rng.random(graphs.ops.shape)))


def isomorphic(one: Graphs, other: Graphs) -> bool:
    drawn = []
    for graph in (one, other):
        network = nx.from_numpy_array(graph.adjacency[0], create_using=nx.DiGraph)
        nx.set_node_attributes(network, dict(enumerate(graph.ops[0].tolist())), "op")
        drawn.append(network)
    return bool(nx.is_isomorphic(*drawn, node_match=lambda a, b: a["op"] == b["op"]))


@examples(max_examples=12)
@given(seed=SEEDS, vertices=st.integers(4, 9), ops=st.integers(1, 2), most=st.integers(1, 3))
def test_forms_of_random_cells_are_equal_exactly_if_the_cells_are_isomorphic(
    seed: int, vertices: int, ops: int, most: int
) -> None:
    rng = np.random.default_rng(seed)
    cells = OrderedDags(ops=ops, max_vertices=vertices, max_edges=99, max_in=most).draw(12, rng)
    cells = concatenate([cells, copies(cells, rng)])
    forms = canonical(cells)
    for i in range(len(cells)):
        for j in range(i):
            assert equal(forms[i], forms[j])[0] == isomorphic(cells[i], cells[j])


REGULAR = {
    "rings": [two_layers(rings(*lengths)) for lengths in ((8,), (4, 4), (3, 5), (2, 6), (2, 3, 3))],
    "degree 3": [two_layers(circulant(8, *steps)) for steps in ((0, 1, 3), (0, 1, 2), (0, 1, 4), (0, 2, 4), (0, 2, 6))],
    "many alike": [two_layers(np.ones((5, 5), dtype=np.bool_)), two_layers(np.eye(5, dtype=np.bool_))],
}
"""Cells of equal degrees throughout, where colours alone tell nothing apart."""


@pytest.mark.parametrize("family", REGULAR)
def test_regular_cells_are_told_apart(family: str) -> None:
    cells = REGULAR[family]
    rng = np.random.default_rng(0)
    forms = [canonical(cell) for cell in cells]
    for i, cell in enumerate(cells):
        assert equal(canonical(copies(cell, rng)), forms[i])[0]
        for j in range(i):
            assert equal(forms[i], forms[j])[0] == isomorphic(cell, cells[j])


@pytest.mark.parametrize("links", [plane(5), rings(31), rings(15, 16), np.eye(31, dtype=np.bool_)])
def test_regular_cells_of_64_vertices_have_a_form(links: NDArray[np.bool_]) -> None:
    cell = two_layers(links)
    assert cell.nodes == 64
    assert equal(canonical(copies(cell, np.random.default_rng(1))), canonical(cell))[0]


def test_what_would_take_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REFINEMENTS", 5)
    with pytest.raises(InvalidArchitecture, match="graph 1 has so many symmetries"):
        canonical(concatenate([two_layers(np.ones((9, 5), dtype=np.bool_)), two_layers(rings(9))]))
