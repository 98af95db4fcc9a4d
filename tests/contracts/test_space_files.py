"""The promises of a search space, kept by the spaces of random space files."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.spaces.space_files import KINDS, large_node_dags

from archllm.errors import DefinitionError, NotEnumerable
from archllm.spaces import SearchSpace
from archllm.spaces.registry import space_of_text
from archllm.spaces.space_file import read_definition
from archllm.testing import SpaceContract
from archllm.testing.space import refuse_or_read, used

SEEDS = st.integers(0, 2**32 - 1)
CONTRACT = SpaceContract()
LAWS = [
    CONTRACT.test_a_sample_needs_no_global_random_state,
    CONTRACT.test_an_empty_batch_goes_through_every_question,
    CONTRACT.test_the_ideal_number_of_nats_is_the_entropy_of_a_uniform_draw,
    CONTRACT.test_the_listing_holds_every_member_once,
    CONTRACT.test_writing_into_a_listing_does_not_change_the_space,
    CONTRACT.test_a_key_of_a_non_member_is_refused_with_its_place_and_reason,
    CONTRACT.test_coarser_keys_never_part_what_keys_join,
    CONTRACT.test_what_says_no_architecture_is_refused,
    CONTRACT.test_an_architecture_can_not_be_changed,
    CONTRACT.test_many_texts_are_read_at_once_and_a_bad_one_is_named,
]
"""Laws of a space alone."""

SEEDED = [
    SpaceContract.test_another_node_order_is_valid_and_has_the_same_key,
    SpaceContract.test_normalising_keeps_the_key_and_does_nothing_the_second_time,
    SpaceContract.test_room_for_more_nodes_changes_nothing,
    SpaceContract.test_a_mixed_batch_gives_each_graph_what_it_gets_alone,
    SpaceContract.test_a_reason_is_given_exactly_for_what_is_not_a_member,
    SpaceContract.test_a_text_read_and_written_again_is_the_same_text,
    SpaceContract.test_equal_architectures_have_the_same_neighbours,
]
"""Laws of a space and a seed."""

slowly = examples(max_examples=12, suppress_health_check=list(HealthCheck))


def loaded(text: str) -> SearchSpace:
    """The space of a file; a file that defines an empty one is left out."""
    try:
        return space_of_text(text, "random.toml")
    except DefinitionError as error:
        assert any(said in str(error) for said in ("fulfils", "no cell keeps", "leave no network", "nothing is left"))
        assume(False)
        raise


@pytest.mark.parametrize("kind", KINDS)
@slowly
@given(data=st.data(), seed=SEEDS)
def test_the_space_keeps_the_promises_of_all_spaces(kind: str, data: st.DataObject, seed: int) -> None:
    space = loaded(data.draw(KINDS[kind]))
    assert space.kind == kind
    for law in LAWS:
        law(space)
    for seeded in SEEDED:
        seeded.hypothesis.inner_test(CONTRACT, space, seed)
    CONTRACT.test_a_sample_holds_so_many_normalised_members(space, 57)


@examples(max_examples=5, suppress_health_check=list(HealthCheck))
@given(text=large_node_dags(), seed=SEEDS)
def test_large_cells_keep_the_promises_of_all_spaces(text: str, seed: int) -> None:
    space = loaded(text)
    assert not space.enumerable
    for law in LAWS:
        law(space)
    for seeded in SEEDED[:-1]:
        seeded.hypothesis.inner_test(CONTRACT, space, seed)
    CONTRACT.test_a_sample_holds_so_many_normalised_members(space, 57)
    arch = space.architecture(space.sample(1, np.random.default_rng(seed)))
    assert space.parse(arch.text) == arch


@pytest.mark.parametrize("kind", KINDS)
@slowly
@given(data=st.data(), seed=SEEDS)
def test_neighbours_of_a_member_are_neighbours_both_ways(kind: str, data: st.DataObject, seed: int) -> None:
    space = loaded(data.draw(KINDS[kind]))
    arch = space.architecture(space.sample(1, np.random.default_rng(seed)))
    near = space.neighbours(arch)
    keys = [other.key for other in near]
    assert arch.key not in keys and keys == sorted(set(keys))
    for other in near[:5]:
        if used(other) == used(arch):
            assert arch in space.neighbours(other)


@pytest.mark.parametrize("kind", KINDS)
@slowly
@given(data=st.data(), seed=SEEDS)
def test_texts_are_unambiguous_and_damaged_ones_are_refused(kind: str, data: st.DataObject, seed: int) -> None:
    space = loaded(data.draw(KINDS[kind]))
    rng = np.random.default_rng(seed)
    members = space.enumerate()[:300] if space.enumerable else space.sample(300, rng)
    texts = space.format(members)
    assert len(set(texts)) == len(set(space.keys(members).tolist()))
    text = str(texts[0])
    for garbage in (text[:-1], f"{text}x", text + text, text.replace("s", "t", 1), text[1:], "", "[", "{}", "()"):
        refuse_or_read(space, garbage)


@pytest.mark.parametrize("kind", KINDS)
@slowly
@given(data=st.data(), seed=SEEDS)
def test_a_small_space_is_drawn_uniformly(kind: str, data: st.DataObject, seed: int) -> None:
    space = loaded(data.draw(KINDS[kind]))
    assume(space.size <= 300)
    keys = space.keys(space.sample(30 * space.size, np.random.default_rng(seed)))
    counts = np.unique(keys, return_counts=True)[1]
    degrees = space.size - 1
    missing = (space.size - len(counts)) * 30.0
    chi_square = ((counts - 30) ** 2 / 30).sum() + missing
    assert abs(chi_square - degrees) <= 7 * math.sqrt(2 * degrees)


@pytest.mark.parametrize("kind", KINDS)
@slowly
@given(data=st.data())
def test_a_definition_written_as_a_file_reads_the_same_and_a_pickled_space_is_the_same(
    kind: str, data: st.DataObject
) -> None:
    space = loaded(data.draw(KINDS[kind]))
    assert read_definition(space.definition.to_toml(), "again.toml", "other") == space.definition
    twin = pickle.loads(pickle.dumps(space))  # noqa: S301 - our own
    assert twin.identity == space.identity and twin.size == space.size
    arch = space.architecture(space.sample(1, np.random.default_rng(0)))
    assert pickle.loads(pickle.dumps(arch)) == arch  # noqa: S301


@slowly
@given(data=st.data())
def test_choices_are_counted_as_plain_python_counts_them(data: st.DataObject) -> None:
    space = loaded(data.draw(KINDS["choices"]))
    definition = space.definition
    groups = definition.interchangeable  # type: ignore[attr-defined]
    found = set()
    for values in itertools.product(*definition.slots.values()):  # type: ignore[attr-defined]
        member: dict[str, object] = {}
        for (slot, _), value in zip(definition.slots.items(), values, strict=True):  # type: ignore[attr-defined]
            condition = definition.when.get(slot)  # type: ignore[attr-defined]
            if condition is None or plain(condition, member):
                member[slot] = value
        if all(plain(text, member, vacuous=True) for text in definition.constraints):
            units = [tuple(str(member.pop(s, "")) for s in unit.split()) for group in groups for unit in group]
            found.add((*((slot, str(value)) for slot, value in member.items()), *sorted(units)))
    assert space.size == len(found)


def plain(text: str, member: dict[str, object], vacuous: bool = False) -> bool:
    """A constraint of these files, by Python."""
    if text.startswith("sum("):
        slots = [part.strip().removeprefix("slot.") for part in text[4 : text.index(")")].split(",")]
        return sum(float(str(member[slot])) for slot in slots if slot in member) < 20
    left, sign, right = text.split()
    sides = []
    for side in (left, right):
        slot = side.removeprefix("slot.")
        if side.startswith("slot.") and slot not in member:
            return vacuous
        sides.append(float(str(member[slot])) if side.startswith("slot.") else float(side))
    first, second = sides
    return {"<=": first <= second, ">=": first >= second, "!=": first != second, ">": first > second}[sign]


def test_a_space_that_can_not_be_listed_says_so() -> None:
    space = space_of_text('kind = "choices"\n[slots]\n"width{i=1..20}" = [1, 2, 3, 4, 5, 6, 7, 8]', "wide.toml")
    assert space.size == 8**20 and not space.enumerable
    with pytest.raises(NotEnumerable):
        space.enumerate()
