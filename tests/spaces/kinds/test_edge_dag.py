"""Cells with an operation on every edge, against lists made by hand."""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
import pytest

from archllm.errors import DefinitionError, NotEnumerable
from archllm.graphs import ABSENT, Graphs, equal
from archllm.spaces.definition import EdgeDagDefinition
from archllm.spaces.kinds.edge_dag import EdgeDag


def space_of(name: str, ops: tuple[str, ...], nodes: int) -> EdgeDag:
    return EdgeDag(EdgeDagDefinition(name=name, ops=ops, nodes=nodes))


@pytest.fixture(scope="module")
def tiny() -> EdgeDag:
    return space_of("tiny", ("a", "b"), nodes=3)


def test_members_are_all_choices_in_lexicographic_order(tiny: EdgeDag) -> None:
    members = tiny.enumerate()
    expected = [list(choice) for choice in product(range(2), repeat=3)]
    assert tiny.choices_of(members).tolist() == expected
    assert tiny.keys(members).tolist() == list(range(8)) and tiny.size == 8


def test_edges_come_target_by_target() -> None:
    assert space_of("four", ("a",), 4).cell_edges == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


@pytest.mark.parametrize("nodes", range(2, 6))
def test_the_fixed_topology_is_the_line_graph_of_the_complete_dag(nodes: int) -> None:
    space = space_of("any", ("a",), nodes)
    drawn = nx.DiGraph((i, j) for j in range(nodes) for i in range(j))
    drawn.add_edges_from([("in", 0), (nodes - 1, "out")])
    place = {("in", 0): 0, (nodes - 1, "out"): space.max_nodes - 1}
    place |= {edge: at for at, edge in enumerate(space.cell_edges, start=1)}
    links = {(place[source], place[target]) for source, target in nx.line_graph(drawn).edges}
    assert set(map(tuple, np.argwhere(space.links).tolist())) == links


def test_no_choice_changes_the_fixed_topology(tiny: EdgeDag) -> None:
    members = tiny.enumerate()
    assert (members.adjacency == members.adjacency[0]).all()
    assert not np.tril(members.adjacency[0]).any()


def test_neighbours_differ_by_the_operation_of_one_edge(tiny: EdgeDag) -> None:
    for graph in tiny.enumerate():
        near = tiny.neighbours(tiny.architecture(graph))
        assert len(near) == 3
        assert all((tiny.choices_of(other.graph) != tiny.choices_of(graph)).sum() == 1 for other in near)


def test_a_large_space_is_sampled_and_not_listed() -> None:
    space = space_of("large", ("a", "b", "c"), nodes=6)
    assert space.size == 3**15 and not space.enumerable
    with pytest.raises(NotEnumerable, match="sample"):
        space.enumerate()
    drawn = space.sample(1000, np.random.default_rng(0))
    assert space.validate(drawn).all()
    assert len(np.unique(space.keys(drawn))) == len(np.unique(drawn.ops, axis=0))


@pytest.mark.parametrize(
    ("ops", "nodes"),
    [(("a",), 1), (("a",), 9), ((), 3), (("a", "a"), 3), (tuple(map(str, range(200))), 2)],
)
def test_constants_that_make_no_space_are_refused(ops: tuple[str, ...], nodes: int) -> None:
    with pytest.raises(DefinitionError):
        space_of("odd", ops, nodes)


def changed(space: EdgeDag, **at: object) -> Graphs:
    """The first member with a label, a link or the number of positions changed."""
    graph = space.enumerate()[0].padded(int(at.get("positions", space.max_nodes)))  # type: ignore[call-overload]
    ops, adjacency = graph.ops.copy(), graph.adjacency.copy()
    if "label" in at:
        node, label = at["label"]  # type: ignore[misc]
        ops[0, node] = label
    if "link" in at:
        adjacency[(0, *at["link"])] ^= True  # type: ignore[misc]
    return Graphs(ops, adjacency)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ({"label": (0, 1)}, "node 0 must be input, found a"),
        ({"label": (2, 3)}, "node 2 must be an operation, found output"),
        ({"label": (2, 99)}, "node 2 must be an operation, found unknown label 99"),
        ({"label": (4, 2)}, "node 4 must be output, found b"),
        ({"label": (2, ABSENT)}, "5 nodes (input, 3 edges, output), found 4"),
        ({"link": (0, 1)}, "the link 0 -> 1 is missing"),
        ({"link": (0, 4)}, "the link 0 -> 4 is not part of the fixed topology"),
        ({"link": (4, 0)}, "the link 4 -> 0 is not part of the fixed topology"),
        ({"link": (0, 4), "positions": 7}, "the link 0 -> 4 is not part of the fixed topology"),
        ({"link": (6, 0), "positions": 7}, "the link 6 -> 0 is not part of the fixed topology"),
        ({"label": (5, 1), "positions": 7}, "5 nodes (input, 3 edges, output), found 6"),
    ],
)
def test_the_reason_names_what_is_wrong(tiny: EdgeDag, at: dict[str, object], reason: str) -> None:
    graph = changed(tiny, **at)
    assert not tiny.validate(graph)[0]
    assert reason in (tiny.explain(graph) or "")


def test_a_gap_among_the_nodes_is_named(tiny: EdgeDag) -> None:
    graph = tiny.enumerate()[0].padded(6)
    ops = graph.ops[:, [0, 1, 5, 2, 3, 4]]
    assert "node 2 is absent" in (tiny.explain(Graphs(ops, graph.adjacency)) or "")


def test_every_member_has_one_node_order_only(tiny: EdgeDag) -> None:
    members = tiny.enumerate()
    assert equal(tiny.permute(members, np.random.default_rng(0)), members).all()


def test_a_drawing_numbers_nodes_as_the_text_does(nasbench201):
    arch = nasbench201.parse("|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|")
    (cell,) = nasbench201.drawing_cells(arch.graph)
    drawn = {(node.place, node.label) for node in cell.nodes if node.role == "op"}
    parts = enumerate(arch.text.split("+"), start=1)
    words = [(target, word) for target, part in parts for word in part.strip("|").split("|")]
    assert drawn == {(f"{word[-1]} → {target}", word[:-2]) for target, word in words}
    assert [node.place for node in cell.nodes if node.role != "op"] == ["0", "3"]
    ends = {node.place: index for index, node in enumerate(cell.nodes)}
    assert {(ends["0 → 1"], ends["1 → 2"]), (ends["0"], ends["0 → 3"]), (ends["2 → 3"], ends["3"])} <= set(cell.edges)
    assert ">0 → 2<" in arch.svg() and 'label="avg_pool_3x3\\n1 → 2"' in arch.dot()
