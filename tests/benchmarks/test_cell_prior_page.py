"""The benchmark of the prior of cells: its jobs, the rule that it checks, and a page from what some of them found."""

from __future__ import annotations

import pytest
from benchmarks.cell_prior import BENCHMARK, CHOSEN_ON, JUDGED, SPACES, check_left_out
from benchmarks.make_cell_prior import SOURCES
from benchmarks.pages.cell_prior import page
from benchmarks.tasks import TASKS

ABOUT = dict.fromkeys(["command", "commit", "machine", "threads", "torch", "date"], "x")
BASE = {"about": ABOUT, "wall": 1.0, "cpu": 1.0, "load": 0.0, "peak_bytes": 1}


def test_no_judged_task_is_learned_from_or_chosen_by() -> None:
    for task, source in JUDGED.items():
        check_left_out(TASKS[task], [TASKS[each].space for each in SPACES[source]])
    with pytest.raises(ValueError, match="would be judged by a prior"):
        check_left_out(TASKS["cifar10"], ["nasbench101", "nasbench201"])
    assert {TASKS[name].role for pair in CHOSEN_ON for name in pair} == {"development"}


def test_what_ships_is_made_as_what_is_judged() -> None:
    assert [source.tasks for source in SOURCES] == list(SPACES.values())


def test_there_is_a_job_for_each_claim() -> None:
    jobs = BENCHMARK.jobs(BENCHMARK.parse(["--seeds", "0", "1"]))
    assert jobs["labels-cifar10"]["seeds"] == [0, 1, 2, 3] and jobs["search-jigsaw-shipped"]["prior"] == "shipped"


def test_a_page_shows_what_is_there_and_says_what_is_missing() -> None:
    ranked = {"part": "rank", "task": "cifar10", "source": "nasbench101", "role": "test", "learned_from": 300}
    ranked |= {"spearman": {"counting": 0.7, "earlier transfer": 0.6, "prior": 0.84}}
    ranked |= {"tau": {"counting": 0.5, "earlier transfer": 0.4, "prior": 0.6}}
    rows = [
        {"labels": labels, "seed": 0, "predictor": how, "tau": 0.75}
        for labels in (5, 20)
        for how in ("without", "prior")
    ]
    labelled = {"part": "labels", "task": "cifar10", "rows": rows}
    searched = [
        {"part": "search", "task": "cifar10", "prior": prior, "runs": [{"regret": [3.0, 0.1, 0.0]}]}
        for prior in ("none", "shipped")
    ]
    text = page([BASE | each | {"name": str(at)} for at, each in enumerate([ranked, labelled, *searched])])
    assert "0.840 against 0.85, missed by 0.010; counting gives 0.700" in text
    assert "5 labels: 0.750 against 0.70, met" in text and "20 labels: 0.750 against 0.76, missed by 0.010" in text
    assert "| 3.0 (2.0) | 3.0 (2.0) |" in text and "Not measured yet: searches on NAS-Bench-201, CIFAR-100" in text
