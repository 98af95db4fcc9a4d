"""The page of searches says what the jobs measured, and what has not been run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import search
from benchmarks.pages import search as page

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}
ARGUMENTS = search.BENCHMARK.parse(["--seeds", "2", "--budget", "60", "--front-seeds", "1"])


def measured(method: str, task: str, part: str = "methods", **more: Any) -> dict[str, Any]:
    found = {"seed": 0, "queries": 60, "seconds": 3.0, "best": "b", "incumbents": [[1, 80.0, 79.0], [60, 91.0, 94.0]]}
    lost = {"seed": 1, "queries": 200, "seconds": 7.4, "best": "d", "incumbents": [[1, 84.0, 85.0], [70, 90.0, 90.0]]}
    job = {"name": f"{method}-{task}", "part": part, "method": method, "task": task, "seeds": 2, "budget": 200}
    pre_training = 45.2 if method == "latent" else 0.0
    measured = {"optimum": 91.0, "runs": [found, lost], "pre_training": pre_training, "wall": 90.0, "load": 1.0}
    return job | measured | {"about": ABOUT} | more


def test_the_page_holds_what_was_measured() -> None:
    text = page.page([measured("gp", "cifar10"), measured("latent", "nasbench101")])
    assert "CIFAR-10 (best validation accuracy 91.00 %)" in text and "| 1 | 2 | 2 | 1 to 1 | 3 |" in text
    row = "| ≥ 130.0 ± 99.0 | 130 | 1 of 2 | 82.00 (82.00) | 90.50 (92.00) | 4.0 | abc1234 |"
    assert f"{page.TITLES['gp']} {row}" in text
    assert "| 9.000 ± 2.828 | 0.500 ± 0.707 | 4.0 + 45 of pre-training | abc1234 |" in text


def test_what_was_not_run_is_named() -> None:
    every = [measured(method, task) for method in search.METHODS for task in search.TASKS]
    assert "Not yet run" not in page.page(every)
    without = [each for each in every if (each["method"], each["task"]) != ("ensemble", "cifar100")]
    assert "**Not yet run:** `ensemble` on cifar100." in page.page(without)


def test_a_job_is_a_comparison_that_goes_on_where_it_stood(data_dir: Path, tmp_path: Path) -> None:
    arguments = search.BENCHMARK.parse(["--seeds", "2", "--budget", "20", "--folder", str(tmp_path)])
    job = search.jobs(arguments)["random-cifar10"]
    result = search.prepare(job, arguments)()
    assert json.loads(json.dumps(result))["runs"][0]["queries"] == 20
    for run in result["runs"]:
        scores = [score for _, score, _ in run["incumbents"]]
        assert scores == sorted(scores) and scores[-1] <= result["optimum"] and run["seconds"] > 0
    assert search.prepare(job, arguments)() == json.loads(json.dumps(result)) | {"runs": result["runs"]}


def test_a_comparison_of_two_objectives_has_hypervolumes(data_dir: Path, tmp_path: Path) -> None:
    arguments = search.BENCHMARK.parse(["--front-seeds", "1", "--folder", str(tmp_path)])
    (run,) = search.prepare(search.jobs(arguments)["front-random-raspi4"], arguments)()["runs"]
    assert 0 < run["shares"]["25"] <= run["shares"]["50"] <= run["shares"]["100"] < 1


def test_every_method_searches_every_task() -> None:
    found = [job for job in search.jobs(ARGUMENTS).values() if job["part"] == "methods"]
    assert {(job["method"], job["task"]) for job in found} == {(m, t) for m in search.METHODS for t in search.TASKS}
    assert search.jobs(search.BENCHMARK.parse([]))["gp-nasbench101"]["budget"] == 100
    assert set(page.TITLES) == set(search.METHODS)


def test_nothing_is_chosen_on_test_tasks() -> None:
    found = [job for job in search.jobs(ARGUMENTS).values() if job["part"] == "trials"]
    assert {job["task"] for job in found} == set(search.DEVELOPMENT_TASKS)
    assert not set(search.TASKS.values()) & set(search.DEVELOPMENT_TASKS.values())
    assert sum(job["task"] == "nasbench101@36" for job in found) == len(search.LONG_TRIALS)


def test_what_the_comparison_costs_is_told_once_all_is_there() -> None:
    every = [measured(method, task) for method in search.METHODS for task in search.TASKS]
    assert "took 36 minutes of jobs of one thread, that is 18 minutes on two cores (target: at most an hour, met)" in (
        page.page(every)
    )
    assert "minutes on two cores" not in page.page(every[1:])


def test_trials_are_no_results() -> None:
    tasks = ("cifar10@12", "nasbench101@36")
    tried = [measured("sequence", task, "trials", trial="default", optimum=90.0) for task in tasks]
    text = page.page([measured("gp", "cifar10"), *tried])
    assert "| default | 130.0 ± 99.0 | -0.50 ± 0.71 | abc1234 |" in text and "`sequence`, targets" not in text


def test_searches_that_did_not_find_the_best_are_counted() -> None:
    text = page.page([measured("sequence", "cifar100", "ablation", change="− guidance")])
    assert "| − guidance | ≥ 130.0 ± 99.0; not found within 100: 1 of 2 | abc1234 |" in text


def test_the_readme_has_the_methods_that_searched_all_data_sets() -> None:
    every = [measured("gp", task) for task in search.TASKS] + [measured("local", "cifar10")]
    text = page.readme(every)
    assert f"| {page.TITLES['gp']} | ≥ 130.0 ± 99.0 | ≥ 130.0 ± 99.0 | ≥ 130.0 ± 99.0 |" in text
    assert "local" not in text


def test_the_readme_says_whether_fine_tuning_matters() -> None:
    every = [measured("sequence", task) for task in search.TASKS]
    changes = [measured("sequence", "cifar100", "ablation", change=change) for change in page.DRAWN]
    assert (
        "; with draws as candidates, fine-tuning changes nothing (CIFAR-100, 2 seeds: 130.0 with, 130.0 without) |"
        in (page.readme(every + changes))
    )
    changes[1]["runs"][0]["queries"] = 1_000
    assert (
        "; with draws as candidates, fine-tuning matters (CIFAR-100, 2 seeds: 130.0 with, 600.0 without) |"
        in page.readme(every + changes)
    )
