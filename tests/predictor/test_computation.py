"""What cells compute, against a recursion over expressions and a walk over all paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from archllm.graphs import ABSENT, Graphs
from archllm.operations import IDENTITY, ZERO
from archllm.predictor.computation import (
    computation,
    computation_keys,
    computes_nothing,
    path_statistics,
)
from archllm.predictor.equivalence import averaged
from archllm.predictor.makers import free
from archllm.spaces import SearchSpace, load_space


def expression(space: SearchSpace, graph: Graphs) -> object:
    """What a graph computes, as nested sums: the terms of the output, each an operation on a sum of its own."""
    ops, adjacency, names = graph.ops[0], graph.adjacency[0], space.op_names

    def terms(node: int) -> tuple[object, ...]:
        before = np.flatnonzero(adjacency[:, node])
        inside = tuple(sorted((t for source in before for t in terms(int(source))), key=repr))
        if not len(before):
            return ((f"in {ops[node]}",),)
        name = names[ops[node]]
        if name in ZERO or not inside:
            return ()
        return inside if name in IDENTITY else ((name, inside),)

    return [terms(int(node)) for node in np.flatnonzero(ops == len(names) - 1)]


def live_paths(space: SearchSpace, graph: Graphs, output: int) -> Iterator[tuple[str, ...]]:
    """The operations on each path to an output that no zero blocks, skips left out."""
    ops, adjacency, names = graph.ops[0], graph.adjacency[0], space.op_names

    def walk(node: int) -> Iterator[tuple[str, ...]]:
        before = np.flatnonzero(adjacency[:, node])
        if not len(before):
            yield ()
            return
        name = names[ops[node]]
        if name in ZERO:
            return
        for source in before:
            for word in walk(int(source)):
                yield word if name in IDENTITY or node == output else (*word, name)

    yield from walk(output)


def some(space: SearchSpace, n: int) -> Graphs:
    return space.sample(n, np.random.default_rng(0))


@pytest.fixture(params=["nasbench101", "nasbench201", "darts"])
def space(request: pytest.FixtureRequest) -> SearchSpace:
    found: SearchSpace = request.getfixturevalue(request.param)
    return found


def test_keys_are_equal_exactly_for_equal_expressions(space: SearchSpace) -> None:
    graphs = some(space, 400)
    keys = computation_keys(space, graphs)
    expressions = [repr(expression(space, graph)) for graph in graphs]
    pairs = set(zip(keys.tolist(), expressions, strict=True))
    assert len(pairs) == len(set(keys.tolist())) == len(set(expressions))


def test_nas_bench_201_has_4930_computations(nasbench201: SearchSpace) -> None:
    assert len(np.unique(computation_keys(nasbench201, nasbench201.enumerate()))) == 4_930


def test_cells_of_one_official_structure_compute_the_same(nasbench201: SearchSpace) -> None:
    graphs = nasbench201.enumerate()
    structures, keys = nasbench201.class_keys(graphs), computation_keys(nasbench201, graphs)
    assert structures is not None
    assert len(np.unique(np.stack([structures, np.unique(keys, return_inverse=True)[1]]), axis=1).T) == 6_466


def test_keys_do_not_depend_on_how_a_cell_is_written(nasbench101: SearchSpace) -> None:
    graphs = some(nasbench101, 200)
    other = nasbench101.permute(graphs, np.random.default_rng(1))
    assert (computation_keys(nasbench101, other) == computation_keys(nasbench101, graphs)).all()


def test_statistics_are_those_of_all_live_paths(space: SearchSpace) -> None:
    graphs = some(space, 60)
    found = path_statistics(space, graphs)
    labels = [name for name in space.op_names[:-1] if name not in ZERO | IDENTITY]
    for row, graph in zip(found, graphs, strict=True):
        expected: list[float] = []
        for output in np.flatnonzero(graph.ops[0] == len(space.op_names) - 1):
            words = list(live_paths(space, graph, int(output)))
            counts = [Counter(word) for word in words]
            expected.append(len(words))
            expected += [sum(count[name] for count in counts) for name in labels] + [sum(map(len, words))]
            for choose in (max, min):
                expected += [choose((count[name] for count in counts), default=-1) for name in labels]
                expected.append(choose(map(len, words), default=-1))
        assert row.tolist() == expected


def test_a_cell_without_a_path_has_no_edges_and_no_paths(nasbench201: SearchSpace) -> None:
    dead = nasbench201.parse("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|none~2|").graph
    assert not computation(nasbench201, dead).edges.any()
    statistics = path_statistics(nasbench201, dead)[0]
    assert statistics[0] == 0 and statistics.min() == -1


def test_skips_are_followed(nasbench201: SearchSpace) -> None:
    texts = (
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
        "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
    )
    keys = [computation_keys(nasbench201, nasbench201.parse(text).graph)[0] for text in texts]
    assert len(set(keys)) == 1


def test_a_sum_of_twice_the_same_is_not_the_same_once(nasbench201: SearchSpace) -> None:
    once = "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|"
    twice = "|skip_connect~0|+|none~0|none~1|+|nor_conv_3x3~0|nor_conv_3x3~1|none~2|"
    first, second = (nasbench201.parse(text).graph for text in (once, twice))
    assert computation_keys(nasbench201, first) != computation_keys(nasbench201, second)


def test_no_cells_compute_nothing(space: SearchSpace) -> None:
    none = some(space, 1)[:0]
    assert len(computation_keys(space, none)) == len(path_statistics(space, none)) == 0
    assert ABSENT not in computation(space, none).ops


def test_in_slots_names_say_nothing() -> None:
    space = load_space("nasbench-macro")  # an identity there is a layer of its own stage, and where it stands counts
    graphs = space.sample(50, np.random.default_rng(0))
    assert len(np.unique(computation_keys(space, graphs))) == len(np.unique(space.keys(graphs)))
    assert averaged(free(space), space).name == "free"


def test_a_cell_whose_output_does_not_depend_on_its_input_computes_nothing(nasbench201: SearchSpace) -> None:
    texts = [
        "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|",
        "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
    ]
    assert computes_nothing(nasbench201, nasbench201.parse_batch(texts)).tolist() == [True, False]
    members = nasbench201.enumerate()
    assert int((~computes_nothing(nasbench201, members)).sum()) == 15_284  # published: live paths from input to output
