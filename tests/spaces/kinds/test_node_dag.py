"""Cells with operations on nodes, against plain Python that follows the definitions."""

from __future__ import annotations

from itertools import combinations, permutations, product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archllm.errors import DefinitionError
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.constraints import compile_constraints
from archllm.spaces.definition import NodeDagDefinition
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.kinds.vocabularies import NodeVocabulary


def space_of(name: str, ops: tuple[str, ...], max_nodes: int, max_edges: int) -> NodeDag:
    return NodeDag(NodeDagDefinition(name=name, ops=ops, max_vertices=max_nodes, max_edges=max_edges))


Cell = tuple[tuple[int, ...], frozenset[tuple[int, int]]]
"""Labels of the vertices, input first and output last, and edges."""

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def tiny() -> NodeDag:
    return space_of("tiny", ("a", "b"), max_nodes=4, max_edges=4)


@pytest.fixture(scope="module")
def small() -> NodeDag:
    return space_of("small", ("a", "b"), max_nodes=5, max_edges=6)


def cell_of(graph: Graphs) -> Cell:
    used = int((graph.ops[0] != ABSENT).sum())
    return tuple(graph.ops[0, :used].tolist()), frozenset(map(tuple, np.argwhere(graph.adjacency[0]).tolist()))


def graph_of(cell: Cell) -> Graphs:
    ops, edges = cell
    adjacency = np.zeros((1, len(ops), len(ops)), dtype=np.bool_)
    for i, j in edges:
        adjacency[0, i, j] = True
    return Graphs(np.array([ops]), adjacency)


def without_dangling(cell: Cell) -> Cell:
    ops, edges = cell
    drawn = nx.DiGraph(list(edges))
    drawn.add_nodes_from(range(len(ops)))
    last = len(ops) - 1
    keep = sorted((nx.descendants(drawn, 0) | {0}) & (nx.ancestors(drawn, last) | {last}))
    at = {old: new for new, old in enumerate(keep)}
    return tuple(ops[k] for k in keep), frozenset((at[i], at[j]) for i, j in edges if i in at and j in at)


def smallest_copy(cell: Cell) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The first of all permuted copies of a cell in the order of Python's tuples."""
    ops, edges = cell
    copies = []
    for order in permutations(range(1, len(ops) - 1)):
        new = (0, *order, len(ops) - 1)
        labels = dict(zip(new, ops, strict=True))
        moved = tuple(sorted((new[i], new[j]) for i, j in edges))
        copies.append((tuple(labels[k] for k in range(len(ops))), moved))
    return min(copies)


def all_cells(ops: int, max_nodes: int, max_edges: int) -> set[tuple[tuple[int, ...], tuple[tuple[int, int], ...]]]:
    """Every cell in which nothing dangles, by trying all edge sets and all labels."""
    found = set()
    for v in range(2, max_nodes + 1):
        pairs = list(combinations(range(v), 2))
        for many in range(1, max_edges + 1):
            for edges in combinations(pairs, many):
                for inner in product(range(1, ops + 1), repeat=v - 2):
                    cell = ((0, *inner, ops + 1), frozenset(edges))
                    if without_dangling(cell) == cell and (0, v - 1) in nx.transitive_closure(nx.DiGraph(edges)).edges:
                        found.add(smallest_copy(cell))
    return found


@pytest.mark.parametrize(("ops", "nodes", "edges"), [(2, 4, 4), (3, 4, 6), (1, 5, 5), (2, 2, 1), (1, 3, 2)])
def test_the_listing_is_what_trying_everything_finds(ops: int, nodes: int, edges: int) -> None:
    space = space_of("tiny", tuple("abc"[:ops]), nodes, edges)
    listed = [smallest_copy(cell_of(graph)) for graph in space.enumerate()]
    assert len(set(listed)) == len(listed) == space.size
    assert set(listed) == all_cells(ops, nodes, edges)


