"""The promises of a search space, kept by every space that has a name."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from functools import cache

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.networks import sizes

from archllm.errors import FormatError, InvalidArchitecture, InvalidInput, NotEnumerable
from archllm.graphs import ABSENT, Graphs, concatenate, equal
from archllm.spaces import Architecture, SearchSpace, load_space, space_names

NAMES = space_names()
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(params=NAMES, scope="module")
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return load_space(request.param)


@cache
def one(name: str) -> Architecture:
    """Some member, without symmetries that would make a test trivial."""
    space = load_space(name)
    return space.architectures(space.sample(1, np.random.default_rng(11)))[0]


def same(left: Graphs, right: Graphs) -> bool:
    return len(left) == len(right) and bool(equal(left, right).all())


# --- members -------------------------------------------------------------------------------------------------------


def test_a_name_always_gives_the_same_space(space: SearchSpace) -> None:
    assert load_space(space.name) is space
    assert space.name in repr(space) and f"{space.size:,}" in repr(space)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as caught:
        load_space("nasbench102")
    assert all(name in str(caught.value) for name in ("nasbench102", *NAMES))


def test_the_listing_holds_every_member_once(space: SearchSpace) -> None:
    if not space.enumerable:
        with pytest.raises(NotEnumerable, match="sample"):
            space.enumerate()
        return
    members = space.enumerate()
    assert len(members) == space.size and members.nodes == space.max_nodes
    assert len(np.unique(space.keys(members))) == space.size  # keys are those of members only, so all are valid
    assert same(space.normalise(members), members)


def test_writing_into_a_listing_does_not_change_the_space(space: SearchSpace) -> None:
    if not space.enumerable:
        pytest.skip(f"{space.name} can not be listed")
    first = space.enumerate()
    kept = copy.deepcopy(first[:100])
    first.ops[:] = 0
    first.adjacency[:] = True
    assert same(space.enumerate()[:100], kept)


@pytest.mark.parametrize("n", [1, 257])
def test_a_sample_holds_so_many_normalised_members(space: SearchSpace, n: int) -> None:
    drawn = space.sample(n, np.random.default_rng(3))
    assert len(drawn) == n and drawn.nodes == space.max_nodes
    assert space.validate(drawn).all()
    assert same(space.normalise(drawn), drawn)


def test_one_seed_gives_one_sample_and_another_seed_another(space: SearchSpace) -> None:
    def draw(seed: int) -> Graphs:
        return space.sample(50, np.random.default_rng(seed))

    assert same(draw(5), draw(5)) and not same(draw(5), draw(6))


def test_a_sample_needs_no_global_random_state(space: SearchSpace) -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    space.sample(10, np.random.default_rng(0))
    space.permute(space.sample(10, np.random.default_rng(0)), np.random.default_rng(0))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("n", [0, -1])
def test_a_sample_of_nothing_is_refused(space: SearchSpace, n: int) -> None:
    with pytest.raises(InvalidInput):
        space.sample(n, np.random.default_rng(0))


def test_the_ideal_number_of_nats_is_the_entropy_of_a_uniform_draw(space: SearchSpace) -> None:
    assert math.exp(space.ideal_nats) == pytest.approx(space.size, rel=1e-9)


def test_an_empty_batch_goes_through_every_question(space: SearchSpace) -> None:
    empty = Graphs(np.zeros((0, space.max_nodes)), np.zeros((0, space.max_nodes, space.max_nodes)))
    assert space.validate(empty).shape == space.keys(empty).shape == (0,)
    assert space.format(empty) == space.architectures(empty) == []
    assert len(space.normalise(empty)) == len(space.permute(empty, np.random.default_rng(0))) == 0


# --- keys, normal forms, permutations -------------------------------------------------------------------------------


@examples(max_examples=15)
@given(seed=SEEDS)
def test_another_node_order_is_valid_and_has_the_same_key(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = space.sample(40, rng)
    copies = space.permute(members, rng)
    assert space.validate(copies).all()
    assert (space.keys(copies) == space.keys(members)).all()


@examples(max_examples=15)
@given(seed=SEEDS)
def test_normalising_keeps_the_key_and_does_nothing_the_second_time(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    copies = space.permute(space.sample(40, rng), rng)
    normal = space.normalise(copies)
    assert (space.keys(normal) == space.keys(copies)).all()
    assert same(space.normalise(normal), normal)


@examples(max_examples=15)
@given(seed=SEEDS)
def test_room_for_more_nodes_changes_nothing(space: SearchSpace, seed: int) -> None:
    members = space.sample(10, np.random.default_rng(seed))
    wide = members.padded(space.max_nodes + 3)
    assert space.validate(wide).all()
    assert (space.keys(wide) == space.keys(members)).all()
    assert same(space.normalise(wide), members)
    assert space.format(wide) == space.format(members)
    assert (space.keys(space.permute(wide, np.random.default_rng(seed))) == space.keys(members)).all()


@examples(max_examples=20)
@given(seed=SEEDS)
def test_a_mixed_batch_gives_each_graph_what_it_gets_alone(space: SearchSpace, seed: int) -> None:
    batch = damaged(space, np.random.default_rng(seed), 15)
    valid = space.validate(batch)
    normal = space.normalise(batch)
    texts = space.format(batch)
    for at in range(len(batch)):
        assert space.validate(batch[at])[0] == valid[at]
        assert same(space.normalise(batch[at]), normal[at])
        assert space.format(batch[at])[0] == texts[at]
        assert (texts[at] is None) == (not valid[at])
        if not valid[at]:
            assert same(normal[at], batch[at])


@pytest.mark.parametrize("name", NAMES)
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
    if space.name == "darts":  # per cell: 2 inputs, 4 times 2 operations, output
        for cell, kind in ((0, "normal"), (11, "reduce")):
            for node in range(cell, cell + 11):
                drawn.nodes[node]["label"] = (kind, drawn.nodes[node]["label"])
            for first in range(cell + 2, cell + 10, 2):
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


# --- who is a member -----------------------------------------------------------------------------------------------


def damaged(space: SearchSpace, rng: np.random.Generator, n: int) -> Graphs:
    """Graphs that are members, nearly members, and anything at all."""
    graphs = space.permute(space.sample(n, rng), rng).padded(space.max_nodes + int(rng.integers(4)))
    ops, adjacency = graphs.ops.copy(), graphs.adjacency.copy()
    v = graphs.nodes
    for row in range(n):
        for _ in range(rng.integers(4)):
            kind, i, j = rng.integers(7), rng.integers(v), rng.integers(v)
            if kind < 2:
                adjacency[row, i, j] ^= True
            elif kind == 2:
                ops[row, i] = rng.integers(-3, len(space.op_names) + 3)
            elif kind == 3:
                ops[row, i] = rng.choice([ABSENT, -128, 127])
            elif kind == 4:  # two nodes change places
                ops[row, [i, j]] = ops[row, [j, i]]
                adjacency[row, [i, j]] = adjacency[row, [j, i]]
                adjacency[row][:, [i, j]] = adjacency[row][:, [j, i]]
            elif kind == 5:  # a node is lost with its edges
                ops[row, i] = ABSENT
                adjacency[row, i] = adjacency[row, :, i] = False
            else:
                ops[row] = rng.integers(-2, len(space.op_names) + 1, v)
                adjacency[row] = rng.random((v, v)) < rng.random()
    return Graphs(ops, adjacency)


@examples(max_examples=60)
@given(seed=SEEDS)
def test_a_reason_is_given_exactly_for_what_is_not_a_member(space: SearchSpace, seed: int) -> None:
    batch = damaged(space, np.random.default_rng(seed), 30)
    for graph, valid in zip(batch, space.validate(batch), strict=True):
        reason = space.explain(graph)
        assert (reason is None) == valid
        assert reason is None or len(reason) > 10


@pytest.mark.parametrize("nodes", [0, 1, 2, 3])
def test_too_few_nodes_are_no_member_and_no_crash(space: SearchSpace, nodes: int) -> None:
    for label in (ABSENT, 0, 1):
        graphs = Graphs(np.full((2, nodes), label), np.zeros((2, nodes, nodes)))
        assert not space.validate(graphs).any()
        assert space.explain(graphs[0]) is not None
        assert space.format(graphs) == [None, None]


def test_a_key_of_a_non_member_is_refused_with_its_place_and_reason(space: SearchSpace) -> None:
    batch = space.sample(3, np.random.default_rng(0))
    batch.ops[1, 0] = 99
    reason = space.explain(batch[1])
    for ask in (space.keys, space.architectures):
        with pytest.raises(InvalidArchitecture, match="graph 1 ") as caught:
            ask(batch)
        assert reason is not None and reason in str(caught.value) and space.name in str(caught.value)


def test_the_loose_rule_takes_every_member(space: SearchSpace) -> None:
    loose = space.validate_loosely(space.sample(100, np.random.default_rng(0)))
    assert loose is None or loose.all()


def test_coarser_keys_never_part_what_keys_join(space: SearchSpace) -> None:
    rng = np.random.default_rng(0)
    members = space.sample(500, rng)
    classes = space.class_keys(members)
    assert (classes is None) == (space.class_count is None)
    if classes is not None:
        assert (space.class_keys(space.permute(members, rng)) == classes).all()


# --- texts ---------------------------------------------------------------------------------------------------------


@examples(max_examples=15)
@given(seed=SEEDS)
def test_a_text_read_and_written_again_is_the_same_text(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = space.permute(space.sample(3, rng), rng)
    for text, key in zip(space.format(members), space.keys(members), strict=True):
        assert text is not None
        arch = space.parse(text)
        assert (arch.text, arch.key) == (text, key)
        assert space.parse(f"\n\t {text} \r\n") == arch


def test_only_text_is_read(space: SearchSpace) -> None:
    for value in (None, 3, b"3", ["3"], 1.5):
        with pytest.raises(InvalidInput, match="text"):
            space.parse(value)  # type: ignore[arg-type]


FRAGMENTS = [
    *("", " ", "\n", "\x00", "\x0c", "\x1c", "\u2028", "\ufeff", "\ud800", "é", "🜁", "²", "١٢", "½", "⁰", "ß"),
    *("[", "]", "(", ")", "{", "}", "'", '"', ",", "|", "~", "+", "-", ":", "\\", "\\u0000", "#", "=", "**", "..."),
    *("0", "1", "-1", "7", "9" * 5000, "0x" + "f" * 5000, "1e999", "0.0", "1_0", "0b1", "1j", "NaN", "Infinity"),
    *("true", "false", "null", "True", "None", "lambda: 0", "*x", "**x", "__import__('os')", "range(2, 6)", "f'{1}'"),
    *('"matrix"', '"ops"', '"input"', '"output"', "'sep_conv_3x3'", "|none~0|", "Genotype(", "normal=", "[[0]]"),
    *("[" * 500, "(" * 150, "{" * 90, "-" * 3000, "not " * 2000, "x" * 25_000, "1+" * 5000, "a." * 5000, "[" * 99_999),
]


def refuse_or_read(space: SearchSpace, text: str) -> None:
    try:
        arch = space.parse(text)
    except FormatError as error:
        assert error.text == text and 0 <= error.position <= len(text)
        assert len(str(error)) < 1000
    except InvalidArchitecture as error:
        assert space.name in str(error) and len(str(error)) < 1000
    else:
        assert space.parse(arch.text) == arch


@examples(max_examples=150)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join)))
def test_any_text_is_read_or_refused_with_a_place_in_it(space: SearchSpace, text: str) -> None:
    refuse_or_read(space, text)


@examples(max_examples=250)
@given(data=st.data())
def test_a_damaged_text_is_read_or_refused_with_a_place_in_it(space: SearchSpace, data: st.DataObject) -> None:
    text = one(space.name).text
    tokens = re.findall(r"\w+|\W", text)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        width = data.draw(st.integers(0, 3))
        tokens[at : at + width] = data.draw(st.lists(st.sampled_from([*FRAGMENTS, *tokens]), max_size=1))
        if not tokens:
            tokens = [""]
    refuse_or_read(space, "".join(tokens))


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda fragment: ascii(fragment[:12]))
def test_a_text_among_garbage_is_read_or_refused_with_a_place_in_it(space: SearchSpace, fragment: str) -> None:
    text = one(space.name).text
    for garbage in (fragment, fragment + text, text + fragment, text[:-1] + fragment + text[-1:]):
        refuse_or_read(space, garbage)


@pytest.mark.parametrize("tail", ["x", "7", ")", "|", "é", "\x00", "²", " 1", "]]"])
def test_what_follows_a_whole_text_is_refused_where_it_stands(space: SearchSpace, tail: str) -> None:
    text = one(space.name).text
    with pytest.raises(FormatError) as caught:
        space.parse(text + tail)
    assert caught.value.position >= len(text) or "\x00" in tail


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_text_that_breaks_off_is_refused_after_its_beginning(space: SearchSpace, share: float) -> None:
    text = one(space.name).text
    with pytest.raises(FormatError) as caught:
        space.parse(text[: round(share * len(text))])
    assert caught.value.position <= share * len(text) + 1


# --- neighbours ----------------------------------------------------------------------------------------------------


@examples(max_examples=10)
@given(seed=SEEDS)
def test_neighbours_are_other_members_each_once_in_the_order_of_keys(space: SearchSpace, seed: int) -> None:
    arch = space.architectures(space.sample(1, np.random.default_rng(seed)))[0]
    near = space.neighbours(arch)
    keys = [other.key for other in near]
    assert near and arch.key not in keys and keys == sorted(set(keys))
    batch = concatenate([other.graph for other in near])
    assert space.validate(batch).all() and space.keys(batch).tolist() == keys
    assert same(space.normalise(batch), batch)


@examples(max_examples=10)
@given(seed=SEEDS)
def test_equal_architectures_have_the_same_neighbours(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = space.sample(1, rng)
    twin = space.architecture(space.permute(graph, rng))
    assert space.neighbours(twin) == space.neighbours(space.architecture(graph))


@examples(max_examples=10)
@given(seed=SEEDS)
def test_a_neighbour_of_as_many_nodes_is_a_neighbour_both_ways(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arch = space.architecture(space.sample(1, rng))
    near = [other for other in space.neighbours(arch) if used(other) == used(arch)]
    for other in rng.choice(np.array(near, dtype=object), size=min(3, len(near)), replace=False):
        assert arch in space.neighbours(other)


def used(arch: Architecture) -> int:
    return int((arch.graph.ops != ABSENT).sum())


def test_an_architecture_of_another_space_has_no_neighbours_here(space: SearchSpace) -> None:
    other = one(NAMES[(NAMES.index(space.name) + 1) % len(NAMES)])
    with pytest.raises(InvalidInput, match=other.space.name):
        space.neighbours(other)


# --- architectures -------------------------------------------------------------------------------------------------


def test_architectures_are_equal_and_hash_alike_exactly_when_isomorphic(space: SearchSpace) -> None:
    rng = np.random.default_rng(2)
    members = space.sample(30, rng)
    first = space.architectures(members)
    second = space.architectures(space.permute(members, rng))
    assert first == second and [hash(a) for a in first] == [hash(a) for a in second]
    assert len({*first, *second}) == len(set(space.keys(members).tolist()))
    assert first[0] != first[0].text and first[0] != one(NAMES[NAMES.index(space.name) - 1])


def test_an_architecture_can_not_be_changed(space: SearchSpace) -> None:
    source = space.sample(1, np.random.default_rng(4))
    arch = space.architecture(source)
    text = arch.text
    for name in ("graph", "key", "space"):
        with pytest.raises(FrozenInstanceError):
            setattr(arch, name, None)
    for array in (arch.graph.ops, arch.graph.adjacency):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    source.ops[:] = 0
    source.adjacency[:] = False
    assert space.format(arch.graph) == [text]


def test_an_architecture_is_made_of_one_graph(space: SearchSpace) -> None:
    for n in (2, 3):
        with pytest.raises(InvalidInput, match="one graph"):
            space.architecture(space.sample(n, np.random.default_rng(0)))


def test_an_architecture_shows_its_text(space: SearchSpace) -> None:
    arch = one(space.name)
    assert str(arch) == arch.text and arch.text in repr(arch) and space.name in repr(arch)


@pytest.mark.parametrize("draw", [Architecture.svg, Architecture._repr_svg_, Architecture.dot])
def test_an_architecture_can_be_drawn(space: SearchSpace, draw: Callable[[Architecture], str]) -> None:
    drawn = draw(one(space.name))
    assert drawn.lstrip().startswith(("<svg", "<?xml", "digraph"))
    assert all(name in drawn for name in used_names(one(space.name)))


def used_names(arch: Architecture) -> set[str]:
    labels = set(arch.graph.ops[arch.graph.ops != ABSENT].tolist())
    names = {arch.space.op_names[label] for label in labels}
    return {name for name in names if name.isidentifier() and name not in ("input", "output", "off")}


def test_the_official_identifier_is_the_same_for_the_same_member_only(space: SearchSpace) -> None:
    rng = np.random.default_rng(8)
    members = space.sample(200, rng)
    names = [arch.official_hash for arch in space.architectures(members)]
    again = [arch.official_hash for arch in space.architectures(space.permute(members, rng))]
    assert names == again
    if names[0] is not None:
        assert len(set(names)) == len(set(space.keys(members).tolist()))


# --- networks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def buildable(space: SearchSpace) -> SearchSpace:
    if space.networks is None:
        with pytest.raises(InvalidInput, match=f"no network .* {space.name}"):
            space.require_networks()
        pytest.skip(f"no networks are made of {space.name}")
    return space


def test_sizes_are_positive_the_same_for_isomorphic_members_and_those_of_each_alone(buildable: SearchSpace) -> None:
    space = buildable
    rng = np.random.default_rng(17)
    members = space.sample(30, rng)
    params, macs = space.networks.params(members), space.networks.macs(members)
    assert params.dtype == macs.dtype == np.int64 and (params > 0).all() and (macs > 0).all()
    copies = space.permute(members, rng)
    assert (space.networks.params(copies) == params).all() and (space.networks.macs(copies) == macs).all()
    for arch, expected in zip(space.architectures(members), zip(params, macs, strict=True), strict=True):
        assert (arch.params, arch.macs) == expected


def test_sizes_are_those_of_the_built_network(buildable: SearchSpace) -> None:
    space = buildable
    import torch

    from archllm.networks.counting import count_macs, count_params

    for arch in space.architectures(space.sample(3, np.random.default_rng(8))):
        with torch.device("meta"):
            network = arch.build(num_classes=7, in_channels=1)
        options = {"num_classes": 7, "in_channels": 1}
        assert count_params(network) == sizes.params(space, arch.graph, **options)[0]
        assert count_macs(network, (1, 32, 32)) == sizes.macs(space, arch.graph, **options)[0]


def test_sizes_of_what_is_no_member_are_refused(buildable: SearchSpace) -> None:
    space = buildable
    broken = space.sample(2, np.random.default_rng(0))
    broken = Graphs(np.where(np.arange(broken.nodes) == 0, 99, broken.ops), broken.adjacency)
    with pytest.raises(InvalidArchitecture):
        space.networks.params(broken)
    with pytest.raises(InvalidArchitecture):
        space.networks.macs(broken)


def test_many_texts_are_read_at_once_and_a_bad_one_is_named(space: SearchSpace) -> None:
    members = space.sample(5, np.random.default_rng(4))
    texts = [text or "" for text in space.format(members)]
    assert (space.keys(space.parse_batch(texts)) == space.keys(members)).all()
    with pytest.raises(InvalidArchitecture, match="row 3"):
        space.parse_batch([*texts[:3], "nonsense", texts[4]], "row {}".format)
