"""The page of predictors says what the jobs measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks import predictor
from benchmarks.pages import predictor as pages

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}
JOBS = predictor.jobs(predictor.BENCHMARK.parse(["--seeds", "0", "1"]))


def measured(tau: float) -> list[dict[str, Any]]:
    """A result of every job, whose taus are `tau` with training-free features and 0.1 less without."""
    results = []
    for name, job in JOBS.items():
        value = tau if "training-free" in job["set"] else tau - 0.1
        ranking = {kind: {"tau": value, "hits": 0.4, "regret": 0.25} for kind in pages.KINDS}
        timed = {"fit_seconds": 1.5, "predict_seconds": 0.5}
        rows = [{"labels": labels, "seed": seed} | timed | ranking for labels in job["labels"] for seed in job["seeds"]]
        more = {"wall": 60.0, "load": 1.0, "training_seconds": {"tokenizer": 7.5, "prior": 39.3}, "about": ABOUT}
        results.append({"name": name} | job | {"rows": rows} | more)
    return results


def test_the_page_holds_what_was_measured() -> None:
    text = pages.page(measured(0.83))
    assert "0.830 ± 0.000" in text and "0.730 ± 0.000" in text and "| 1.50 | 0.50 |" in text
    assert "nan" not in text


@pytest.mark.parametrize(("tau", "verdict"), [(0.83, "met"), (0.81, "missed by 0.010")])
def test_a_missed_target_is_told(tau: float, verdict: str) -> None:
    text = pages.page(measured(tau))
    assert f"The target of 0.82 is **{verdict}**; without training-free features it is **missed by 0" in text


def test_what_is_not_measured_yet_is_left_open() -> None:
    few = [result for result in measured(0.83) if result["labels"][0] == 20 and result["space"] == "nasbench201"]
    assert "Settings" in pages.page(few)
    other = [result for result in measured(0.83) if result["labels"][0] == 20 and result["space"] == "nasbench101"]
    assert "Not measured yet with 424 labels" in pages.page(other)


def test_a_perfect_ranking_has_every_hit_and_no_regret() -> None:
    accuracy = np.random.default_rng(0).normal(size=6_000)
    assert predictor.judge(accuracy, accuracy) == {"tau": pytest.approx(1), "hits": 1.0, "regret": 0.0}
    worst = predictor.judge(-accuracy, accuracy)
    assert worst["tau"] == pytest.approx(-1) and worst["hits"] == 0 and worst["regret"] > 3


def test_every_set_of_a_space_is_measured_with_every_number_of_labels() -> None:
    for space in predictor.LABELS:
        own = [job for job in JOBS.values() if job["space"] == space and job["part"] == "result"]
        assert len({job["set"] for job in own}) == len(own) / 2
        assert all(job["table"] == predictor.TABLES[space] for job in own)


def test_nothing_is_tuned_on_a_test_task() -> None:
    tuned = [job for job in JOBS.values() if job["part"] == "settings"]
    assert tuned and all(job["table"] not in predictor.TABLES.values() for job in tuned)
    assert all(not set(job["seeds"]) & {0, 1, 2, 3, 4} for job in tuned)
