"""What is particular to choices: joined slots stand side by side, and codes are counted by what occurs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from tests.spaces.space_files import choices

from archllm.errors import DefinitionError
from archllm.spaces import load_space
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.registry import space_of_text

STAGES = """
kind = "choices"
constraints = ["slot.width <= slot.head"]
[slots]
width = [8, 16]
"depth{s=1..2}" = [1, 2]
head = [8, 16]
"kernel{s=1..2}_{b=1..2}" = [3, 5]
[when]
"kernel{s=1..2}_2" = "slot.depth{s} >= 2"
"""


def space() -> Choices:
    found = space_of_text(STAGES, "stages.toml", "stages")
    assert isinstance(found, Choices)
    return found


def test_slots_that_depend_on_one_another_are_neighbours() -> None:
    assert space().slot_names == (
        "width", "head", "depth1", "kernel1_2", "depth2", "kernel2_2", "kernel1_1", "kernel2_1",
    )  # fmt: skip


def test_texts_keep_the_order_of_the_file() -> None:
    text = "[width=8 depth1=1 depth2=2 head=16 kernel1_1=3 kernel2_1=5 kernel2_2=3]"
    assert space().parse(text).text == text
    assert list(space().values_of(space().parse(text).graph)) == [word.split("=")[0] for word in text[1:-1].split()]


def test_codes_speak_of_what_occurs() -> None:
    joined = space()
    slots = joined.slot_names.index
    assert joined.assignments.contents([slots("width"), slots("head")]) == 3  # of 4 combinations
    assert joined.assignments.contents([slots("depth1"), slots("kernel1_2")]) == 3  # of 2 x (2 and off)
    assert joined.assignments.contents([slots("head"), slots("kernel1_1")]) == 4
    assert joined.assignments.contents([]) == 1


@given(choices())
def test_contents_are_those_of_all_members(text: str) -> None:
    try:
        found = space_of_text(text, "random.toml", "random")
    except DefinitionError:
        return
    assert isinstance(found, Choices)
    rows = found.choices_of(found.enumerate())
    for first in range(rows.shape[1]):
        part = list(range(first, min(first + 3, rows.shape[1])))
        assert found.assignments.contents(part) == len(np.unique(rows[:, part], axis=0))


def test_a_stage_of_mobilenets_is_one_neighbourhood() -> None:
    names = load_space("mobilenetv3").slot_names  # type: ignore[attr-defined]
    assert names[:5] == ("depth1", "kernel1_3", "kernel1_4", "expansion1_3", "expansion1_4")
