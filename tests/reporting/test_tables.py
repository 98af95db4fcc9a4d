"""Tables of quality: what stands in them, and what must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archllm.errors import InvalidInput
from archllm.generation.generator import Quality
from archllm.generation.metrics import NAMES, Metric
from archllm.reporting.published import PUBLISHED, published, sources
from archllm.reporting.tables import Table, quality

FIGURES = {name: Metric(0.9, 0.01, 0.95) for name in NAMES}
ONE = Quality("nasbench201", 1_000, (0, 1, 2), 1.0, 0.999, 9.7, 9.657, FIGURES, 1.0)


def test_every_row_has_every_column():
    for table in (quality([ONE]), quality([ONE, replace(ONE, n=10_000)]), quality([replace(ONE, space="unheard-of")])):
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert len(table.rows) == len(NAMES) + 2


def test_figures_stand_in_percent_with_their_spread_beside_what_is_expected():
    (row,) = [row for row in quality([ONE]).rows if row[0] == "valid and unique"]
    assert row[1:3] == ["90.00 ± 1.00", "95.00"]
    (row,) = [row for row in quality([replace(ONE, seeds=(0,))]).rows if row[0] == "valid and unique"]
    assert row[1] == "90.00"


def test_published_figures_carry_their_number_of_draws_and_source():
    table = quality([ONE])
    (valid,) = [row for row in table.rows if row[0] == "valid, strict rule"]
    assert "97.52 Arch-VQ, n unknown" in valid[-1]
    assert "98.97 DiffusionNAG, n=1,000" in valid[-1]
    assert "DiffusionNAG, PNAG quoted second-hand" in sources(published("nasbench201"))
    assert any(note.startswith("arch2vec: ") and "leaves training mode" in note for note in table.notes)


def test_published_figures_are_figures_of_ours_and_of_a_known_mark():
    for each in PUBLISHED:
        assert set(each.percent) <= set(NAMES)
        assert all(0 < float(value) <= 100 for value in each.percent.values())
        assert each.mark in ("read", "note", "measured")


def test_there_is_no_table_of_nothing():
    with pytest.raises(InvalidInput):
        quality([])


def test_in_a_notebook_nothing_in_a_table_is_markup():
    page = Table("<b>", ["<i>"], [["<u>\nsecond line"]], notes=["<s>"])._repr_html_()
    assert not any(tag in page for tag in ("<b>", "<i>", "<u>", "<s>")) and "&lt;u&gt;<br>second line" in page
