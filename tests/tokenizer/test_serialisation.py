"""Writing graphs as tokens loses nothing, and tokens that stand for no graph are no member."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archllm.graphs import ABSENT, Graphs, equal
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import space_of_text
from archllm.tokenizer import TokenizerConfig, build_tokenizer
from archllm.tokenizer.serialisation import EdgeSerialisation, NodeSerialisation, serialisation

SPACES = ["nasbench101", "nasbench201", "darts", "transnasbench"]


def members(space: SearchSpace, n: int, seed: int = 0) -> Graphs:
    return space.normalise(space.sample(n, np.random.default_rng(seed)))


@pytest.mark.parametrize("name", SPACES)
def test_edges_bring_back_members_that_training_never_saw(name: str) -> None:
    space = load_space(name)
    way = EdgeSerialisation.of(space, members(space, 200))
    others = members(space, 200, 1)
    tokens = way.write(others)
    assert tokens.shape == (200, way.length) and 0 <= tokens.min() <= tokens.max() < way.size
    assert equal(way.read(tokens), others).all()


@pytest.mark.parametrize("name", SPACES)
def test_nodes_bring_back_what_they_were_made_of(name: str) -> None:
    space = load_space(name)
    graphs = members(space, 200)
    way = NodeSerialisation.of(graphs.padded(space.max_nodes))
    assert equal(way.read(way.write(graphs)), graphs).all()


def test_a_node_that_most_members_share_is_one_token_and_rare_ones_are_written_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("archllm.tokenizer.serialisation.FEW_TOKENS", 10)
    few = serialisation(load_space("nasbench201"), members(load_space("nasbench201"), 2000))
    many = serialisation(load_space("nasbench101"), members(load_space("nasbench101"), 100))
    assert isinstance(few, NodeSerialisation) and few.end is None
    assert isinstance(many, EdgeSerialisation) and many.end == 0


def test_the_token_of_an_absent_node_is_the_end() -> None:
    space = load_space("nasbench101")
    graphs = members(space, 3000)
    way = NodeSerialisation.of(graphs.padded(space.max_nodes))
    small = way.write(graphs)[(graphs.ops != ABSENT).sum(1) == 5]
    assert way.end is not None and len(small)
    assert (small[:, 4:] == way.end).all() and not (small[:, :4] == way.end).any()


@pytest.mark.parametrize("made", [NodeSerialisation.of, partial(EdgeSerialisation.of, load_space("nasbench101"))])
def test_what_training_could_not_tell_of_is_written_as_no_member(made: Callable[[Graphs], Any]) -> None:
    space = load_space("nasbench101")
    graphs = members(space, 2000).padded(space.max_nodes)
    varied = graphs.ops[:, 1]  # the first node after the input, which here is the same in all of training
    alike = graphs[np.flatnonzero((varied == varied[0]) & graphs.adjacency[:, 0, 1])]
    way = made(alike)
    others = graphs[np.flatnonzero(varied != varied[0])]
    assert equal(way.read(way.write(alike)), alike).all()
    assert len(others) and not space.validate(way.read(way.write(others))).any()


WORDS = """
kind = "grammar"
max_blocks = 8
blocks = ["a", "b", "c"]
[rules]
network = ["block", "sequence(block, network)"]
block = ["a", "b", "c"]
"""


@pytest.mark.parametrize("kind", ["plain", "merges"])
@pytest.mark.parametrize("seen", ["a begins", "only a and b", "up to four", "a alone"])
def test_members_of_a_grammar_that_can_not_be_written_come_back_as_no_members(kind: Any, seen: str) -> None:
    space = space_of_text(WORDS, "words.toml")
    every = space.enumerate()
    texts = ["".join(re.findall(r"\b[abc]\b", text or "")) for text in space.format(every)]
    rule: dict[str, Callable[[str], bool]] = {
        "a begins": lambda text: text[0] == "a",
        "only a and b": lambda text: "c" not in text,
        "up to four": lambda text: len(text) <= 4,
        "a alone": lambda text: set(text) == {"a"},
    }
    learned = every[np.flatnonzero([rule[seen](text) for text in texts])]
    tokenizer = build_tokenizer(space, TokenizerConfig(kind=kind, merges=16))
    tokenizer.fit(learned, 0)
    assert tokenizer.reconstruction(learned) == 1
    codes = tokenizer.encode(every)
    restored = tokenizer.decode(codes)
    valid = space.validate(restored)
    assert 0 < valid.sum() < len(every) and equal(restored, every)[valid].all()
    assert not valid[~tokenizer.told(codes)].any()


def test_a_longer_sequence_than_there_is_room_for_is_written_as_no_member() -> None:
    space = load_space("nasbench101")
    graphs = members(space, 2000).padded(space.max_nodes)
    edges = graphs.adjacency.sum((1, 2))
    way = EdgeSerialisation.of(space, graphs[np.flatnonzero(edges <= 5)])
    restored = way.read(way.write(graphs))
    valid = space.validate(restored)
    assert 0 < valid.sum() < len(graphs) and equal(restored, graphs)[valid].all()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_tokens_are_a_graph_of_which_nothing_is_lost(data: st.DataObject) -> None:
    space = load_space("nasbench101")
    way = EdgeSerialisation.of(space, members(space, 100))
    tokens = np.array([data.draw(st.lists(st.integers(0, way.size - 1), min_size=way.length, max_size=way.length))])
    graph = way.read(tokens)
    assert graph.ops.shape == (1, space.max_nodes) and (graph.ops < way.labels).all()
    ends = np.flatnonzero(tokens[0] == 0)
    before = tokens[0][: ends[0]] if len(ends) else tokens[0]
    loop = bool(graph.adjacency[0, 0, 0])
    written, first = int((before <= way.labels).sum()), len(way.prefix)
    if loop:
        assert not space.validate(graph).any()
    else:
        assert (graph.ops[0] != ABSENT).sum() == first + written
        assert graph.adjacency[0, :, first:].sum() <= (before > way.labels).sum()
