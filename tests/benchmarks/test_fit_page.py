"""The benchmark of fits: its jobs, and the page that is made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import fit
from benchmarks.pages import fit as fit_page

from archllm.classifier.designs import DESIGNS
from archllm.objectives.images import load_images

ABOUT = {"command": "x", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


def measured(name: str, job: dict[str, Any], accuracy: float, ms: float) -> dict[str, Any]:
    found: dict[str, float] = {
        "test_accuracy": accuracy,
        "test_images": 1_000,
        "validation_accuracy": accuracy,
        "params": 1e5,
        "macs": 2e6,
    }
    if job["part"] == "fit":
        found["max_latency"] = 1.0
    return {
        "name": name,
        **job,
        **found,
        "latency_ms": ms,
        "minutes_spent": 6.0,
        "wall": 400.0,
        "load": 1.0,
        "about": ABOUT,
    }


def results(accuracy: float, ms: float) -> list[dict[str, Any]]:
    jobs = fit.jobs(fit.BENCHMARK.parse(["--data", "photos5"]))
    jobs = {name: job for name, job in jobs.items() if job["part"] != "designs"}
    figures = {"fit": (accuracy, ms), "random search": (80.0, 1.0)}
    return [measured(name, job, *figures.get(job.get("method", ""), (85.0, 2.0))) for name, job in jobs.items()]


def test_targets_are_met_or_missed_by_what_was_measured() -> None:
    text = fit_page.page(results(86.0, 0.9))
    assert "Accuracy of the best control (ResNet-8), in points: met. Half its milliseconds: met." in text
    assert "Against random search: +6.0 points, at 0.90 times" in text and "Not run: Digits" in text
    text = fit_page.page(results(84.0, 1.5))
    assert "in points: missed by 1.0. Half its milliseconds: missed by 0.500." in text


def test_known_designs_are_told_apart_by_blocks_depths_and_resolution() -> None:
    known = {name: job for name, job in fit.jobs(fit.BENCHMARK.parse([])).items() if job["part"] == "designs"}
    assert [job["data"] for job in known.values()] == ["photos5"] * 3
    texts = [design.member(16, (16, 32, 64)) for design in DESIGNS["mobile"]]
    figures = {"latency_ms": 0.05, "params": 40_000.0, "validation_accuracy": [50.0, 80.0]}
    designs = [{"architecture": text, **figures} for text in texts]
    about = {"wall": 1.0, "load": 1.0, "about": ABOUT, "max_latency": 1.0, "designs": designs}
    text = fit_page.page([*results(86.0, 0.9), *({"name": name, **job, **about} for name, job in known.items())])
    assert text.count("| 50.0 ± 0.0 | 80.0 ± 0.0 | 0.050 ± 0.000 | 40 ± 0 k | 3 |") == len(texts)
    assert "`mb 3-4-2`" in text and "`basic 1-1-1, whole resolution`" in text


def test_without_all_controls_nothing_is_claimed() -> None:
    some = [result for result in results(86.0, 0.9) if result.get("network") != "DS-CNN"]
    assert "can't be judged" in fit_page.page(some)


def test_a_fit_that_finds_nothing_within_the_limit_is_told_with_its_reason() -> None:
    runs = results(86.0, 0.9)
    told = {"nothing": "no network keeps to 0.01 ms", "control": "ResNet-8", "max_latency": 0.01}
    text = fit_page.page([run | told if run["name"].startswith("photos5-fit") else run for run in runs])
    assert "3 fits and random searches end without a network" in text and told["nothing"] in text
    assert "missed, with 0 of the 1 that were run (none)" in text
    assert "missed, with 1 of the 1 that were run (photos5)" in fit_page.page(runs)


def test_files_that_took_turns_count_by_them() -> None:
    runs = results(86.0, 0.9)
    for run in runs:
        if run["part"] == "fit":
            run["max_latency"] = 1.0
    timing = {"ms": 3.0, "fastest": 0.8, "low": 0.7, "high": 4.0, "rounds": 9}
    turns = {"name": "latency-photos5-0", "part": "latency", "about": ABOUT, "load": 1.0, "wall": 9.0}
    some = {run["name"]: timing | {"fastest": 1.1 if "random" in run["name"] else 0.8} for run in runs}
    text = fit_page.page([*runs, turns | {"timings": some}])
    assert "took turns" in text and "3 of 6 files" in text and "at 0.73 times" in text and "110% at most" in text
    assert "measured by each run on its own" in fit_page.page(runs)


def test_latency_is_compared_once_all_of_a_seed_is_there(tmp_path: Path) -> None:
    arguments = fit.BENCHMARK.parse(["--data", "digits", "--seeds", "0", "--folder", str(tmp_path)])
    jobs = {name: job for name, job in fit.jobs(arguments).items() if job["part"] != "rate"}
    for name, job in jobs.items():
        assert not fit.latency_jobs(arguments)
        (tmp_path / f"{name}.json").write_text(json.dumps({"job": job, "result": {"image": [1, 8, 8]}}))
    (found,) = fit.latency_jobs(arguments).values()
    assert found["files"] == {name: [1, 8, 8] for name in jobs}


def test_controls_wait_for_their_learning_rates(tmp_path: Path) -> None:
    arguments = fit.BENCHMARK.parse(["--data", "digits", "--folder", str(tmp_path)])
    jobs = fit.jobs(arguments)
    names = list(jobs)
    assert max(names.index(name) for name in names if name.startswith("rate-")) < names.index("digits-DS-CNN-0")
    with pytest.raises(FileNotFoundError, match=r"run rate-digits-DS-CNN-0\.03 first"):
        fit.prepare(jobs["digits-DS-CNN-0"], arguments)


def test_shapes_are_three_classes_of_mixed_colours(tmp_path: Path) -> None:
    fit.coloured_shapes(tmp_path / "shapes", each=4)
    images = load_images(str(tmp_path / "shapes"))
    assert images.classes == ("circle", "square", "triangle") and images.x.shape == (12, 3, 48, 64)


def test_the_readme_shows_a_fit_beside_the_best_known_network() -> None:
    text = fit_page.README["fit"](results(86.0, 0.9))
    (row,) = [line for line in text.splitlines() if line.startswith("| photos5")]
    assert "86.0 ± 0.0 %" in row and "0.900 ± 0.000" in row and "| ResNet-8 | 3 |" in row
    assert "photos5" not in fit_page.README["fit"](
        [run for run in results(86.0, 0.9) if run.get("network") != "DS-CNN"]
    )
