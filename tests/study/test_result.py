"""A search's result as data: arrays, rows, files, a data frame, and what a notebook shows."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archllm.errors import InvalidInput, MissingExtra
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.study.export import trial_rows, write_rows
from archllm.study.result import Result
from archllm.study.store import Study, Trial

STUDY = Study("mine", "nasbench201", ("acc", "params"), ("maximise", "minimise"), "gp", 3)
LOWER = (LowerFidelity(1, "proxy:p", 0.5, 4.0),)
FOUND = Evaluation((0.9, 5.0), {"loss": math.inf}, {"accuracy": 0.8}, 2.0, {"acc": (0.5, 0.9)}, None, LOWER)
TRIALS = (
    Trial(0, "=HYPERLINK()", 11, "complete", FOUND, place=2, attempts=1),
    Trial(1, "b", 12, "failed", Evaluation(None, failure="-too large, <b>"), place=1),
    Trial(2, "c", 13, "complete", Evaluation((0.5, 1.0)), place=3),
    Trial(3, "d", 14, "complete", Evaluation((0.4, 2.0)), place=4),
    Trial(4, "e", 15, "running"),
)
RESULT = Result.of(STUDY, TRIALS)


def test_the_best_is_the_first_of_the_front() -> None:
    assert RESULT.best is TRIALS[0] and RESULT.front == (TRIALS[0], TRIALS[2])
    assert (RESULT.queries, RESULT.failed, RESULT.lower_fidelity) == (4, 1, LOWER)


def test_values_and_costs_are_arrays() -> None:
    nan = math.nan
    np.testing.assert_array_equal(RESULT.values, [[0.9, 5], [nan, nan], [0.5, 1], [0.4, 2], [nan, nan]])
    assert RESULT.costs.tolist() == [6.0, 0.0, 0.0, 0.0, 0.0]


def test_it_is_shown_in_one_line_and_in_a_table_without_foreign_markup() -> None:
    assert repr(RESULT) == (
        "<Result of study 'mine': gp on nasbench201, 4 evaluations (1 failed), best acc 0.9, params 5>"
    )
    page = Result.of(STUDY, (Trial(0, "<script>", 1, "complete", Evaluation((1.0, 2.0))),))._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "none succeeded" in repr(Result.of(STUDY, TRIALS[1:2]))


def test_test_figures_are_in_columns_that_say_so() -> None:
    (row, *_) = trial_rows(STUDY, TRIALS)
    assert row["test.accuracy"] == 0.8 and [name for name in row if row[name] == 0.8] == ["test.accuracy"]
    assert (row["value"], row["value.acc"], row["value.params"]) == (0.9, 0.9, 5.0)
    assert (row["cost"], row["lower_fidelity_cost"], row["metric.loss"]) == (2.0, 4.0, math.inf)


def test_a_csv_file_runs_nothing_in_a_spreadsheet(tmp_path: Path) -> None:
    path = RESULT.to_csv(tmp_path / "trials.txt")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["'=HYPERLINK()", "b", "c", "d", "e"]
    assert rows[1]["failure"] == "'-too large, <b>" and rows[1]["value"] == "" and rows[0]["curve.acc"] == "[0.5, 0.9]"
    assert [row["state"] for row in rows] == ["complete", "failed", "complete", "complete", "running"]


def test_json_lines_hold_every_text_as_it_is(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "trials.jsonl", trial_rows(STUDY, TRIALS))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows[0]["text"] == "=HYPERLINK()" and rows[0]["metric.loss"] is None and rows[0]["curve.acc"] == [0.5, 0.9]


def test_parquet_keeps_types(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = write_rows(tmp_path / "trials.parquet", trial_rows(STUDY, TRIALS))
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    assert rows[0]["metric.loss"] == math.inf and rows[0]["curve.acc"] == [0.5, 0.9] and rows[1]["value"] is None
    assert list(rows[0])[:5] == ["study", "space", "method", "seed", "number"]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_a_study_without_trials_can_be_written(tmp_path: Path, ending: str) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    assert write_rows(tmp_path / f"none{ending}", []).is_file()


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\.csv, \.parquet, \.jsonl.*'trials\.xlsx'"):
        write_rows(tmp_path / "trials.xlsx", [])
    assert not list(tmp_path.iterdir())


def test_a_data_frame_has_a_row_for_each_trial() -> None:
    pandas = pytest.importorskip("pandas")
    frame = RESULT.to_dataframe()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 5
    assert frame["value"].max() == 0.9 and frame["text"][0] == "=HYPERLINK()"


def test_without_pandas_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"a data frame of trials .*archllm\[data\]"):
        RESULT.to_dataframe()
