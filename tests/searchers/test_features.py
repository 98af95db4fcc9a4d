"""Features tell architectures apart, not the ways of writing one."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.predictor.encodings import frequent_words, path_counts
from archllm.predictor.feature_sets import feature_set
from archllm.predictor.features import Featurizer
from archllm.searchers.domain import Domain
from archllm.searchers.domain_features import DomainFeatures
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
    made = [maker for maker in feature_set("hand", space, members(space, 300, 1)) if "one_hot" not in maker.name]
    featurizer = Featurizer(space, made, members(space, 300, 1))
    features = featurizer(graphs).values
    again = featurizer(space.permute(graphs, np.random.default_rng(2))).values
    assert features.dtype == np.float32 and (again == features).all()


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
    made = feature_set("hand", space, space.enumerate())
    features = Featurizer(space, made, space.enumerate())(space.enumerate())
    assert [maker.name for maker in made] == ["one_hot", "slot_values", "free"]
    assert len(np.unique(features.values, axis=0)) == space.size


def test_sets_of_features_are_chosen_by_name(nasbench201: SearchSpace) -> None:
    graphs = members(nasbench201, 100)
    names = [maker.name for maker in feature_set("hand", nasbench201, graphs)]
    assert names == ["averaged one_hot", "averaged path", "averaged free"]
    with pytest.raises(InvalidInput, match="need a trained tokenizer"):
        feature_set("all", nasbench201, graphs)
    with pytest.raises(InvalidInput, match="need a trained tokenizer"):
        feature_set("embedding+free", nasbench201, graphs)
    with pytest.raises(InvalidInput, match="features must be"):
        feature_set("none", nasbench201, graphs)  # type: ignore[arg-type]


def test_features_of_a_small_domain_are_made_once_and_those_of_strangers_on_demand(nasbench201: SearchSpace) -> None:
    pool = Domain(nasbench201, members(nasbench201, 50))
    features = DomainFeatures(pool, lambda reference: feature_set("free", nasbench201, reference))
    stranger = members(nasbench201, 60, 5)
    inside, outside = features(pool.enumerate()).values, features(stranger).values
    assert (inside == features.of_all.values).all() and len(outside) == 60
    assert (features.of(nasbench201.architectures(stranger)).values == outside).all()
    assert features.blocks("free") == (0,) and features.blocks("path") == ()
