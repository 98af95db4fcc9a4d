"""The page of searches says what the jobs measured, and what has not been run."""

from __future__ import annotations

import csv
import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from benchmarks import optuna_loop, search
from benchmarks.pages import search as page
from benchmarks.tasks import TASKS, applicable, named, table_of

from archllm.objectives.table import TableObjective, find_table
from archllm.spaces import load_space

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}
ARGUMENTS = search.BENCHMARK.parse(["--seeds", "2", "--development-seeds", "2", "--budget", "60"])


def measured(method: str, task: str, part: str = "methods", **more: Any) -> dict[str, Any]:
    found = {"seed": 0, "queries": 60, "seconds": 3.0, "best": "b", "incumbents": [[1, 80.0, 79.0], [60, 91.0, 94.0]]}
    lost = {"seed": 1, "queries": 200, "seconds": 7.4, "best": "d", "incumbents": [[1, 84.0, 85.0], [70, 90.0, 90.0]]}
    job = {"name": f"{method}-{task}", "part": part, "method": method, "task": task, "seeds": 2, "budget": 200}
    pre_training = 45.2 if method == "latent" else 0.0
    measured = {"optimum": 91.0, "runs": [found, lost], "pre_training": pre_training, "wall": 90.0, "load": 1.0}
    return job | measured | {"about": ABOUT} | more


def everything() -> list[dict[str, Any]]:
    """Every method on every task."""
    return [
        measured(method, task, page.PARTS[each.role])
        for task, each in TASKS.items()
        for method in page.SINGLE
        if applicable(method, task)
    ]


def test_the_page_holds_what_was_measured() -> None:
    text = page.page([measured("gp", "cifar10"), measured("latent", "nasbench101")])
    assert "CIFAR-10 (best score 91.00)" in text and "| 1 | 2 | 2 | 1 to 1 | 3 |" in text
    regrets = "9.00 ± 2.83 | 9.00 ± 2.83 | 9.00 ± 2.83 | 0.50 ± 0.71"
    row = f"{regrets} | ≥ 130.0 ± 99.0 | ≥ 130.0 ± 99.0 | 92.00 | 4.0 | abc1234 |"
    assert f"{page.TITLES['gp']} | {row}" in text
    assert "| 4.0 + 45 of pre-training | abc1234 |" in text


def test_tasks_that_judge_and_tasks_that_were_tuned_on_stand_apart() -> None:
    text = page.page(everything())
    judged, tuned = text.index("## Test tasks"), text.index("## Development tasks")
    for task in TASKS.values():
        assert (judged < text.index(f"### {task.title} (") < tuned) == (task.role == "test")
    assert text.count("*Mean rank*") == 2 and "Over 13 tasks: cifar10," in text


def test_methods_are_ranked_on_the_tasks_that_sequence_searched() -> None:
    text = page.page([each for each in everything() if (each["method"], each["task"]) != ("sequence", "enas6")])
    assert "nasbench101@36, scene, jigsaw, room, macro.\n" in text
    assert text.count("Not ranked") == 1  # of graph networks, there is no largest


def test_methods_that_search_alike_share_their_ranks() -> None:
    row = next(line for line in page.page(everything()).splitlines() if line.startswith(f"| {page.TITLES['gp']} |"))
    assert row.split(" | ")[1].startswith("6.0 (")
    assert row.split(" | ")[-1].startswith("0 / 13 / 0")


def test_targets_among_all_methods_are_held_against_the_best_of_them() -> None:
    def at(method: str, task: str, scores: list[float]) -> dict[str, Any]:
        runs = [{"seed": k, "queries": 100, "seconds": 1.0, "best": "b", "incumbents": [[1, score, None]]}
                for k, score in enumerate(scores)]  # fmt: skip
        return measured(method, task, runs=runs)

    behind = [at("sequence", "cifar10", [80.0, 81.0]), at("random", "cifar10", [88.0, 89.0])]
    ahead = [at("sequence", "nasbench101", [90.0, 90.5]), at("random", "nasbench101", [88.0, 88.5])]
    text = page.page([*behind, *ahead])
    assert "| cifar10 (8.00) | missed on 1 |" in text
    assert "at most half | 0.27 | met |" in text
    assert "the second 1.50 | missed |" in text


