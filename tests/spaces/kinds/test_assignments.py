"""Assignments of any number: exact numbers as far as 64 bits go, fingerprints beyond."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import DefinitionError
from archllm.spaces.fingerprints import fingerprints
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.kinds.components import Joint, SortedRows
from archllm.spaces.registry import space_of_text


def space_of(text: str) -> Choices:
    found = space_of_text(text, "wide.toml")
    assert isinstance(found, Choices)
    return found


def test_sizes_are_exact_beyond_64_bits() -> None:
    space = space_of('kind = "choices"\n[slots]\n"s{k=1..40}" = [1, 2, 3, 4, 5, 6, 7]')
    assert space.size == 7**40 and space.exact_size and not space.exact_keys


def test_assignments_that_differ_in_one_slot_have_other_fingerprints() -> None:
    space = space_of('kind = "choices"\n[slots]\n"s{k=1..40}" = [1, 2, 3, 4, 5, 6, 7]')
    arch = space.architecture(space.sample(1, np.random.default_rng(0)))
    near = space.neighbours(arch)
    assert len({other.key for other in near}) == len({other.text for other in near}) == 40 * 6
    assert all(-(2**63) <= other.key < 2**63 for other in near)


def test_few_assignments_of_many_joined_slots_are_listed() -> None:
    rising = [f"slot.s{k} <= slot.s{k + 1}" for k in range(1, 44)]
    space = space_of(f'kind = "choices"\nconstraints = {rising}\n[slots]\n"s{{k=1..44}}" = [1, 2, 3]')
    members = space.enumerate()
    assert space.size == len(np.unique(members.ops, axis=0)) == 46 * 45 // 2
    assert space.keys(members).tolist() == list(range(space.size))
    falling = np.zeros((1, 44), dtype=np.int64)
    falling[0, 0] = 2
    assert not space.validate(space.graphs_of(falling))[0]


def test_a_huge_space_under_constraints_is_estimated() -> None:
    sums = ", ".join(f"slot.s{k}" for k in range(1, 46))
    values = list(range(90))
    space = space_of(f'kind = "choices"\nconstraints = ["sum({sums}) % 2 == 0"]\n[slots]\n"s{{k=1..45}}" = {values}')
    assert not space.exact_size and not space.exact_keys
    assert abs(space.size / (90**45 // 2) - 1) < 0.1
    drawn = space.sample(200, np.random.default_rng(0))
    assert space.validate(drawn).all() and len(np.unique(space.keys(drawn))) == 200


def test_conditions_that_hardly_anything_fulfils_are_refused_where_they_stand() -> None:
    when = "".join(f's{k} = "slot.s{k - 1} >= 2 and slot.s{max(1, k - 9)} <= 5"\n' for k in range(2, 41))
    with pytest.raises(DefinitionError, match=r"line 4: when: none of 2,000,000 random draws fulfils `the conditions`"):
        space_of(f'kind = "choices"\n[slots]\n"s{{k=1..40}}" = {list(range(1, 10))}\n[when]\n{when}')


@pytest.mark.parametrize(("choices", "each"), [(126, 1), (127, 8)])
def test_a_choice_among_few_takes_a_byte(choices: int, each: int) -> None:
    joint = Joint([0, 1], np.array([choices, 2]), [], {})
    rows = joint.enumerate()
    assert rows is not None and rows.itemsize == each
    assert np.array_equal(rows, list(itertools.product(range(choices), range(2))))
    assert joint.codes(rows).ravel().tolist() == list(range(2 * choices))


@given(st.data())
def test_ranks_of_rows_are_their_places_in_order(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    row = st.lists(st.integers(0, 3) | st.integers(2**62, 2**62 + 2), min_size=width, max_size=width)
    rows = data.draw(st.lists(row, min_size=1, max_size=12, unique_by=tuple))
    table = SortedRows(np.array(rows))
    assert table.rank(np.array(sorted(rows))).tolist() == list(range(len(rows)))
    assert table.rows(np.arange(len(rows))).tolist() == sorted(rows)
    others = data.draw(st.lists(row, min_size=1, max_size=12))
    assert table.contains(np.array(others)).tolist() == [other in rows for other in others]


def test_fingerprints_of_short_rows_are_all_different() -> None:
    rows = np.array(list(itertools.product(range(-3, 4), repeat=5)))
    assert len(np.unique(fingerprints(rows))) == len(rows)
    assert len(np.unique(np.concatenate([fingerprints(np.zeros((1, width), np.int64)) for width in range(9)]))) == 9
