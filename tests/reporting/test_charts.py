"""Charts: what is drawn where, and what texts from outside become."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.reporting.charts import Axes, Band, Dots, Level, Line, chart, ticks

X = np.array([0.0, 1.0, 2.0])


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_and_inside_the_range(low, width):
    found = ticks(low, low + width)
    assert len(found) <= 8
    room = 1e-6 * max(width, abs(low), 1.0)
    assert all(low - room <= value <= low + width + room for value in found)


def test_a_chart_is_well_formed_whatever_its_texts_say():
    hostile = '<script>alert("1")</script>&\x00'
    drawn = chart([Dots(X, X, "own", 3.0, [hostile] * 3)], Axes(hostile, hostile, hostile))
    root = ElementTree.fromstring(drawn)
    assert root.get("aria-label", "").startswith('<script>alert("1")') and root.get("role") == "img"
    assert "<script" not in drawn


def test_a_gap_interrupts_a_line():
    drawn = chart([Line(X, np.array([1.0, np.nan, 2.0]), "own")], Axes("x", "y", "says"))
    (path,) = re.findall(r'class="line own" d="([^"]*)"', drawn)
    assert path.count("M") == 2 and "L" not in path


def test_a_step_holds_until_the_next_point():
    drawn = chart([Line(X, X, "own", steps=True)], Axes("x", "y", "says"))
    assert re.search(r'd="M[\d. ]+H[\d.]+V[\d.]+H[\d.]+V[\d.]+"', drawn)


@pytest.mark.parametrize("marks", [[], [Line(X[:0], X[:0], "own")], [Band(X, X * np.nan, X * np.nan, "random")]])
def test_nothing_to_draw_is_an_empty_chart(marks):
    drawn = chart([*marks, Level(1.0, "optimum")], Axes("x", "y", "says"))
    assert "nan" not in ElementTree.tostring(ElementTree.fromstring(drawn)).decode().lower()