def test_what_was_not_run_is_named() -> None:
    every = everything()
    assert "Not yet run" not in page.page(every)
    without = [each for each in every if (each["method"], each["task"]) != ("ensemble", "cifar100")]
    assert "**Not yet run:** `ensemble` on cifar100." in page.page(without)
    assert "**Not yet run:** all methods on jigsaw." in page.page([each for each in every if each["task"] != "jigsaw"])


def test_curves_have_quartiles_of_all_methods_and_tasks() -> None:
    lines = list(csv.DictReader(page.curves_file(everything()).splitlines()))
    assert {(line["task"], line["method"]) for line in lines} == {
        (t, m) for t in TASKS for m in page.SINGLE if applicable(m, t)
    }
    last = next(line for line in lines if line["task"] == "cifar10" and line["evaluations"] == "100")
    assert [last[name] for name in ("mean", "quartile1", "median", "quartile3")] == [
        "0.5000",
        "0.2500",
        "0.5000",
        "0.7500",
    ]
    assert next(line for line in lines if line["task"] == "room" and line["evaluations"] == "100")["mean"] == "50.0000"


def test_a_job_is_a_comparison_that_goes_on_where_it_stood(data_dir: Path, tmp_path: Path) -> None:
    arguments = search.BENCHMARK.parse(["--seeds", "2", "--budget", "20", "--folder", str(tmp_path)])
    job = search.jobs(arguments)["random-cifar10"]
    result = search.prepare(job, arguments)()
    assert json.loads(json.dumps(result))["runs"][0]["queries"] == 20
    for run in result["runs"]:
        scores = [score for _, score, _ in run["incumbents"]]
        assert scores == sorted(scores) and scores[-1] <= result["optimum"] and run["seconds"] > 0
    assert search.prepare(job, arguments)() == json.loads(json.dumps(result)) | {"runs": result["runs"]}


@pytest.mark.parametrize("method", ["random", "optuna-nsga2"])
def test_a_comparison_of_two_objectives_has_hypervolumes(method: str, data_dir: Path, tmp_path: Path) -> None:
    arguments = search.BENCHMARK.parse(["--front-seeds", "1", "--folder", str(tmp_path)])
    (run,) = search.prepare(search.jobs(arguments)[f"front-{method}-raspi4"], arguments)()["runs"]
    assert 0 < run["shares"]["25"] <= run["shares"]["50"] <= run["shares"]["100"] < 1


def test_every_method_searches_every_task() -> None:
    for role, part in search.PART_OF.items():
        found = [job for job in search.jobs(ARGUMENTS).values() if job["part"] == part]
        every = {(m, t) for m in page.SINGLE for t in named(role) if applicable(m, t)}
        assert {(job["method"], job["task"]) for job in found} == every
    assert search.jobs(search.BENCHMARK.parse([]))["gp-nasbench101"]["budget"] == 100
    assert set(page.TITLES) == set(search.ALL)


def test_only_what_methods_use_is_trained_before() -> None:
    before = search.pre_training(ARGUMENTS)
    spaces = {task.space for task in TASKS.values()}
    assert {(job["model"], job["space"]) for job in before.values()} == {
        (m, s) for m in ("generator", "vae") for s in spaces
    }
    assert not search.pre_training(search.BENCHMARK.parse(["--methods", "gp", "--parts", "methods", "development"]))
    fronts = search.pre_training(search.BENCHMARK.parse(["--parts", "front"]))
    assert list(fronts) == ["pre-training-generator-nasbench201"]


