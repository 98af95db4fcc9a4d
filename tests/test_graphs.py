"""A batch of graphs keeps what it was given, and refuses what it can't keep."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs, concatenate, equal


def batch(n: int = 3, v: int = 4, seed: int = 0) -> Graphs:
    rng = np.random.default_rng(seed)
    return Graphs(rng.integers(0, 5, (n, v)), rng.random((n, v, v)) < 0.5)


def test_labels_and_edges_come_back_as_given() -> None:
    graphs = Graphs([[0, 1, 2]], [[[0, 1, 0], [0, 0, 1], [0, 0, 0]]])
    assert (len(graphs), graphs.nodes) == (1, 3)
    assert graphs.ops.dtype == np.int8 and graphs.adjacency.dtype == np.bool_
    assert graphs.ops.tolist() == [[0, 1, 2]]
    assert np.argwhere(graphs.adjacency[0]).tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("ops", "adjacency"),
    [
        ((3,), (3, 3)),
        ((1, 3), (1, 3)),
        ((1, 3), (1, 3, 4)),
        ((1, 3), (2, 3, 3)),
        ((1, 3, 3), (1, 3, 3)),
        ((), ()),
    ],
)
def test_wrong_shapes_are_refused(ops: tuple[int, ...], adjacency: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="shape"):
        Graphs(np.zeros(ops, dtype=np.int8), np.zeros(adjacency, dtype=np.bool_))


@pytest.mark.parametrize("label", [128, 256, -129, 2**40, 0.5, float("nan"), float("inf"), 2**70, None, "conv"])
def test_a_label_that_does_not_fit_is_refused_and_never_wraps_around(label: object) -> None:
    for ops in ([[0, label]], np.array([[0, label]])):
        with pytest.raises(InvalidInput, match="ops"):
            Graphs(ops, np.zeros((1, 2, 2), dtype=np.bool_))


@pytest.mark.parametrize("entry", [2, -1, 0.5, float("nan"), None, "yes"])
def test_an_edge_that_is_neither_there_nor_not_is_refused(entry: object) -> None:
    with pytest.raises(InvalidInput, match="adjacency"):
        Graphs([[0, 1]], [[[0, entry], [0, 0]]])


def test_ragged_rows_are_refused() -> None:
    with pytest.raises(InvalidInput):
        Graphs([[0, 1], [0]], np.zeros((2, 2, 2), dtype=np.bool_))


def test_the_extreme_labels_are_kept() -> None:
    assert Graphs(np.array([[-128, 127]]), np.zeros((1, 2, 2))).ops.tolist() == [[-128, 127]]


def test_a_batch_can_not_be_given_other_arrays() -> None:
    with pytest.raises(FrozenInstanceError):
        batch().ops = np.zeros((1, 1), dtype=np.int8)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (1, [1]),
        (-1, [2]),
        (np.int64(2), [2]),
        (slice(1, None), [1, 2]),
        ([2, 0, 2], [2, 0, 2]),
        ((2, 0), [2, 0]),
        ([], []),
        (np.array([True, False, True]), [0, 2]),
        (np.array([], dtype=np.int64), []),
        (slice(None, None, -1), [2, 1, 0]),
    ],
)
def test_indexing_gives_the_graphs_at_those_rows(index: object, rows: list[int]) -> None:
    graphs = batch()
    chosen = graphs[index]  # type: ignore[index]
    assert len(chosen) == len(rows)
    for at, row in enumerate(rows):
        assert (chosen.ops[at] == graphs.ops[row]).all() and (chosen.adjacency[at] == graphs.adjacency[row]).all()


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_outside_the_batch_is_an_index_error(index: int) -> None:
    with pytest.raises(IndexError):
        batch()[index]


def test_iterating_gives_every_graph_once() -> None:
    graphs = batch(5)
    assert equal(concatenate(list(graphs)), graphs).all()


def test_padding_adds_absent_nodes_without_edges_and_can_be_taken_back() -> None:
    graphs = batch()
    wide = graphs.padded(6)
    assert wide.nodes == 6
    assert (wide.ops[:, 4:] == ABSENT).all() and not wide.adjacency[:, 4:].any() and not wide.adjacency[:, :, 4:].any()
    assert equal(wide.padded(4), graphs).all()


def test_positions_in_use_are_never_dropped() -> None:
    labelled = batch()
    ingoing = Graphs([[0, ABSENT]], [[[0, 1], [0, 0]]])
    outgoing = Graphs([[0, ABSENT]], [[[0, 0], [1, 0]]])
    for graphs, nodes in ((labelled, 3), (ingoing, 1), (outgoing, 1)):
        with pytest.raises(InvalidInput, match="more than"):
            graphs.padded(nodes)


def test_joining_batches_keeps_order_and_pads_to_the_widest() -> None:
    small, wide = batch(2, 3), batch(3, 5, seed=1)
    joined = concatenate([small, wide, small])
    assert (len(joined), joined.nodes) == (7, 5)
    assert equal(joined[:2], small).all() and equal(joined[2:5], wide).all() and equal(joined[5:], small).all()


def test_joining_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput):
        concatenate([])


def test_graphs_are_equal_position_by_position_whatever_their_padding() -> None:
    graphs = batch(4)
    other = Graphs(graphs.ops.copy(), graphs.adjacency.copy())
    other.ops[1, 0] += 1
    other.adjacency[2, 3, 0] ^= True
    assert equal(graphs, other.padded(6)).tolist() == [True, False, False, True]


def test_only_batches_of_one_length_can_be_compared() -> None:
    with pytest.raises(InvalidInput, match="same length"):
        equal(batch(2), batch(3))


def test_an_empty_batch_is_a_batch() -> None:
    empty = batch(0)
    assert len(empty) == 0 and list(empty) == [] and equal(empty, empty).shape == (0,)
    assert len(concatenate([empty, batch(2)])) == 2
