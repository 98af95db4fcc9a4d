"""Genotypes that may read a node several times, and whose output joins loose ends, against plain Python."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement, permutations, product

import numpy as np
import pytest

from archllm.errors import DefinitionError, FormatError, InvalidArchitecture
from archllm.graphs import Graphs
from archllm.spaces.definition import GenotypeDefinition
from archllm.spaces.kinds.genotype import Genotype
from archllm.spaces.kinds.genotype_cells import GenotypeCells

Cell = tuple[tuple[tuple[int, int], ...], ...]
"""Per inner node its pairs of source and operation, sorted; sources count the cell inputs first."""


def space_of(concat: str = "loose", **changes: object) -> Genotype:
    values: dict[str, object] = {
        "name": "tiny",
        "ops": ("none", "conv"),
        "cell_inputs": ("x",),
        "nodes": 3,
        "inputs_per_node": 2,
        "cells": ("only",),
        "repeat_inputs": True,
        "concat": concat,
    }
    return Genotype(GenotypeDefinition(**(values | changes)))  # type: ignore[arg-type]


def all_cells(inputs: int = 1, ops: int = 2, inner: int = 3, arity: int = 2) -> list[Cell]:
    nodes = [list(combinations_with_replacement(product(range(inputs + k), range(ops)), arity)) for k in range(inner)]
    return list(product(*nodes))


def copies(cell: Cell, inputs: int = 1) -> frozenset[Cell]:
    """The same cell with its inner nodes in every order that keeps readers behind what they read."""
    found = set()
    for order in permutations(range(len(cell))):
        place = {source: source for source in range(inputs)} | {inputs + k: inputs + to for k, to in enumerate(order)}
        moved: list[tuple[tuple[int, int], ...]] = [()] * len(cell)
        for k, to in enumerate(order):
            moved[to] = tuple(sorted((place[source], op) for source, op in cell[k]))
        if all(source < inputs + k for k, node in enumerate(moved) for source, _ in node):
            found.add(tuple(moved))
    return frozenset(found)


def graphs_of(space: Genotype, cells: list[Cell]) -> Graphs:
    pairs = np.array([[cell] for cell in cells])
    return space.graphs_of(pairs[..., 0], pairs[..., 1])


def links_of(cell: Cell, concat: str, inputs: int = 1) -> set[tuple[int, int]]:
    """Edges of the graph, by the definition: inputs, then all operations, then the output."""
    at = {k: [inputs + 2 * k, inputs + 2 * k + 1] for k in range(len(cell))}
    links = set()
    for k, node in enumerate(cell):
        for slot, (source, _) in enumerate(node):
            feeding = [source] if source < inputs else at[source - inputs]
            links |= {(each, at[k][slot]) for each in feeding}
    read = {source - inputs for node in cell for source, _ in node}
    output = inputs + 2 * len(cell)
    return links | {(each, output) for k in at if concat == "all" or k not in read for each in at[k]}


@pytest.mark.parametrize("concat", ["all", "loose"])
def test_the_listing_is_brute_force_up_to_the_order_of_inner_nodes(concat: str) -> None:
    space, cells = space_of(concat), all_cells()
    assert space.enumerable and space.assignments.size == len(cells) == 3 * 10 * 21
    classes = {copies(cell) for cell in cells}
    assert space.size == len(classes) == len(space.enumerate())
    graphs = graphs_of(space, cells)
    assert space.validate(graphs).all()
    keys = dict(zip(cells, space.keys(graphs).tolist(), strict=True))
    for cell in cells:
        assert {each for each in cells if keys[each] == keys[cell]} == copies(cell)
    assert set(space.keys(space.enumerate()).tolist()) == set(keys.values())


@pytest.mark.parametrize("concat", ["all", "loose"])
def test_graphs_have_the_links_of_the_definition(concat: str) -> None:
    space, cells = space_of(concat), all_cells()[::7]
    for cell, graph in zip(cells, graphs_of(space, cells), strict=True):
        assert set(zip(*map(np.ndarray.tolist, np.nonzero(graph.adjacency[0])), strict=True)) == links_of(cell, concat)


def test_a_large_space_counts_multisets_once_and_draws_them_uniformly() -> None:
    space = space_of(ops=("a", "b", "c"), cells=("one", "two"), nodes=4)
    assert not space.enumerable and space.exact_size
    assert space.size == math.prod(math.comb(3 * sources + 1, 2) for sources in (1, 2, 3, 4)) ** 2
    sources, ops = space.parts_of(space.sample(20_000, np.random.default_rng(0)))
    first = np.sort(ops[:, 0, 0], axis=-1) @ np.array([3, 1])
    counts = np.unique(first, return_counts=True)[1]
    assert len(counts) == 6 and abs(counts - 20_000 / 6).max() < 5 * (20_000 / 6) ** 0.5  # {a, a} as often as {a, b}
    codes = np.sort(sources[:, 1, 3] * 3 + ops[:, 1, 3], axis=-1) @ np.array([12, 1])
    assert len(np.unique(codes)) == math.comb(13, 2)


def test_a_constraint_counts_every_pair() -> None:
    space = space_of(constraints=('count("conv") == 3', 'count("none", "only") == 3'))
    expected = {copies(cell) for cell in all_cells() if sum(op for node in cell for _, op in node) == 3}
    assert space.size == len(expected) and space.exact_size
    with pytest.raises(InvalidArchitecture, match=r"the constraint `count\(\"conv\"\) == 3` does not hold"):
        space.parse(
            "Genotype(only=[('conv', 0), ('conv', 0), ('conv', 0), ('conv', 0), ('none', 0), ('none', 0)], "
            "only_concat=range(1, 4))"
        )


def test_digits_of_multisets_are_all_numbers_below_their_count() -> None:
    for arity in (1, 2, 3):
        cells = GenotypeCells(2, 1, arity, 3, repeat=True)
        numbers = np.arange(cells.size)
        sources, ops = cells.pairs(numbers[:, None])
        assert (cells.digits(sources, ops)[:, 0] == numbers).all()
        assert (
            len({tuple(row) for row in (sources * 3 + ops)[:, 0].tolist()}) == cells.size == math.comb(5 + arity, arity)
        )


def test_permuted_members_keep_their_keys_and_neighbours_are_mutual() -> None:
    space = space_of(cells=("one", "two"), nodes=4, ops=("a", "b"))
    drawn = space.sample(60, np.random.default_rng(0))
    again = space.permute(drawn, np.random.default_rng(1))
    assert space.validate(again).all() and (space.keys(again) == space.keys(drawn)).all()
    arch = space.architecture(drawn[0])
    near = space.neighbours(arch)
    assert near and all(arch in space.neighbours(other) for other in near[:5])
    assert space.parse(arch.text) == arch
    choices = space.parameters.choices(drawn)
    assert (space.keys(space.parameters.graphs(choices)) == space.keys(drawn)).all()


CELL: Cell = (((0, 1), (0, 1)), ((0, 0), (1, 1)), ((0, 0), (0, 1)))
PAIRS = "('conv', 0), ('conv', 0), ('none', 0), ('conv', 1), ('conv', 0), ('none', 0)"
TEXT = f"Genotype(only=[{PAIRS}], only_concat=[2, 3])"


def test_texts_say_which_nodes_are_joined() -> None:
    space = space_of()
    assert space.parse(TEXT) == space.architecture(graphs_of(space, [CELL]))
    assert space.parse(space.parse(TEXT).text) == space.parse(TEXT)
    unread = TEXT.replace("('conv', 1)", "('conv', 0)")
    assert space.parse(unread.replace("[2, 3]", "range(1, 4)")).text.endswith("only_concat=range(1, 4))")
    with pytest.raises(FormatError, match=r"only_concat must be \[2, 3\]: the inner nodes that no other one reads"):
        space.parse(TEXT.replace("[2, 3]", "range(1, 4)"))
    with pytest.raises(FormatError, match=r"must be range\(1, 4\): every inner node"):
        space_of("all").parse(TEXT)


def test_what_does_not_join_the_loose_ends_is_no_member_and_told() -> None:
    space = space_of()
    graph = graphs_of(space, [CELL])
    broken = Graphs(graph.ops.copy(), graph.adjacency.copy())
    broken.adjacency[0, 1, space.max_nodes - 1] = True
    assert not space.validate(broken)[0]
    assert (
        space.explain(broken)
        == "only: the output must join inner nodes 1, 2, which no other one reads, and nothing else"
    )


def test_the_drawing_joins_the_loose_ends() -> None:
    space = space_of()
    (cell,) = space.drawing_cells(graphs_of(space, [CELL]))
    output = len(cell.nodes) - 1
    assert sorted(cell.nodes[source].label for source, target in cell.edges if target == output) == ["1", "2"]


@pytest.mark.parametrize("change", [{"concat": "some"}, {"inputs_per_node": 7}, {"inputs_per_node": 0}])
def test_constants_that_make_no_space_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(DefinitionError, match=next(iter(change))):
        space_of(**change)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="inputs_per_node"):
        space_of(repeat_inputs=False)
