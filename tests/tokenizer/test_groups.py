from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import InvalidInput
from archllm.graphs import Graphs, equal
from archllm.spaces import SearchSpace
from archllm.tokenizer.groups import NodeGroups, graphs_of_tokens, node_tokens, varying_nodes

SEEDS = st.integers(0, 2**32 - 1)


def anything(rng: np.random.Generator, n: int, nodes: int) -> Graphs:
    """Graphs of all sorts, members of nothing."""
    return Graphs(rng.integers(-1, 101, (n, nodes)), rng.random((n, nodes, nodes)) < rng.random())


def with_constants(rng: np.random.Generator, nodes: int) -> tuple[Graphs, list[int]]:
    """Graphs some of whose nodes are alike in all, and the nodes that are not."""
    graphs = anything(rng, 30, nodes)
    ops, adjacency = graphs.ops.copy(), graphs.adjacency.copy()
    constant = rng.random(nodes) < 0.5
    ops[:, constant] = ops[0, constant]
    adjacency[:, :, constant] = adjacency[0][:, constant]
    return Graphs(ops, adjacency), np.flatnonzero(~constant).tolist()


@given(seed=SEEDS, nodes=st.integers(1, 12), data=st.data())
def test_each_node_is_in_one_group_and_each_group_is_a_run_of_nodes(seed: int, nodes: int, data: st.DataObject) -> None:
    graphs, varying = with_constants(np.random.default_rng(seed), nodes)
    length = data.draw(st.integers(1, max(1, len(varying))))
    groups = NodeGroups.of(graphs, length)
    assert groups.length == length
    members = [[node for node in group if node >= 0] for group in groups.nodes.tolist()]
    assert [node for group in members for node in group] == list(range(nodes))  # every node once, in order
    shares = [len(set(group) & set(varying)) for group in members]
    assert max(shares) - min(shares) <= 1  # evenly split, constants not counted


@given(seed=SEEDS, nodes=st.integers(1, 8))
def test_more_codes_than_nodes_that_vary_are_refused(seed: int, nodes: int) -> None:
    graphs, varying = with_constants(np.random.default_rng(seed), nodes)
    for length in (0, -1, max(1, len(varying)) + 1):
        with pytest.raises(InvalidInput, match=rf"tokenizer\.code_length.*{len(varying)}.*got {length}"):
            NodeGroups.of(graphs, length)


def test_ends_of_a_cell_join_the_groups_beside_them(nasbench201: SearchSpace) -> None:
    cells = nasbench201.enumerate()
    assert varying_nodes(cells).tolist() == [False, *[True] * 6, False]
    assert NodeGroups.of(cells, 2).nodes.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert NodeGroups.of(cells, 6).nodes.tolist() == [[0, 1], [2, -1], [3, -1], [4, -1], [5, -1], [6, 7]]


@given(seed=SEEDS, nodes=st.integers(1, 48))
def test_words_say_all_that_there_is_to_a_graph(seed: int, nodes: int) -> None:
    graphs = anything(np.random.default_rng(seed), 20, nodes)
    words = node_tokens(graphs)
    assert words.shape == (20, nodes) and (words >= 0).all()
    assert equal(graphs_of_tokens(words), graphs).all()


@given(seed=SEEDS)
def test_words_of_two_nodes_are_equal_exactly_for_equal_labels_and_in_edges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graphs = Graphs(rng.integers(-1, 2, (30, 2)), rng.random((30, 2, 2)) < 0.5)
    words = node_tokens(graphs)
    for i in range(30):
        for j in range(30):
            alike = graphs.ops[i, 0] == graphs.ops[j, 1] and (
                graphs.adjacency[i, :, 0].tolist() == graphs.adjacency[j, :, 1].tolist()
            )
            assert (words[i, 0] == words[j, 1]) == alike


def test_words_of_too_many_nodes_are_refused() -> None:
    graphs = Graphs(np.zeros((1, 49)), np.zeros((1, 49, 49)))
    with pytest.raises(InvalidInput, match="at most 48 node positions, got 49"):
        node_tokens(graphs)
