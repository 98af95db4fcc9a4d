"""Contract of a search space: membership, canonical keys, texts, neighbours, sampling, and networks."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archllm.errors import FormatError, InvalidArchitecture, InvalidInput, NotEnumerable
from archllm.graphs import ABSENT, Graphs, concatenate, equal
from archllm.spaces import Architecture, SearchSpace, load_space
from archllm.spaces.network_interface import Networks
from archllm.spaces.sizes import written_size

SEEDS = st.integers(0, 2**32 - 1)

SHARED = (HealthCheck.differing_executors, HealthCheck.function_scoped_fixture)
"""Health checks that a suite must do without: its subclasses share one test."""

FRAGMENTS = [
    *("", " ", "\n", "\x00", "\x0c", "\x1c", "\u2028", "\ufeff", "\ud800", "é", "🜁", "²", "١٢", "½", "⁰", "ß"),
    *("[", "]", "(", ")", "{", "}", "'", '"', ",", "|", "~", "+", "-", ":", "\\", "\\u0000", "#", "=", "**", "..."),
    *("0", "1", "-1", "7", "9" * 5000, "0x" + "f" * 5000, "1e999", "0.0", "1_0", "0b1", "1j", "NaN", "Infinity"),
    *("true", "false", "null", "True", "None", "lambda: 0", "*x", "**x", "__import__('os')", "range(2, 6)", "f'{1}'"),
    *('"matrix"', '"ops"', '"input"', '"output"', "'sep_conv_3x3'", "|none~0|", "Genotype(", "normal=", "[[0]]"),
    *("[" * 500, "(" * 150, "{" * 90, "-" * 3000, "not " * 2000, "x" * 25_000, "1+" * 5000, "a." * 5000, "[" * 99_999),
]
"""Pieces of texts that are, or look like, those of some space."""


@cache
def one(space: SearchSpace) -> Architecture:
    """Some member, without symmetries that would make a test trivial."""
    return space.architectures(space.sample(1, np.random.default_rng(11)))[0]


def foreign(space: SearchSpace) -> Architecture:
    """A member of another space."""
    return one(load_space("nasbench101" if space.name == "nasbench201" else "nasbench201"))


def same(left: Graphs, right: Graphs) -> bool:
    """Whether two batches hold equal graphs in the same order."""
    return len(left) == len(right) and bool(equal(left, right).all())


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


def refuse_or_read(space: SearchSpace, text: str) -> None:
    """Reads a text, or checks that it is refused with its place or a reason."""
    try:
        arch = space.parse(text)
    except FormatError as error:
        assert error.text == text and 0 <= error.position <= len(text)
        assert len(str(error)) < 1000
    except InvalidArchitecture as error:
        assert space.name in str(error) and len(str(error)) < 1000
    else:
        assert space.parse(arch.text) == arch


def used(arch: Architecture) -> int:
    """Number of nodes that are there, in all parts."""
    return sum(int((part.ops != ABSENT).sum()) for _, part in arch.space.parted(arch.graph))


def used_names(arch: Architecture) -> set[str]:
    """Names of operations that a drawing has to show."""
    labels = set(arch.graph.ops[arch.graph.ops != ABSENT].tolist())
    names = {arch.space.op_names[label] for label in labels}
    return {name for name in names if name.isidentifier() and name not in ("input", "output", "off")}


def made(space: Any) -> SearchSpace:
    """The space that a suite names."""
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, str | Path):
        return load_space(space)
    found: SearchSpace = space()
    return found


class SpaceContract:
    """What every search space keeps.

    Set `space`: a name that `load_space` knows, a path of a space file, a space, or a class that makes one.

    Example:
        >>> class TestCells(SpaceContract):
        ...     space = "nasbench201"
    """

    space: ClassVar[Any]
    """The space to test."""

    @pytest.fixture
    def tested(self) -> SearchSpace:
        """The space, made once."""
        return made(self.space)

    # --- members -----------------------------------------------------------------------------------------------------

    def test_a_space_shows_its_name_and_size(self, tested: SearchSpace) -> None:
        assert tested.name in repr(tested) and written_size(tested.size) in repr(tested)

    def test_the_listing_holds_every_member_once(self, tested: SearchSpace) -> None:
        if not tested.enumerable:
            with pytest.raises(NotEnumerable, match="sample"):
                tested.enumerate()
            return
        members = tested.enumerate()
        assert len(members) == tested.size and members.nodes == tested.max_nodes
        assert len(np.unique(tested.keys(members))) == tested.size  # keys are those of members only, so all are valid
        assert same(tested.normalise(members), members)

    def test_writing_into_a_listing_does_not_change_the_space(self, tested: SearchSpace) -> None:
        if not tested.enumerable:
            pytest.skip(f"{tested.name} can not be listed")
        first = tested.enumerate()
        kept = copy.deepcopy(first[:100])
        first.ops[:] = 0
        if first.adjacency.flags.writeable:
            first.adjacency[:] = True
        assert same(tested.enumerate()[:100], kept)

    @pytest.mark.parametrize("n", [1, 257])
    def test_a_sample_holds_so_many_normalised_members(self, tested: SearchSpace, n: int) -> None:
        drawn = tested.sample(n, np.random.default_rng(3))
        assert len(drawn) == n and drawn.nodes == tested.max_nodes
        assert tested.validate(drawn).all()
        assert same(tested.normalise(drawn), drawn)

    def test_one_seed_gives_one_sample_and_another_seed_another(self, tested: SearchSpace) -> None:
        def draw(seed: int) -> Graphs:
            return tested.sample(50, np.random.default_rng(seed))

        assert same(draw(5), draw(5)) and not same(draw(5), draw(6))

    def test_a_sample_needs_no_global_random_state(self, tested: SearchSpace) -> None:
        before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
        tested.sample(10, np.random.default_rng(0))
        tested.permute(tested.sample(10, np.random.default_rng(0)), np.random.default_rng(0))
        assert (np.random.get_state(legacy=False)["state"]["key"] == before).all()  # noqa: NPY002

    @pytest.mark.parametrize("n", [0, -1])
    def test_a_sample_of_nothing_is_refused(self, tested: SearchSpace, n: int) -> None:
        with pytest.raises(InvalidInput):
            tested.sample(n, np.random.default_rng(0))

    def test_the_ideal_number_of_nats_is_the_entropy_of_a_uniform_draw(self, tested: SearchSpace) -> None:
        assert tested.ideal_nats / math.log(10) == pytest.approx(len(str(tested.size)) - 0.5, abs=0.5 + 1e-9)
        if tested.size < 10**300:
            assert math.exp(tested.ideal_nats) == pytest.approx(tested.size, rel=1e-9)

    def test_an_empty_batch_goes_through_every_question(self, tested: SearchSpace) -> None:
        empty = tested.sample(1, np.random.default_rng(0))[:0]
        assert tested.validate(empty).shape == tested.keys(empty).shape == (0,)
        assert tested.format(empty) == tested.architectures(empty) == []
        assert len(tested.normalise(empty)) == len(tested.permute(empty, np.random.default_rng(0))) == 0

    # --- keys, normal forms, permutations ----------------------------------------------------------------------------

    @examples(max_examples=15, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_another_node_order_is_valid_and_has_the_same_key(self, tested: SearchSpace, seed: int) -> None:
        rng = np.random.default_rng(seed)
        members = tested.sample(40, rng)
        copies = tested.permute(members, rng)
        assert tested.validate(copies).all()
        assert (tested.keys(copies) == tested.keys(members)).all()

    @examples(max_examples=15, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_normalising_keeps_the_key_and_does_nothing_the_second_time(self, tested: SearchSpace, seed: int) -> None:
        rng = np.random.default_rng(seed)
        copies = tested.permute(tested.sample(40, rng), rng)
        normal = tested.normalise(copies)
        assert (tested.keys(normal) == tested.keys(copies)).all()
        assert same(tested.normalise(normal), normal)

    @examples(max_examples=15, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_room_for_more_nodes_changes_nothing(self, tested: SearchSpace, seed: int) -> None:
        members = tested.sample(10, np.random.default_rng(seed))
        wide = members.padded(tested.max_nodes + 3)
        assert tested.validate(wide).all()
        assert (tested.keys(wide) == tested.keys(members)).all()
        assert same(tested.normalise(wide), members)
        assert tested.format(wide) == tested.format(members)
        assert (tested.keys(tested.permute(wide, np.random.default_rng(seed))) == tested.keys(members)).all()

    @examples(max_examples=20, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_a_mixed_batch_gives_each_graph_what_it_gets_alone(self, tested: SearchSpace, seed: int) -> None:
        batch = damaged(tested, np.random.default_rng(seed), 15)
        valid = tested.validate(batch)
        normal = tested.normalise(batch)
        texts = tested.format(batch)
        for at in range(len(batch)):
            assert tested.validate(batch[at])[0] == valid[at]
            assert same(tested.normalise(batch[at]), normal[at])
            assert tested.format(batch[at])[0] == texts[at]
            assert (texts[at] is None) == (not valid[at])
            if not valid[at]:
                assert same(normal[at], batch[at])

    # --- who is a member ---------------------------------------------------------------------------------------------

    @examples(max_examples=40, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_a_reason_is_given_exactly_for_what_is_not_a_member(self, tested: SearchSpace, seed: int) -> None:
        batch = damaged(tested, np.random.default_rng(seed), 30)
        for graph, valid in zip(batch, tested.validate(batch), strict=True):
            reason = tested.explain(graph)
            assert (reason is None) == valid
            assert reason is None or len(reason) > 10

    @pytest.mark.parametrize("nodes", [0, 1, 2, 3])
    def test_too_few_nodes_are_no_member_and_no_crash(self, tested: SearchSpace, nodes: int) -> None:
        for label in (ABSENT, 0, 1):
            graphs = Graphs(np.full((2, nodes), label, dtype=np.int8), np.zeros((2, nodes, nodes), dtype=bool))
            assert not tested.validate(graphs).any()
            assert tested.explain(graphs[0]) is not None
            assert tested.format(graphs) == [None, None]

    def test_a_key_of_a_non_member_is_refused_with_its_place_and_reason(self, tested: SearchSpace) -> None:
        batch = tested.sample(3, np.random.default_rng(0))
        batch.ops[1, 0] = 99
        reason = tested.explain(batch[1])
        for ask in (tested.keys, tested.architectures):
            with pytest.raises(InvalidArchitecture, match="graph 1 ") as caught:
                ask(batch)
            assert reason is not None and reason in str(caught.value) and tested.name in str(caught.value)

    def test_the_loose_rule_takes_every_member(self, tested: SearchSpace) -> None:
        loose = tested.validate_loosely(tested.sample(100, np.random.default_rng(0)))
        assert loose is None or loose.all()

    def test_coarser_keys_never_part_what_keys_join(self, tested: SearchSpace) -> None:
        rng = np.random.default_rng(0)
        members = tested.sample(500, rng)
        classes = tested.class_keys(members)
        assert (classes is None) == (tested.class_count is None)
        if classes is not None:
            again = tested.class_keys(tested.permute(members, rng))
            assert again is not None and (again == classes).all()

    # --- texts -------------------------------------------------------------------------------------------------------

    @examples(max_examples=15, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_a_text_read_and_written_again_is_the_same_text(self, tested: SearchSpace, seed: int) -> None:
        rng = np.random.default_rng(seed)
        members = tested.permute(tested.sample(3, rng), rng)
        for text, key in zip(tested.format(members), tested.keys(members), strict=True):
            assert text is not None
            arch = tested.parse(text)
            assert (arch.text, arch.key) == (text, key)
            assert tested.parse(f"\n\t {text} \r\n") == arch

    def test_what_says_no_architecture_is_refused(self, tested: SearchSpace) -> None:
        for value in (None, b"3", 1.5, {"3": b"3"}, object(), -1):
            with pytest.raises((InvalidInput, FormatError, InvalidArchitecture)):
                tested.parse(value)  # type: ignore[arg-type]

    @examples(max_examples=100, suppress_health_check=SHARED)
    @given(text=st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join)))
    def test_any_text_is_read_or_refused_with_a_place(self, tested: SearchSpace, text: str) -> None:
        refuse_or_read(tested, text)

    @examples(max_examples=120, suppress_health_check=SHARED)
    @given(data=st.data())
    def test_a_damaged_text_is_read_or_refused_with_a_place_in_it(
        self, tested: SearchSpace, data: st.DataObject
    ) -> None:
        text = one(tested).text
        tokens = re.findall(r"\w+|\W", text)
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(tokens) - 1))
            width = data.draw(st.integers(0, 3))
            tokens[at : at + width] = data.draw(st.lists(st.sampled_from([*FRAGMENTS, *tokens]), max_size=1))
            if not tokens:
                tokens = [""]
        refuse_or_read(tested, "".join(tokens))

    @pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda fragment: ascii(fragment[:12]))
    def test_a_text_among_garbage_is_read_or_refused_with_a_place_in_it(
        self, tested: SearchSpace, fragment: str
    ) -> None:
        text = one(tested).text
        for garbage in (fragment, fragment + text, text + fragment, text[:-1] + fragment + text[-1:]):
            refuse_or_read(tested, garbage)

    @pytest.mark.parametrize("tail", ["x", "7", ")", "|", "é", "\x00", "²", " 1", "]]"])
    def test_what_follows_a_whole_text_is_refused_where_it_stands(self, tested: SearchSpace, tail: str) -> None:
        text = one(tested).text
        with pytest.raises(FormatError) as caught:
            tested.parse(text + tail)
        assert caught.value.position >= len(text) or "\x00" in tail

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_a_text_that_breaks_off_is_refused_after_its_beginning(self, tested: SearchSpace, share: float) -> None:
        text = one(tested).text
        with pytest.raises(FormatError) as caught:
            tested.parse(text[: round(share * len(text))])
        assert caught.value.position <= share * len(text) + 1

    # --- neighbours --------------------------------------------------------------------------------------------------

    @examples(max_examples=10, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_neighbours_are_other_members_each_once_in_the_order_of_keys(self, tested: SearchSpace, seed: int) -> None:
        arch = tested.architectures(tested.sample(1, np.random.default_rng(seed)))[0]
        near = tested.neighbours(arch)
        keys = [other.key for other in near]
        assert near and arch.key not in keys and keys == sorted(set(keys))
        batch = concatenate([other.graph for other in near])
        assert tested.validate(batch).all() and tested.keys(batch).tolist() == keys
        assert same(tested.normalise(batch), batch)

    @examples(max_examples=10, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_equal_architectures_have_the_same_neighbours(self, tested: SearchSpace, seed: int) -> None:
        rng = np.random.default_rng(seed)
        graph = tested.sample(1, rng)
        twin = tested.architecture(tested.permute(graph, rng))
        assert tested.neighbours(twin) == tested.neighbours(tested.architecture(graph))

    @examples(max_examples=10, suppress_health_check=SHARED)
    @given(seed=SEEDS)
    def test_a_neighbour_of_as_many_nodes_is_a_neighbour_both_ways(self, tested: SearchSpace, seed: int) -> None:
        if not tested.mutual_neighbours:
            pytest.skip(f"neighbours of {tested.name} need not be mutual")
        rng = np.random.default_rng(seed)
        arch = tested.architecture(tested.sample(1, rng))
        near = [other for other in tested.neighbours(arch) if used(other) == used(arch)]
        for other in rng.choice(np.array(near, dtype=object), size=min(3, len(near)), replace=False):
            assert arch in tested.neighbours(other)

    def test_an_architecture_of_another_space_has_no_neighbours_here(self, tested: SearchSpace) -> None:
        other = foreign(tested)
        with pytest.raises(InvalidInput, match=other.space.name):
            tested.neighbours(other)

    # --- architectures -----------------------------------------------------------------------------------------------

    def test_architectures_are_equal_and_hash_alike_exactly_when_isomorphic(self, tested: SearchSpace) -> None:
        rng = np.random.default_rng(2)
        members = tested.sample(30, rng)
        first = tested.architectures(members)
        second = tested.architectures(tested.permute(members, rng))
        assert first == second and [hash(a) for a in first] == [hash(a) for a in second]
        assert len({*first, *second}) == len(set(tested.keys(members).tolist()))
        assert first[0] != first[0].text and first[0] != foreign(tested)

    def test_an_architecture_can_not_be_changed(self, tested: SearchSpace) -> None:
        source = tested.sample(1, np.random.default_rng(4))
        arch = tested.architecture(source)
        text = arch.text
        for name in ("graph", "key", "space"):
            with pytest.raises(FrozenInstanceError):
                setattr(arch, name, None)
        for array in (arch.graph.ops, arch.graph.adjacency):
            with pytest.raises(ValueError, match="read-only"):
                array[:] = 0
        source.ops[:] = 0
        if source.adjacency.flags.writeable:  # no edges at all share one byte
            source.adjacency[:] = False
        assert tested.format(arch.graph) == [text]

    def test_an_architecture_is_made_of_one_graph(self, tested: SearchSpace) -> None:
        for n in (2, 3):
            with pytest.raises(InvalidInput, match="one graph"):
                tested.architecture(tested.sample(n, np.random.default_rng(0)))

    def test_an_architecture_shows_its_text(self, tested: SearchSpace) -> None:
        arch = one(tested)
        assert str(arch) == arch.text and arch.text in repr(arch) and tested.name in repr(arch)

    @pytest.mark.parametrize("draw", [Architecture.svg, Architecture._repr_svg_, Architecture.dot])
    def test_an_architecture_can_be_drawn(self, tested: SearchSpace, draw: Callable[[Architecture], str]) -> None:
        drawn = draw(one(tested))
        assert drawn.lstrip().startswith(("<svg", "<?xml", "digraph"))
        assert all(name in drawn for name in used_names(one(tested)))

    def test_the_official_identifier_is_the_same_for_the_same_member_only(self, tested: SearchSpace) -> None:
        rng = np.random.default_rng(8)
        members = tested.sample(200, rng)
        names = [arch.official_hash for arch in tested.architectures(members)]
        again = [arch.official_hash for arch in tested.architectures(tested.permute(members, rng))]
        assert names == again
        if names[0] is not None:
            assert len(set(names)) == len(set(tested.keys(members).tolist()))

    def test_many_texts_are_read_at_once_and_a_bad_one_is_named(self, tested: SearchSpace) -> None:
        members = tested.sample(5, np.random.default_rng(4))
        texts = [text or "" for text in tested.format(members)]
        assert (tested.keys(tested.parse_batch(texts)) == tested.keys(members)).all()
        with pytest.raises(InvalidArchitecture, match="row 3"):
            tested.parse_batch([*texts[:3], "nonsense", texts[4]], "row {}".format)

    # --- networks ----------------------------------------------------------------------------------------------------

    @pytest.fixture
    def networks(self, tested: SearchSpace) -> Networks:
        """What is made of the members; without it the tests below are skipped."""
        if tested.networks is None:
            with pytest.raises(InvalidInput, match=f"no network .* {tested.name}"):
                tested.require_networks()
            pytest.skip(f"no networks are made of {tested.name}")
        return tested.networks

    def test_sizes_are_positive_the_same_for_isomorphic_members_and_those_of_each_alone(
        self, tested: SearchSpace, networks: Networks
    ) -> None:
        rng = np.random.default_rng(17)
        members = tested.sample(30, rng)
        params, macs = networks.params(members), networks.macs(members)
        assert params.dtype == macs.dtype == np.int64 and (params > 0).all() and (macs > 0).all()
        copies = tested.permute(members, rng)
        assert (networks.params(copies) == params).all() and (networks.macs(copies) == macs).all()
        for arch, expected in zip(tested.architectures(members), zip(params, macs, strict=True), strict=True):
            assert (arch.params, arch.macs) == expected

    def test_sizes_are_those_of_the_built_network(self, tested: SearchSpace, networks: Networks) -> None:
        import torch

        from archllm.networks.counting import count_macs, count_params

        options = {"num_classes": 7, "in_channels": 1}
        setting = networks.setting(**options)
        for arch in tested.architectures(tested.sample(3, np.random.default_rng(8))):
            with torch.device("meta"):
                network = arch.build(**options)
            assert count_params(network) == networks.params(arch.graph, setting)[0]
            assert count_macs(network, setting.image) == networks.macs(arch.graph, setting)[0]

    def test_sizes_of_other_graphs_are_refused(self, tested: SearchSpace, networks: Networks) -> None:
        broken = tested.sample(2, np.random.default_rng(0))
        broken = Graphs(np.where(np.arange(broken.nodes) == 0, 99, broken.ops), broken.adjacency)
        with pytest.raises(InvalidArchitecture):
            networks.params(broken)
        with pytest.raises(InvalidArchitecture):
            networks.macs(broken)