@examples(max_examples=30)
@given(seed=SEEDS)
def test_keys_agree_with_the_smallest_of_all_permuted_copies(small: NodeDag, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(small.size, size=6)
    batch = small.permute(small.enumerate()[np.concatenate([shape, shape, np.maximum(shape - 1, 0)])], rng)
    copies = [smallest_copy(cell_of(graph)) for graph in batch]
    keys = small.keys(batch).tolist()
    assert all((keys[i] == keys[j]) == (copies[i] == copies[j]) for i in range(len(keys)) for j in range(i))


def test_dangling_vertices_stand_for_nothing(small: NodeDag) -> None:
    core = graph_of(((0, 1, 3), frozenset({(0, 1), (1, 2)})))
    tails = graph_of(((0, 2, 1, 2, 1, 3), frozenset({(0, 1), (0, 2), (2, 5), (3, 4), (3, 5), (2, 4)})))
    assert small.validate(tails).all()
    assert small.keys(tails) == small.keys(core)


@examples(max_examples=60)
@given(seed=SEEDS)
def test_another_order_of_a_cell_with_dangling_vertices_keeps_its_ends(small: NodeDag, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ops = np.concatenate([np.zeros((50, 1)), rng.integers(1, 3, (50, 5)), np.full((50, 1), 3)], axis=1)
    loose = Graphs(ops, np.triu(rng.random((50, 7, 7)) < 0.3, 1))
    loose = loose[small.validate(loose)]
    copies = small.permute(loose, rng)
    assert small.validate(copies).all()
    assert (small.keys(copies) == small.keys(loose)).all()


def test_another_order_is_drawn_from_all_orders() -> None:
    space = space_of("wide", ("a", "b", "c"), max_nodes=5, max_edges=6)
    fan = graph_of(
        ((0, 1, 2, 3, 4), frozenset((i, j) for i, j in combinations(range(5), 2) if i == 0 or j == 4) - {(0, 4)})
    )
    copies = space.permute(fan[[0] * 600], np.random.default_rng(0))
    _, counts = np.unique(copies.ops, axis=0, return_counts=True)
    assert len(counts) == 6 and counts.min() > 60


def neighbours_by_hand(cell: Cell, ops: int, max_nodes: int, max_edges: int) -> set[object]:
    """All results of another operation, an edge more or less, or a new vertex between two, pruned and in bounds."""
    labels, edges = cell
    last = len(labels) - 1
    changed: list[Cell] = []
    for vertex, op in product(range(1, last), range(1, ops + 1)):
        changed.append(((*labels[:vertex], op, *labels[vertex + 1 :]), edges))
    for pair in permutations(range(len(labels)), 2):
        changed.append((labels, edges ^ {pair}))
        for op in range(1, ops + 1):
            shifted = [k if k < last else last + 1 for k in range(len(labels))]
            moved = {(shifted[i], shifted[j]) for i, j in edges}
            new = {(shifted[pair[0]], last), (last, shifted[pair[1]])}
            changed.append(((*labels[:-1], op, labels[-1]), frozenset(moved | new)))
    found = set()
    for made in changed:
        drawn = nx.DiGraph(list(made[1]))
        end = len(made[0]) - 1
        if not nx.is_directed_acyclic_graph(drawn) or any(i == end or j == 0 for i, j in made[1]):
            continue
        if end not in drawn or 0 not in drawn or not nx.has_path(drawn, 0, end):
            continue
        pruned = without_dangling(made)
        if len(pruned[0]) <= max_nodes and len(pruned[1]) <= max_edges:
            found.add(smallest_copy(pruned))
    return found - {smallest_copy(cell)}


@pytest.mark.parametrize("part", range(3))
def test_neighbours_are_all_cells_one_edit_away(small: NodeDag, part: int) -> None:
    for graph in small.enumerate()[part::11]:
        arch = small.architecture(graph)
        expected = neighbours_by_hand(cell_of(graph), ops=2, max_nodes=5, max_edges=6)
        assert {smallest_copy(cell_of(other.graph)) for other in small.neighbours(arch)} == expected


@pytest.mark.parametrize(
    ("ops", "nodes", "edges"),
    [
        (("a",), 1, 9),
        (("a",), 65, 9),
        ((), 4, 4),
        (("a", "a"), 4, 4),
        (("a",), 4, 0),
        (tuple(map(str, range(200))), 3, 3),  # labels would not fit
    ],
)
def test_constants_that_make_no_space_are_refused(ops: tuple[str, ...], nodes: int, edges: int) -> None:
    with pytest.raises(DefinitionError):
        space_of("odd", ops, nodes, edges)


CHAIN = ((0, 1, 2, 3), frozenset({(0, 1), (1, 2), (2, 3)}))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (((0,), frozenset()), "at least 2"),
        (((1, 1, 3), frozenset({(0, 1), (1, 2)})), "first vertex must be 'input'"),
        (((0, 1, 1), frozenset({(0, 1), (1, 2)})), "last vertex must be 'output', found 'a'"),
        (((0, 1, 77), frozenset({(0, 1), (1, 2)})), "unknown label 77"),
        (((0, ABSENT, 1, 3), frozenset({(0, 2), (2, 3)})), "vertex 1 is absent"),
        (((0, 1, 3), frozenset({(0, 1), (1, 2), (2, 1)})), "found the edge 2 -> 1"),
        (((0, 1, 3), frozenset({(0, 1), (1, 2), (1, 1)})), "found the edge 1 -> 1"),
        (((0, 1, 3, ABSENT), frozenset({(0, 1), (1, 2), (1, 3)})), "vertex 3 has an edge but no operation"),
        (((0, 1, 3), frozenset({(0, 1)})), "no path"),
        (((0, 3, 3), frozenset({(0, 1), (1, 2)})), "vertex 1 has the operation 'output'; legal are a, b"),
        (((0, 1, 2, 1, 2, 3), frozenset((i, i + 1) for i in range(5))), "at most 4 vertices are allowed, found 6"),
        (((0, 1, 2, 3), frozenset(combinations(range(4), 2))), "at most 4 edges are allowed, found 6"),
    ],
)
def test_the_reason_names_what_is_wrong(tiny: NodeDag, cell: Cell, reason: str) -> None:
    ops, edges = cell
    adjacency = np.zeros((1, len(ops), len(ops)), dtype=np.bool_)
    for i, j in edges:
        adjacency[0, i, j] = True
    graph = Graphs(np.array([ops]), adjacency)
    assert reason in (tiny.explain(graph) or "")
    assert tiny.explain(graph_of(CHAIN)) is None


@pytest.mark.parametrize(("term", "ops"), [("depth", 3), ("edges", 3), ('count("0")', 30)])
def test_constraints_that_would_take_hours_are_refused_before_they_are_checked(term: str, ops: int) -> None:
    constraints = tuple(f"{' + '.join([term] * 95)} >= {least}" for least in range(90))
    definition = NodeDagDefinition(
        name="slow", ops=tuple(map(str, range(ops))), max_vertices=7, max_edges=9, constraints=constraints
    )
    with pytest.raises(DefinitionError, match="takes too long"):
        NodeDag(definition).size  # noqa: B018 - counts


def test_constraints_are_checked_alike_on_many_members_and_on_few() -> None:
    space = NodeDag(NodeDagDefinition(name="many", ops=("a", "b", "c"), max_vertices=7, max_edges=9))
    cells = space.enumerate()[np.arange(70_000) % space.size]
    limit = compile_constraints(('depth <= 3 or count("a") > 1',), NodeVocabulary(space.ops, 7), "constraints")[0]
    assert np.array_equal(limit.holds(cells), np.concatenate([limit.holds(cells[:500]), limit.holds(cells[500:])]))
