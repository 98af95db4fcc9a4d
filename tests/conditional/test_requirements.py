"""Requirements: `params <= 1e6`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.conditional.requirements import Range, all_hold, parse_all, parse_where
from archllm.errors import InvalidInput

VALUES = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, math.nan])


@pytest.mark.parametrize(
    ("text", "holding"),
    [
        ("x <= 1", [-1, 0, 1]),
        ("x<1", [-1, 0]),
        ("x >= 1e0", [1, 2, 3]),
        ("x > 1.", [2, 3]),
        ("x = 1", [1]),
        ("x == +1", [1]),
        ("x in [0, 2]", [0, 1, 2]),
        (" x in (0,2) ", [1]),
        ("x in [0, 2)", [0, 1]),
        ("x in[.5, 2.5]", [1, 2]),
    ],
)
def test_a_requirement_holds_for_what_it_says(text: str, holding: list[float]) -> None:
    assert VALUES[parse_where(text).holds(VALUES)].tolist() == holding


@pytest.mark.parametrize("name", ["params", "cifar10", "cifar10.valid@200", "edge_gpu", "latency:phone"])
def test_names_of_columns_and_devices_can_be_used(name: str) -> None:
    assert parse_where(f"{name} >= 1") == Range(name, 1.0, math.inf)


@pytest.mark.parametrize(
    "text",
    ["", "params", "params <=", "<= 3", "params <= x", "params => 3", "params in [1]", "params in 1, 2", "3 < params",
     "params <= nan", "params <= inf", "params <= 1 and macs <= 2", "__import__('os')"],
)  # fmt: skip
def test_what_is_no_requirement_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InvalidInput, match="NAME in "):
        parse_where(text)


@pytest.mark.parametrize("text", ["x in [2, 1]", "x in (1, 1)", "x in [1, 1)"])
def test_an_empty_interval_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no number fulfils"):
        parse_where(text)


def test_a_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(InvalidInput, match="too large"):
        parse_where("x <= 1e999")


def test_requirements_on_one_property_are_joined() -> None:
    assert parse_all(["x >= 1", "y <= 3", "x < 3", "x <= 2"]) == {
        "x": Range("x", 1.0, 2.0),
        "y": Range("y", -math.inf, 3.0),
    }


def test_a_contradiction_is_refused_and_named() -> None:
    with pytest.raises(InvalidInput, match=r"both 'x >= 3' and 'x < 3'"):
        parse_all(["x >= 3", "x < 3"])


def test_all_requirements_must_hold() -> None:
    ranges = parse_all(["x >= 1", "y <= 3"])
    found = all_hold(ranges, {"x": np.array([0.0, 1, 2, 2]), "y": np.array([0.0, 0, 4, math.nan])})
    assert found.tolist() == [False, True, False, False]


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_what_is_written_is_read_again(low: float, high: float) -> None:
    low, high = sorted((float(f"{low:g}"), float(f"{high:g}")))
    for wanted in (Range("a", low, high), Range("a", -math.inf, high), Range("a", low, math.inf)):
        assert parse_where(str(wanted)) == wanted


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("params <= 300k", -math.inf, 300_000),
        ("macs >= 1.2M", 1_200_000, math.inf),
        ("params in [100, 300 K]", 100, 300_000),
        ("latency in [1, 2s]", 1_000, 2_000),
        ("latency in [500us, 2ms]", 0.5, 2),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, low: float, high: float) -> None:
    found = parse_where(text)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(("text", "told"), [("params <= 3ms", "only latency has one"), ("latency < 3k", "found 'k'")])
def test_units_of_something_else_are_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        parse_where(text)
