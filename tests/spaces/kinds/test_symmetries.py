"""Slots that can change places, and texts that mean the same: one network is one member."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations_with_replacement, permutations, product

import numpy as np
import pytest

from archllm.errors import DefinitionError, FormatError
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.registry import space_of_text
from archllm.spaces.space_file import read_definition

BRANCHES = """kind = "choices"
interchangeable = ["op{i=1..3} kernel{i}"]
[slots]
width = [8, 16]
"op{i=1..3}" = ["conv", "pool", "skip"]
"kernel{i=1..3}" = [3, 5]
[when]
"kernel{i=1..3}" = 'slot.op{i} != "skip"'
[same]
"op{i=1..3}" = { convolution = "conv", identity = "skip" }
"""


def made(text: str = BRANCHES) -> Choices:
    found = space_of_text(text, "mine.toml", "mine")
    assert isinstance(found, Choices)
    return found


def test_members_are_counted_once_whatever_the_order():
    branch = [("skip",), *product(("conv", "pool"), (3, 5))]
    assert made().size == 2 * len(list(combinations_with_replacement(branch, 3))) == 2 * math.comb(5 + 2, 3)
    assert made().exact_size and made().enumerable


def test_every_order_is_the_same_member_with_one_text():
    space = made()
    branches = ["op{0}=pool kernel{0}=5", "op{0}=conv kernel{0}=3", "op{0}=skip"]
    texts = {
        space.parse(f"[width=8 {' '.join(branch.format(at + 1) for at, branch in enumerate(order))}]").text
        for order in permutations(branches)
    }
    assert texts == {"[width=8 op1=conv op2=pool op3=skip kernel1=3 kernel2=5]"}


def test_draws_are_uniform_over_members_and_not_over_orders():
    space = made()
    counts = Counter(space.keys(space.sample(70_00, np.random.default_rng(0))).tolist())
    assert len(counts) == space.size == 70
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 69 + 5 * math.sqrt(2 * 69)


def test_what_can_not_be_listed_is_counted_and_drawn_exactly():
    space = made(
        'kind = "choices"\ninterchangeable = ["s{i=1..20}"]\n[slots]\n"s{i=1..20}" = [1, 2, 3, 4, 5, 6, 7, 8, 9]'
    )
    assert space.size == math.comb(9 + 20 - 1, 20) == 3_108_105 and space.exact_size
    wide = made(
        'kind = "choices"\ninterchangeable = ["s{i=1..30}"]\n[slots]\n'
        f'"s{{i=1..30}}" = {list(range(40))}\nother = [1, 2]'
    )
    assert wide.size == 2 * math.comb(40 + 30 - 1, 30) and wide.exact_size and not wide.enumerable
    members = wide.sample(4000, np.random.default_rng(0))
    chosen = np.sort(wide.choices_of(members)[:, [name != "other" for name in wide.slot_names]], axis=1)
    assert wide.validate(members).all() and (np.diff(chosen, axis=1) >= 0).all()
    # the smallest of a uniform multiset of k of m: P(smallest > v) = C(m - v + k - 2, k) / C(m + k - 1, k)
    for v in (0, 1, 2):
        expected = math.comb(40 - v + 30 - 2, 30) / math.comb(40 + 30 - 1, 30)
        assert (chosen[:, 0] > v).mean() == pytest.approx(expected, abs=0.03)


def test_with_constraints_too_many_to_list_are_estimated_among_multisets():
    space = made(
        'kind = "choices"\ninterchangeable = ["s{i=1..12}"]\nconstraints = ["count(0) >= 3"]\n[slots]\n'
        f'"s{{i=1..12}}" = {list(range(20))}'
    )
    exact = math.comb(20 + 9 - 1, 9)  # three are 0, the others anything
    assert not space.exact_size and space.size == pytest.approx(exact, rel=0.1)
    assert space.validate(space.sample(100, np.random.default_rng(0))).all()


def test_a_neighbour_differs_in_one_slot_whatever_the_order():
    space = made('kind = "choices"\ninterchangeable = [["a", "b"]]\n[slots]\na = [1, 2, 3]\nb = [1, 2, 3]')
    near = [arch.text for arch in space.neighbours(space.parse("[a=2 b=2]"))]
    assert sorted(near) == ["[a=1 b=2]", "[a=2 b=3]"]


def test_texts_that_mean_the_same_are_read_and_are_no_values_of_their_own():
    space = made()
    assert space.parse("[width=8 op1=convolution op2=identity op3=identity kernel1=3]").text.startswith(
        "[width=8 op1=conv"
    )
    both = made('kind = "choices"\n[slots]\nact = ["relu", "ReLU", "gelu"]\n[same]\nact = { ReLU = "relu" }')
    assert both.size == 2 and both.parse("[act=ReLU]") == both.parse("[act=relu]")
    with pytest.raises(FormatError, match="act is one of relu, gelu"):
        both.parse("[act=selu]")


def test_a_file_written_again_reads_the_same_and_spaces_without_symmetries_keep_their_fingerprint():
    space = made()
    assert read_definition(space.definition.to_toml(), "again.toml", "other") == space.definition
    plain = 'kind = "choices"\n[slots]\na = ["x", "y"]\nb = ["x", "y"]\n'
    known = "5f39bb13"  # of this file before there were symmetries
    assert made(plain).definition.fingerprint[:8] == known
    assert made(plain.replace("[slots]", 'interchangeable = [["a", "b"]]\n[slots]')).definition.fingerprint[:8] != known


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('interchangeable = ["a"]', r"line 2: interchangeable\[0\]: at least two can change places, found 1"),
        ('interchangeable = [["a", "x"]]', r"there is no slot 'x'"),
        ('interchangeable = [["a", "b"], ["b", "c"]]', r"interchangeable\[1\]: b stands twice"),
        ('interchangeable = [["a", "d"]]', "a and d have different values"),
        ('interchangeable = [["a b", "c"]]', "have not as many slots"),
        ('interchangeable = "a"', "interchangeable: must be a list of groups"),
        ("interchangeable = [3]", r"interchangeable\[0\]: must be a list of texts"),
        (
            'interchangeable = [["a", "b"]]\nconstraints = ["slot.a <= slot.b"]',
            r"interchangeable\[0\]: a and b can't change places: `slot.a <= slot.b`",
        ),
        (
            'interchangeable = [["b", "c"]]\nwhen = { c = "slot.a == 1" }',
            "b and c can't change places: `slot.a == 1`",
        ),
        ("same = { a = { one = 3 } }", "same.a.one: 'one' must mean one of the other values of a"),
        ("same = { x = { one = 1 } }", "same.x: there is no slot 'x'"),
        ('same = { a = "one" }', "same.a: must be a table"),
    ],
)
def test_symmetries_that_are_none_are_refused_with_their_line(line, said):
    with pytest.raises(DefinitionError, match=said):
        made(f'kind = "choices"\n{line}\n[slots]\na = [1, 2]\nb = [1, 2]\nc = [1, 2]\nd = [1, 2, 3]')
