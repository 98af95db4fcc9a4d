"""The page of search says what the jobs measured, and what has not been run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import search, search_page

ABOUT = {"commit": "abc1234", "machine": "m", "threads": 1, "load": 1.0, "torch": "2", "date": "2026-01-01"}


def measured(method: str, task: str) -> dict[str, Any]:
    found = {"seed": 0, "queries": 60, "seconds": 3.0, "incumbents": [[1, "a", 80.0, 79.0], [60, "b", 91.0, 94.0]]}
    lost = {"seed": 1, "queries": 200, "seconds": 7.4, "incumbents": [[1, "c", 84.0, 85.0], [70, "d", 90.0, 90.0]]}
    job = {"method": method, "task": task, "seeds": 2, "budget": 200, "optimum": 91.0, "runs": [found, lost]}
    return job | {"pre_training": 45.2 if method == "latent" else 0.0, "wall": 90.0, "about": ABOUT}


def page(folder: Path, *results: dict[str, Any]) -> str:
    search_page.write_page(list(results), folder)
    assert json.loads((folder / "search.json").read_text()) == list(results)
    return (folder / "search.md").read_text()


def test_the_page_holds_what_was_measured(tmp_path: Path) -> None:
    text = page(tmp_path, measured("gp", "cifar10"), measured("latent", "nasbench101"))
    assert "CIFAR-10 (best validation accuracy 91.00 %)" in text and "3 minutes of jobs" in text
    row = "| ≥ 130.0 ± 99.0 | 130 | 1 of 2 | 82.00 (82.00) | 90.50 (92.00) | 4.0 |"
    assert f"{search_page.TITLES['gp']} {row}" in text
    assert "| 9.000 ± 2.828 | 0.500 ± 0.707 | 4.0 + 45 of pre-training |" in text


def test_what_was_not_run_is_named(tmp_path: Path) -> None:
    every = [measured(method, task) for method in search.METHODS for task in search.TASKS]
    assert "Not yet run" not in page(tmp_path, *every)
    assert "**Not yet run:** `ensemble` on cifar100." in page(
        tmp_path, *(each for each in every if (each["method"], each["task"]) != ("ensemble", "cifar100"))
    )


def test_a_job_says_what_json_can_hold(data_dir: Path, tmp_path: Path) -> None:
    name = "random-cifar10-2-60"
    result = search.run(search.jobs(2, 60)[name], tmp_path)
    assert json.loads(json.dumps(result))["runs"][0]["queries"] == 60
    for run in result["runs"]:
        scores = [each[2] for each in run["incumbents"]]
        assert scores == sorted(scores) and scores[-1] <= result["optimum"]


def test_every_method_searches_every_task() -> None:
    assert len(search.jobs(3, 300)) == len(search.METHODS) * len(search.TASKS)
    assert search.jobs(3, 300)["gp-nasbench101-3-300"]["budget"] == 100
    assert set(search_page.TITLES) == set(search.METHODS)


def test_what_the_comparison_costs_is_told_once_all_is_there(tmp_path: Path) -> None:
    every = [measured(method, task) for method in search.METHODS for task in search.TASKS]
    assert "took 36 minutes of jobs of one thread: 18 minutes on two cores (aim: at most an hour, met)" in page(
        tmp_path, *every
    )
    assert "on two cores" not in page(tmp_path, *every[1:])


def test_trials_are_no_results(tmp_path: Path) -> None:
    tried = [
        measured("sequence", task) | {"trial": "as it is", "optimum": 90.0} for task in ("cifar10@12", "nasbench101@36")
    ]
    text = page(tmp_path, measured("gp", "cifar10"), *tried)
    assert "| as it is | 130.0 ± 99.0 | – | – | -0.50 ± 0.71 |" in text
    assert "`sequence` against its aims" not in text and "--seeds 2 --budget 200" in text


def test_trials_are_not_judged() -> None:
    judged = set(search.TASKS.values())
    assert not judged & set(search.TRIAL_TASKS.values())
    found = search.trial_jobs(2, 100)
    assert {job["task"] for job in found.values()} == set(search.TRIAL_TASKS)
    assert sum(job["task"] == "nasbench101@36" for job in found.values()) == len(search.LONG_TRIALS)


def test_the_readme_has_the_methods_that_searched_all_data_sets(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("before\n<!-- search: x -->\nold\n<!-- end of search -->\nafter\n")
    every = [measured("gp", task) for task in search.TASKS] + [measured("local", "cifar10")]
    search_page.write_readme(every, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "| `gp`: Gaussian process | ≥ 130.0 ± 99.0 | ≥ 130.0 ± 99.0 | ≥ 130.0 ± 99.0 |" in text
    assert text.startswith("before\n<!-- search: x -->\n|") and text.endswith("|\n<!-- end of search -->\nafter\n")
    assert "local" not in text and "old" not in text
