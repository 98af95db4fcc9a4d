"""Every space that has a name keeps the contract, and its keys agree with an independent library of graphs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs, concatenate
from archllm.spaces import SearchSpace, load_space, space_names
from archllm.testing import SpaceContract

NAMES = [name for name in space_names() if load_space(name).max_nodes <= 100]  # longer members take minutes
LINKED = [name for name in NAMES if not load_space(name).sequential]
SEEDS = st.integers(0, 2**32 - 1)


class TestBuiltIn(SpaceContract):
    @pytest.fixture(params=NAMES)
    def tested(self, request: pytest.FixtureRequest) -> SearchSpace:
        return load_space(request.param)

    def test_a_name_always_gives_the_same_space(self, tested: SearchSpace) -> None:
        assert load_space(tested.name) is tested


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as caught:
        load_space("nasbench102")
    assert all(name in str(caught.value) for name in ("nasbench102", *NAMES))


@pytest.mark.parametrize("name", LINKED)
@examples(max_examples=15)
@given(seed=SEEDS)
def test_keys_are_equal_exactly_for_isomorphic_members(name: str, seed: int) -> None:
    space = load_space(name)
    rng = np.random.default_rng(seed)
    arch = space.architectures(space.sample(1, rng))[0]
    near = space.neighbours(arch)
    step = near[rng.integers(len(near))]
    back = space.neighbours(step)
    others = [step, back[rng.integers(len(back))], *(near[i] for i in rng.integers(len(near), size=4))]
    batch = space.permute(concatenate([arch.graph, arch.graph, *(other.graph for other in others)]), rng)
    batch = concatenate([batch, regrouped(space, batch, rng)])
    keys = space.keys(batch)
    meanings = [meaning(space, graph) for graph in batch]
    match = nx.algorithms.isomorphism.categorical_node_match("label", None)
    for i in range(len(batch)):
        for j in (0, i - 1):
            assert (keys[i] == keys[j]) == nx.is_isomorphic(meanings[i], meanings[j], node_match=match)


def meaning(space: SearchSpace, graph: Graphs) -> nx.DiGraph:
    """What tells members apart: labelled nodes and edges; for genotypes also which operations are added up."""
    drawn = nx.DiGraph()
    for node, label in enumerate(graph.ops[0].tolist()):
        if label != ABSENT:
            drawn.add_node(node, label=label)
    drawn.add_edges_from(map(tuple, np.argwhere(graph.adjacency[0]).tolist()))
    if space.name in ("darts", "nasnet"):  # per cell: 2 inputs, 4 or 5 times 2 operations, output
        nodes = 11 if space.name == "darts" else 13
        for cell, kind in ((0, "normal"), (nodes, "reduce")):
            for node in range(cell, cell + nodes):
                drawn.nodes[node]["label"] = (kind, drawn.nodes[node]["label"])
            for first in range(cell + 2, cell + nodes - 1, 2):
                drawn.add_node(("sum", first), label="sum")
                drawn.add_edges_from([(first, ("sum", first)), (first + 1, ("sum", first))])
    return drawn


def regrouped(space: SearchSpace, batch: Graphs, rng: np.random.Generator) -> Graphs:
    """Members close to those of the batch that differ only in which labels stand where, if they are members."""
    ops = batch.ops.copy()
    for row in ops:
        inner = np.flatnonzero((row > 1) & (row < len(space.op_names) - 1))
        if len(inner) > 1:
            i, j = rng.choice(inner, 2, replace=False)
            row[i], row[j] = row[j], row[i]
    swapped = Graphs(ops, batch.adjacency)
    return swapped[space.validate(swapped)]
