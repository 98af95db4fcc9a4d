"""Cells of a CSV file: no text is a formula, in whatever language and with whatever separator the file is opened."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.study.export import csv_cell

STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "a;=1",
        "a; =1",
        "a\t=1",
        "a\n-1",
        "\uff1d1",
        "=cmd|'/c x'!A0",
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text):
    cells = re.split(r"[;\t\r\n]", csv_cell(text))
    assert not any(cell.lstrip().startswith(tuple(STARTS)) for cell in cells)


@pytest.mark.parametrize(
    "text", ["|none~0|+|none~0|none~1|", "[width=8 act=relu]", "Genotype(normal=[('a', 0)])", "0", ""]
)
def test_architectures_stay_as_they_are(text):
    assert csv_cell(text) == text


@given(st.text(alphabet=f"{STARTS};\t\r\n ab'", max_size=12))
def test_only_apostrophes_are_added(text):
    cell = csv_cell(text)
    assert cell.replace("'", "") == text.replace("'", "")
    assert not any(part.lstrip().startswith(tuple(STARTS)) for part in re.split(r"[;\t\r\n]", cell))
