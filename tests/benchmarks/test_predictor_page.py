"""The page of predictors says what the jobs measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import predictor, predictor_page

ABOUT = {"commit": "abc1234", "machine": "m", "threads": 1, "load": 1.0, "torch": "2", "date": "2026-01-01"}


def measured(tau: float) -> list[dict[str, Any]]:
    """A result of every job, whose taus are `tau` with free features and 0.1 less without."""
    results = []
    for job in predictor.jobs([0, 1]).values():
        value = tau if "free" in job["set"] else tau - 0.1
        rows = [
            {"labels": labels, "seed": seed, "kind": kind, "tau": value, "hits": 0.4, "regret": 0.25}
            for labels in job["labels"] for seed in job["seeds"] for kind in ("gaussian", "ensemble", "both")
        ]  # fmt: skip
        for row in rows[2::3]:
            row |= {"fit_seconds": 1.5, "predict_seconds": 0.5}
        results.append(job | {"rows": rows, "wall": 60.0, "training_seconds": {"tokenizer": 7.5, "prior": 39.3},
                              "about": ABOUT})  # fmt: skip
    return results


def page(results: list[dict[str, Any]], folder: Path) -> str:
    predictor_page.write_page(results, folder)
    return (folder / "predictor.md").read_text()


def test_the_page_holds_what_was_measured(tmp_path: Path) -> None:
    results = measured(0.83)
    text = page(results, tmp_path)
    assert "0.830 ± 0.000" in text and "0.730 ± 0.000" in text and "| 1.50 | 0.50 |" in text
    assert json.loads((tmp_path / "predictor.json").read_text()) == results
    assert "nan" not in text


@pytest.mark.parametrize(("tau", "verdict"), [(0.83, "reached"), (0.81, "missed")])
def test_a_missed_target_is_told(tmp_path: Path, tau: float, verdict: str) -> None:
    text = page(measured(tau), tmp_path)
    assert f"The target of 0.82 is **{verdict}**; by learned or hand-made features alone it is **missed**" in text


def test_what_is_not_measured_yet_is_left_open(tmp_path: Path) -> None:
    few = [result for result in measured(0.83) if result["labels"][0] == 20 and result["space"] == "nasbench201"]
    assert "Settings" in page(few, tmp_path)
    other = [result for result in measured(0.83) if result["labels"][0] == 20 and result["space"] == "nasbench101"]
    assert "Not measured yet with 424 labels" in page(other, tmp_path)


def test_a_perfect_ranking_has_every_hit_and_no_regret() -> None:
    accuracy = np.random.default_rng(0).normal(size=6_000)
    assert predictor.judge(accuracy, accuracy) == {"tau": pytest.approx(1), "hits": 1.0, "regret": 0.0}
    worst = predictor.judge(-accuracy, accuracy)
    assert worst["tau"] == pytest.approx(-1) and worst["hits"] == 0 and worst["regret"] > 3


def test_every_set_of_a_space_is_measured_with_every_number_of_labels() -> None:
    jobs = predictor.jobs([0]).values()
    for space in predictor.LABELS:
        own = [job for job in jobs if job["space"] == space and job["part"] == "result"]
        assert len({job["set"] for job in own}) == len(own) / 2
        assert all(job["column"] == predictor.COLUMNS[space] for job in own)


def test_nothing_is_tuned_on_what_is_judged() -> None:
    tuned = [job for job in predictor.jobs([0, 1, 2, 3, 4]).values() if job["part"] == "settings"]
    assert tuned and all(job["column"] not in predictor.COLUMNS.values() for job in tuned)
    assert all(not set(job["seeds"]) & {0, 1, 2, 3, 4} for job in tuned)
