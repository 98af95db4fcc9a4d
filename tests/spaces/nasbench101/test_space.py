"""NAS-Bench-101: its published numbers, its official rule, its published cells."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archllm.graphs import ABSENT, Graphs
from archllm.spaces import SearchSpace

OFFICIAL_OPS = ["input", "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3", "output"]


def test_cells_by_number_of_vertices_are_those_of_the_benchmark(nasbench101: SearchSpace) -> None:
    used = (nasbench101.enumerate().ops != ABSENT).sum(1)
    counts = {int(v): int(n) for v, n in zip(*np.unique(used, return_counts=True), strict=True)}
    assert counts == {2: 1, 3: 6, 4: 84, 5: 2_441, 6: 62_010, 7: 359_082}
    assert nasbench101.size == sum(counts.values()) == 423_624


def test_labels_are_the_official_operations(nasbench101: SearchSpace) -> None:
    assert list(nasbench101.op_names) == OFFICIAL_OPS


@pytest.fixture(scope="module")
def published(data_dir: Path) -> Graphs:
    """30,001 cells of the benchmark, their vertices in another order than the benchmark's own."""
    with gzip.open(data_dir / "nasbench101_sample.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    ops = np.full((len(rows), 7), ABSENT)
    adjacency = np.zeros((len(rows), 7, 7), dtype=np.bool_)
    for at, row in enumerate(rows):
        v = int(row["n_vertices"])
        ops[at, :v] = [0, *(int(digit) + 1 for digit in row["ops"]), 4]
        adjacency[at][:v, :v][np.triu_indices(v, 1)] = [bit == "1" for bit in row["upper_triangle_bits"]]
    return Graphs(ops, adjacency)


def test_published_cells_are_members_and_all_different(nasbench101: SearchSpace, published: Graphs) -> None:
    assert len(published) == 30_001
    keys = nasbench101.keys(published)  # of members only
    assert len(np.unique(keys)) == len(keys)
    assert np.isin(keys, nasbench101.keys(nasbench101.enumerate())).all()


def test_published_cells_have_as_many_vertices_and_edges_when_normalised(
    nasbench101: SearchSpace, published: Graphs
) -> None:
    normal = nasbench101.normalise(published)
    assert ((normal.ops != ABSENT).sum(1) == (published.ops != ABSENT).sum(1)).all()
    assert (normal.adjacency.sum((1, 2)) == published.adjacency.sum((1, 2))).all()
    assert (np.sort(normal.ops, axis=1) == np.sort(published.ops, axis=1)).all()


def is_a_valid_spec(matrix: list[list[int]], ops: list[str]) -> bool:
    """The rule of the benchmark's ModelSpec and API, as its paper and code state it."""
    n = len(matrix)
    if any(matrix[i][j] for i in range(n) for j in range(i + 1)):
        return False
    ahead, behind = {0}, {n - 1}
    frontier = [0]
    while frontier:
        top = frontier.pop()
        for v in range(n):
            if matrix[top][v] and v not in ahead:
                ahead.add(v)
                frontier.append(v)
    frontier = [n - 1]
    while frontier:
        top = frontier.pop()
        for v in range(n):
            if matrix[v][top] and v not in behind:
                behind.add(v)
                frontier.append(v)
    kept = sorted(ahead & behind)
    if 0 not in kept or n - 1 not in kept or n < 2:
        return False
    edges = sum(bool(matrix[i][j]) for i in kept for j in kept)
    names = [ops[v] for v in kept]
    return (
        len(kept) <= 7
        and edges <= 9
        and names[0] == "input"
        and names[-1] == "output"
        and all(name in ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3") for name in names[1:-1])
    )


@examples(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_members_are_what_the_official_rule_takes(nasbench101: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, v = 40, int(rng.integers(2, 10))
    ops = np.concatenate([np.zeros((n, 1)), rng.integers(1, 4, (n, v - 2)), np.full((n, 1), 4)], axis=1)
    odd = rng.random((n, v)) < 0.05
    ops[odd] = rng.integers(0, 6, odd.sum())
    adjacency = np.triu(rng.random((n, v, v)) < rng.random((n, 1, 1)), 1)
    adjacency[rng.random(n) < 0.1, rng.integers(v), rng.integers(v)] = True
    graphs = Graphs(ops, adjacency)
    names = [*OFFICIAL_OPS, "illegal"]
    expected = [
        is_a_valid_spec(graphs.adjacency[at].astype(int).tolist(), [names[label] for label in graphs.ops[at]])
        for at in range(n)
    ]
    assert nasbench101.validate(graphs).tolist() == expected


def test_an_illegal_operation_does_not_matter_where_it_dangles(nasbench101: SearchSpace) -> None:
    adjacency = np.zeros((1, 4, 4), dtype=np.bool_)
    adjacency[0, [0, 1, 0], [1, 3, 2]] = True  # vertex 2 leads nowhere
    for dangling in (0, 4, 99):
        assert nasbench101.validate(Graphs([[0, 1, dangling, 4]], adjacency))[0]
        assert not nasbench101.validate(Graphs([[0, dangling, 1, 4]], adjacency))[0]


def test_vertices_and_edges_are_counted_after_pruning(nasbench101: SearchSpace) -> None:
    adjacency = np.zeros((1, 12, 12), dtype=np.bool_)
    adjacency[0, 0, 11] = True
    adjacency[0, 0, 1:11] = True  # ten vertices that lead nowhere
    graph = Graphs([[0, *[1] * 10, 4]], adjacency)
    assert nasbench101.validate(graph)[0]
    assert nasbench101.normalise(graph).ops[0].tolist() == [0, 4, *[ABSENT] * 5]


def test_a_sample_has_the_sizes_of_the_space(nasbench101: SearchSpace) -> None:
    drawn = nasbench101.sample(20_000, np.random.default_rng(0))
    share = ((drawn.ops != ABSENT).sum(1) == 7).mean()
    assert share == pytest.approx(359_082 / 423_624, abs=0.015)  # six standard deviations


def test_a_neighbour_has_one_operation_or_one_edge_or_one_vertex_more_or_less(nasbench101: SearchSpace) -> None:
    for graph in nasbench101.sample(20, np.random.default_rng(1)):
        own = size(graph)
        for other in nasbench101.neighbours(nasbench101.architecture(graph)):
            vertices, edges = size(other.graph)
            if vertices == own[0]:
                assert abs(edges - own[1]) <= 1
            elif vertices > own[0]:
                assert (vertices, edges) == (own[0] + 1, own[1] + 2)
            else:  # a vertex that lost its last way in or out is pruned, with its edges
                assert edges < own[1]


def size(graph: Graphs) -> tuple[int, int]:
    return int((graph.ops != ABSENT).sum()), int(graph.adjacency.sum())


def test_the_smallest_cell_has_the_neighbours_counted_by_hand(nasbench101: SearchSpace) -> None:
    smallest = nasbench101.parse('{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}')
    near = nasbench101.neighbours(smallest)
    assert len(near) == 3  # a vertex with one of 3 operations beside the edge
    assert all(size(other.graph) == (3, 3) for other in near)
