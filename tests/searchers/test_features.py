"""Features tell architectures apart, not the ways of writing one."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest

from archllm.errors import InvalidArchitecture, InvalidInput
from archllm.graphs import Graphs
from archllm.predictor.encodings import frequent_words, path_counts
from archllm.searchers.features import Encoding, blocks_of
from archllm.spaces import SearchSpace
from archllm.spaces.definition import ChoicesDefinition
from archllm.spaces.registry import space_of


@pytest.fixture(params=["nasbench101", "nasbench201", "darts"])
def space(request: pytest.FixtureRequest) -> SearchSpace:
    found: SearchSpace = request.getfixturevalue(request.param)
    return found


def members(space: SearchSpace, n: int, seed: int = 0) -> Graphs:
    return space.sample(n, np.random.default_rng(seed))


def spelled(space: SearchSpace, graph: Graphs) -> Counter[tuple[int, ...]]:
    """Words on all paths from an input to an output, found by networkx; an input is told by its position."""
    links = nx.DiGraph(zip(*np.nonzero(graph.adjacency[0]), strict=True))
    ends = [int(node) for node in links if graph.ops[0, node] == len(space.op_names) - 1]
    starts = [int(node) for node in links if not links.in_degree(node)]
    paths = [path for start in starts for path in nx.all_simple_paths(links, start, ends)]
    return Counter((int(path[0]), *(int(graph.ops[0, node]) for node in path[1:-1])) for path in paths)


def test_paths_are_those_of_the_graph(space: SearchSpace) -> None:
    graphs = space.normalise(members(space, 12))
    found = path_counts(space, graphs, frequent_words(space, graphs, 100_000))
    expected = [spelled(space, graph) for graph in graphs]
    assert found.shape[1] == len(set().union(*expected))
    assert [sorted(row[row > 0]) for row in found] == [sorted(words.values()) for words in expected]
    same = [[len(a & b) for b in expected] for a in expected]
    assert (np.array([[((x > 0) & (y > 0)).sum() for y in found] for x in found]) == same).all()


def test_only_the_most_frequent_words_are_kept(space: SearchSpace) -> None:
    graphs = space.normalise(members(space, 50))
    every, few = (frequent_words(space, graphs, most) for most in (100_000, 5))
    totals = path_counts(space, graphs, every).sum(0)
    kept = np.isin(every, few)
    assert len(few) == 5 and totals[kept].min() >= totals[~kept].max()


def test_isomorphic_members_have_equal_features_and_others_differ(space: SearchSpace) -> None:
    graphs = members(space, 30)
    # the normal form of DARTS keeps the order of the inner nodes, and so does its one-hot block
    encoding = Encoding(space, members(space, 300, 1), blocks_of(space)[1:] if space.name == "darts" else None)
    features = encoding(graphs)
    assert features.shape == (30, encoding.width) and features.dtype == np.float32
    assert (encoding(space.permute(graphs, np.random.default_rng(2))) == features).all()
    assert len(np.unique(features, axis=0)) == len(np.unique(space.keys(graphs)))


def test_every_block_has_the_same_weight(space: SearchSpace) -> None:
    reference = members(space, 400)
    encoding = Encoding(space, reference)
    features = encoding(reference)
    assert encoding.blocks == blocks_of(space) == ("one_hot", "paths", "complexity")
    for block in encoding.blocks:
        part = features[:, encoding.ranges[block]].astype(np.float64)
        assert 2 * part.var(0).sum() == pytest.approx(1, rel=1e-3) and abs(part.mean(0)).max() < 1e-3


def test_slots_tell_their_numbers_as_ranks() -> None:
    slots = {"width": (8, 64, 16), "depth": (1, 2), "act": ("relu", "gelu"), "kernel": (3, 5, 7)}
    space = space_of(ChoicesDefinition(name="slots", slots=slots, when={"kernel": "slot.depth >= 2"}))
    texts = [
        "[width=16 depth=1 act=relu]",
        "[width=64 depth=2 act=gelu kernel=5]",
        "[width=8 depth=2 act=gelu kernel=7]",
    ]
    graphs = space.parse_batch(texts)
    assert space.slot_values(graphs).tolist() == [[0.5, 0, 0.5], [1, 1, 0.5], [0, 1, 1]]
    encoding = Encoding(space, space.enumerate())
    assert encoding.blocks == ("one_hot", "values")
    assert len(np.unique(encoding(space.enumerate()), axis=0)) == space.size


def test_blocks_can_be_left_out(nasbench201: SearchSpace) -> None:
    whole = Encoding(nasbench201, members(nasbench201, 200))
    part = Encoding(nasbench201, members(nasbench201, 200), ["complexity"])
    graphs = members(nasbench201, 5, 1)
    assert (part(graphs) == whole(graphs)[:, whole.ranges["complexity"]]).all() and part.width == 2


def test_one_reference_member_gives_features_without_columns(space: SearchSpace) -> None:
    encoding = Encoding(space, members(space, 1))
    assert encoding.width == 0 and encoding(members(space, 4)).shape == (4, 0)


def test_what_can_not_be_encoded_is_refused(nasbench201: SearchSpace) -> None:
    graphs = members(nasbench201, 3)
    with pytest.raises(InvalidInput, match="at least one reference"):
        Encoding(nasbench201, graphs[:0])
    for blocks in ([], ["onehot"]):
        with pytest.raises(InvalidInput, match="one_hot, paths, values, complexity"):
            Encoding(nasbench201, graphs, blocks)  # type: ignore[arg-type]
    encoding = Encoding(nasbench201, members(nasbench201, 20))
    graphs.ops[0, 0] = 99
    with pytest.raises(InvalidArchitecture):
        encoding(graphs)
