"""Genotypes, against plain Python that follows the definitions."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, permutations, product

import numpy as np
import pytest

from archllm.errors import DefinitionError, NotEnumerable
from archllm.graphs import ABSENT, Graphs, concatenate
from archllm.spaces.definition import GenotypeDefinition
from archllm.spaces.kinds.genotype import Genotype


def space_of(
    name: str, ops: tuple[str, ...], cell_inputs: tuple[str, ...], inner: int, arity: int, cells: tuple[str, ...]
) -> Genotype:
    return Genotype(
        GenotypeDefinition(name=name, ops=ops, cell_inputs=cell_inputs, nodes=inner, inputs_per_node=arity, cells=cells)
    )


Wiring = tuple[frozenset[tuple[int, int]], ...]
"""Per inner node, its pairs of source and operation; sources count the two inputs first."""


@pytest.fixture(scope="module")
def tiny() -> Genotype:
    return space_of("tiny", ("a", "b"), ("x", "y"), inner=3, arity=2, cells=("only",))


def all_members() -> list[Wiring]:
    """Every genotype of one cell with 3 inner nodes, 2 operations each out of 2."""
    nodes = [
        [
            frozenset(zip(pair, ops, strict=True))
            for pair in combinations(range(2 + k), 2)
            for ops in product(range(2), repeat=2)
        ]
        for k in range(3)
    ]
    return list(product(*nodes))


def graphs_of(space: Genotype, members: list[Wiring]) -> Graphs:
    pairs = [[sorted(node) for node in member] for member in members]
    sources = [[[[source for source, _ in node] for node in member]] for member in pairs]
    ops = [[[[op for _, op in node] for node in member]] for member in pairs]
    return space.graphs_of(np.array(sources), np.array(ops))


def isomorphic_copies(member: Wiring) -> set[Wiring]:
    """The same genotype with its inner nodes in every order that keeps readers behind what they read."""
    copies = set()
    for order in permutations(range(3)):
        place = {0: 0, 1: 1} | {2 + old: 2 + new for old, new in enumerate(order)}
        moved: list[frozenset[tuple[int, int]]] = [frozenset()] * 3
        for old, new in enumerate(order):
            moved[new] = frozenset((place[source], op) for source, op in member[old])
        if all(source < 2 + k for k, node in enumerate(moved) for source, _ in node):
            copies.add(tuple(moved))
    return copies


def networks() -> set[frozenset[Wiring]]:
    """The different networks: genotypes that differ in the order of inner nodes, together."""
    return {frozenset(isomorphic_copies(member)) for member in all_members()}


def large() -> Genotype:
    """A space too large to list."""
    return space_of("large", tuple("abcdefgh"), ("x", "y"), 4, 2, ("only",))


def test_the_size_of_a_large_space_counts_wirings_and_operations() -> None:
    assert large().size == 1 * 3 * 6 * 10 * 8**8


def test_the_size_of_a_space_that_can_be_listed_counts_networks(tiny: Genotype) -> None:
    assert len(all_members()) == 1 * 3 * 6 * 2**6
    assert tiny.size == len(networks()) < len(all_members())


def test_every_genotype_is_a_member(tiny: Genotype) -> None:
    assert tiny.validate(graphs_of(tiny, all_members())).all()


def test_keys_join_exactly_the_orders_of_one_genotype(tiny: Genotype) -> None:
    members = all_members()
    keys = dict(zip(members, tiny.keys(graphs_of(tiny, members)).tolist(), strict=True))
    together = defaultdict(set)
    for member, key in keys.items():
        together[key].add(member)
    assert all(together[keys[member]] == isomorphic_copies(member) for member in members)


def test_keys_are_numbers_of_genotypes(tiny: Genotype) -> None:
    keys = tiny.keys(graphs_of(tiny, all_members()))
    assert keys.min() >= 0 and keys.max() < len(all_members())


def test_the_listing_holds_each_network_once(tiny: Genotype) -> None:
    assert tiny.keys(tiny.enumerate()).tolist() == sorted({*tiny.keys(graphs_of(tiny, all_members())).tolist()})


def test_neighbours_are_all_classes_one_slot_away(tiny: Genotype) -> None:
    members = all_members()
    at = dict(zip(members, tiny.keys(graphs_of(tiny, members)).tolist(), strict=True))
    near = defaultdict(set)
    for member in members:
        for k, node in enumerate(member):
            for source, op in node:
                rest = node - {(source, op)}
                for pair in [(source, 1 - op)] + [(other, op) for other in range(2 + k)]:
                    other = (*member[:k], rest | {pair}, *member[k + 1 :])
                    if other in at and at[other] != at[member]:
                        near[at[member]].add(at[other])
    for graph in tiny.permute(graphs_of(tiny, members[::29]), np.random.default_rng(0)):
        arch = tiny.architecture(graph)
        assert {other.key for other in tiny.neighbours(arch)} == near[arch.key]


def test_another_order_is_drawn_from_all_orders(tiny: Genotype) -> None:
    member = (frozenset({(0, 0), (1, 0)}), frozenset({(0, 1), (1, 0)}), frozenset({(0, 1), (1, 1)}))
    copies = tiny.permute(graphs_of(tiny, [member] * 600), np.random.default_rng(0))
    sources, ops = tiny.parts_of(copies)
    pairs = np.sort(sources * 2 + ops, axis=-1).reshape(600, -1)  # a node's two inputs have no order
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    assert len(counts) == len(isomorphic_copies(member)) == 6 and counts.min() > 60


def test_a_sample_is_uniform_over_networks(tiny: Genotype) -> None:
    keys = tiny.keys(tiny.sample(20 * tiny.size, np.random.default_rng(0)))
    counts = np.unique(keys, return_counts=True)[1]
    assert len(counts) == tiny.size
    degrees = tiny.size - 1
    assert abs(((counts - 20) ** 2 / 20).sum() - degrees) < 6 * (2 * degrees) ** 0.5  # chi-square


def test_a_sample_of_a_large_space_is_uniform_over_wirings_and_operations() -> None:
    space = large()
    sources, ops = space.parts_of(space.sample(20_000, np.random.default_rng(0)))
    for k, wirings in enumerate((1, 3, 6, 10)):
        pairs = np.sort(sources[:, 0, k], axis=-1) @ np.array([8, 1])
        counts = np.unique(pairs, return_counts=True)[1]
        assert len(counts) == wirings and abs(counts - 20_000 / wirings).max() < 5 * (20_000 / wirings) ** 0.5
    assert abs(np.bincount(ops.ravel(), minlength=8) - 20_000).max() < 5 * 20_000**0.5


def test_a_large_space_is_not_listed() -> None:
    with pytest.raises(NotEnumerable, match="sample"):
        large().enumerate()


def test_three_operations_per_node_work_alike() -> None:
    space = space_of("triple", ("a", "b"), ("x", "y", "z"), inner=2, arity=3, cells=("one", "other"))
    assert space.assignments.size == (1 * 4 * 2**6) ** 2
    drawn = space.sample(50, np.random.default_rng(0))
    copies = space.permute(drawn, np.random.default_rng(1))
    assert space.validate(copies).all() and (space.keys(copies) == space.keys(drawn)).all()


def test_more_genotypes_than_64_bits_count_have_fingerprints_as_keys() -> None:
    wide = space_of("wide", tuple("abcdefghijklmnopqrst"), ("x", "y"), 6, 2, ("one", "other"))
    assert wide.size == (1 * 3 * 6 * 10 * 15 * 21 * 20**12) ** 2 > 2**127 and not wide.exact_keys
    drawn = wide.sample(500, np.random.default_rng(0))
    copies = wide.permute(drawn, np.random.default_rng(1))
    assert (wide.keys(copies) == wide.keys(drawn)).all() and len(np.unique(wide.keys(drawn))) == 500
    ops = drawn.ops.copy()
    ops[:, wide.cell_nodes + 2] = np.where(ops[:, wide.cell_nodes + 2] == 2, 3, 2)  # another operation in one place
    assert (wide.keys(Graphs(ops, drawn.adjacency)) != wide.keys(drawn)).all()


@pytest.mark.parametrize(
    "change",
    [
        {"arity": 0},
        {"arity": 3},
        {"ops": ()},
        {"ops": ("a", "a")},
        {"ops": tuple(map(str, range(200)))},
        {"inner": 0},
        {"inner": 20},
        {"cells": ()},
    ],
)
def test_constants_that_make_no_space_are_refused(change: dict[str, object]) -> None:
    good = {"ops": ("a", "b"), "cell_inputs": ("x", "y"), "inner": 3, "arity": 2, "cells": ("only",)}
    with pytest.raises(DefinitionError):
        space_of("odd", **{**good, **change})  # type: ignore[arg-type]


def test_the_reason_names_cell_node_and_input(tiny: Genotype) -> None:
    sources = np.array([[[[0, 1], [0, 2], [1, 3]]]])
    ops = np.zeros_like(sources)
    assert tiny.explain(tiny.graphs_of(sources, ops)) is None

    def reason(sources: list[list[int]]) -> str:
        graph = tiny.graphs_of(np.array([[sources]]), ops)
        assert not tiny.validate(graph)[0]
        return tiny.explain(graph) or ""

    assert "only, inner node 1, input 1: reads node 0 a second time" in reason([[0, 1], [0, 0], [1, 3]])
    assert "only, inner node 0, input 1: reads node 3, but only nodes 0 to 1" in reason([[0, 3], [0, 1], [1, 3]])
    assert "reads node 2, but only nodes 0 to 1" in reason([[0, 2], [0, 1], [1, 3]])


def test_the_reason_names_labels_and_links_that_are_not_those_of_a_genotype(tiny: Genotype) -> None:
    def reason(ops: dict[int, int] | None = None, links: tuple[tuple[int, int], ...] = ()) -> str:
        graph = graphs_of(tiny, all_members()[:1])
        for node, label in (ops or {}).items():
            graph.ops[0, node] = label
        for i, j in links:
            graph.adjacency[0, i, j] ^= True
        assert not tiny.validate(graph)[0]
        return tiny.explain(graph) or ""

    assert "inner node 0, input 0: the operation is not one of a, b" in reason({2: 0})
    assert "inner node 1, input 1: the operation is not one of a, b" in reason({5: 4})
    assert "found 8" in reason({2: ABSENT})
    assert "inner node 0, input 1: the in-edges are those of no single earlier node" in reason(links=((0, 3),))
    assert "cell inputs or outputs" in reason({0: 1})
    assert "cell inputs or outputs" in reason(links=((2, 8),))
    assert "cell inputs or outputs" in reason(links=((8, 0),))


def test_the_cells_of_a_genotype_are_told_apart() -> None:
    space = space_of("two", ("a", "b"), ("x", "y"), 3, 2, ("one", "other"))
    batch = space.sample(100, np.random.default_rng(0))
    sources, ops = space.parts_of(batch)
    swapped = space.graphs_of(sources[:, ::-1], ops[:, ::-1])
    keys = space.keys(concatenate([batch, swapped]))
    assert (keys[:100] != keys[100:]).mean() > 0.9


def test_a_drawing_has_one_part_per_cell_and_one_mark_per_operation(tiny: Genotype) -> None:
    graph = graphs_of(tiny, all_members()[5:6])
    (cell,) = tiny.drawing_cells(graph)
    roles = [node.role for node in cell.nodes]
    assert [roles.count(role) for role in ("input", "op", "sum", "output")] == [2, 6, 3, 1]
    assert all(source < target for source, target in cell.edges)
    assert len(cell.edges) == 6 + 6 + 3  # into operations, into sums, into the output
