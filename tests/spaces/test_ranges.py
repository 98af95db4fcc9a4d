from __future__ import annotations

import pytest

from archllm.errors import DefinitionError
from archllm.spaces.registry import space_of_text


def slots(line: str) -> tuple[int | float, ...]:
    space = space_of_text(f'kind = "choices"\n[slots]\nother = [1]\n{line}', "mine.toml")
    return space.definition.slots["a"]  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("a = { from = 8, to = 32, step = 8 }", (8, 16, 24, 32)),
        ("a = { from = 1, to = 4 }", (1, 2, 3, 4)),
        ("a = { from = -2, to = 2, step = 3 }", (-2, 1)),
        ("a = { from = 0.0, to = 0.5, step = 0.1 }", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        ("a = { from = 0, to = 1, n = 5 }", None),
        ("a = { from = 0.0, to = 1.0, n = 5 }", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("a = { from = 1e-4, to = 1e-1, log = true, n = 7 }", (1e-4, 3.162e-4, 1e-3, 3.162e-3, 1e-2, 3.162e-2, 1e-1)),
        ("a = { from = 16, to = 256, log = true, n = 5 }", (16, 32, 64, 128, 256)),
    ],
)
def test_a_range_gives_its_values(line, values):
    if values is None:
        with pytest.raises(DefinitionError, match="are not 5 different ones: take fewer"):
            slots(line)
    else:
        assert slots(line) == values and [type(value) for value in slots(line)] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a = { from = 8 }", "line 4: slots.a.to: must be a number"),
        ("a = { from = 8, to = 8 }", "slots.a.to: must be above 8"),
        ("a = { from = 8, to = 64, step = 0 }", "slots.a.step: must be a number above 0"),
        ("a = { from = 0.5, to = 1 }", "slots.a.step: step is missing; numbers that are not whole need it, or n"),
        ("a = { from = 1, to = 1000 }", "slots.a: a slot has at most 100 values, and this range has 1,000"),
        (
            "a = { from = 0, to = 1.0, step = 1e-40 }",
            "slots.a: a slot has at most 100 values, and this range has 1e\\+40",
        ),
        ("a = { from = 1, to = 8, step = 1, n = 3 }", "slots.a.step: a range has a step, or a number"),
        ("a = { from = 0, to = 8, log = true, n = 3 }", "slots.a.from: must be above 0 where log = true"),
        ("a = { from = 1, to = 8, log = true }", "slots.a.log: a range with log = true needs n"),
        ("a = { from = 1, to = 8, log = 1, n = 3 }", "slots.a.log: must be true or false"),
        ("a = { from = 1, to = 8, n = 1 }", "slots.a.n: must be a whole number, 2 to 100"),
        ("a = { from = 1, to = 8, by = 2 }", "slots.a.by: unknown key; a range has from, to, step, n, log"),
        ("a = { from = true, to = 8 }", "slots.a.from: must be a number"),
        ("a = { from = nan, to = 8.0 }", "slots.a.from: must be a number"),
        ("a = { from = 1, to = inf, step = 1 }", "slots.a.to: must be a number"),
        ("a = 3", r"slots.a: must be a list of values, such as \[8, 16\], or a range"),
        ('"a{i=1..2}" = { from = 3, to = 2 }', r"line 4: slots.a\{i=1..2\}.to: must be above 3"),
    ],
)
def test_a_range_that_is_none_is_refused_with_its_line_and_key(line, said):
    with pytest.raises(DefinitionError, match=said):
        slots(line)