def test_nothing_is_chosen_on_test_tasks() -> None:
    found = [job for job in search.jobs(ARGUMENTS).values() if job["part"] == "trials"]
    assert {job["task"] for job in found} == set(named("development"))
    scores = [task.score for task in TASKS.values()]
    assert len(set(scores)) == len(scores)


def test_tables_of_other_notations_are_read(data_dir: Path, tmp_path: Path) -> None:
    arguments = search.BENCHMARK.parse(["--development-seeds", "1", "--budget", "5", "--folder", str(tmp_path)])
    result = search.prepare(search.jobs(arguments)["random-jigsaw"], arguments)()
    assert result["runs"][0]["queries"] == 5 and round(result["optimum"], 3) == 95.372
    for name in ("macro", "enas6"):
        task = TASKS[name]
        table, _, column = table_of(task, tmp_path / "tables").rpartition("/")
        space, path = load_space(task.space), find_table(table)
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            rows = list(islice(csv.DictReader(file), 3))
        assert all(space.parse(row["arch"]).space.name == task.space and float(row[column]) > 0 for row in rows)


def test_what_the_comparison_costs_is_told_once_all_is_there() -> None:
    every = everything()
    assert "took 400 minutes of jobs of one thread, that is 200 minutes on two cores" in page.page(every)
    assert "minutes on two cores" not in page.page(every[1:])


def test_trials_are_no_results() -> None:
    tasks = ("cifar10@12", "nasbench101@36")
    tried = [measured("sequence", task, "trials", trial="default") for task in tasks]
    text = page.page([measured("gp", "cifar10"), *tried])
    assert "| default | 9.00 ± 2.83 | 9.00 ± 2.83 | abc1234 |" in text and "`sequence`, targets" not in text


def test_searches_that_did_not_find_the_best_are_counted() -> None:
    text = page.page([measured("sequence", "cifar100", "ablation", change="− guidance")])
    assert "| − guidance | ≥ 130.0 ± 99.0; not found within 100: 1 of 2 | abc1234 |" in text


def test_the_readme_has_the_methods_that_searched_all_data_sets() -> None:
    every = [measured("gp", task) for task in page.HEADINGS] + [measured("local", "cifar10")]
    text = page.readme(every)
    assert f"| {page.TITLES['gp']} | ≥ 130.0 ± 99.0 | ≥ 130.0 ± 99.0 | ≥ 130.0 ± 99.0 |" in text
    assert "local" not in text


def test_the_readme_says_whether_fine_tuning_matters() -> None:
    every = [measured("sequence", task) for task in page.HEADINGS]
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


def test_samplers_of_optuna_are_told_by_their_trials() -> None:
    def studied(method: str, trials: list[int]) -> dict[str, Any]:
        runs = [
            {"seed": seed, "trials": each, "reached": each < 100, "seconds": 1.0} for seed, each in enumerate(trials)
        ]
        return measured(method, "cifar10", "loop") | {"runs": runs}

    text = page.page([studied("sequence", [10, 20]), studied("optuna:tpe", [40, 100]), studied("optuna:gp", [50, 60])])
    assert "| 15.0 ± 7.1 | ≥ 70.0 ± 42.4 | 55.0 ± 7.1 | 0.27 (met) | abc1234 |" in text


def test_studies_end_where_they_come_near_enough(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    space = load_space("nasbench201")
    lines = [f"{text},{float(k)}" for k, text in enumerate(space.format(space.enumerate()))]
    (tmp_path / "t.csv").write_text("arch,score\n" + "\n".join(lines) + "\n")
    table = TableObjective.of(f"{tmp_path / 't.csv'}/score", space)
    near = optuna_loop.searched("optuna:tpe", table, tmp_path, seeds=2, budget=4, points=1e-9)
    far = optuna_loop.searched("optuna:tpe", table, tmp_path, seeds=1, budget=4, points=1.0)
    assert [(run["trials"], run["reached"]) for run in near["runs"] + far["runs"]] == [(1, True), (1, True), (4, False)]
