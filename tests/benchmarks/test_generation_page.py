"""The page of generation quality says what the jobs measured, and whether a target was met."""

from __future__ import annotations

from typing import Any

from benchmarks.generation import ABLATIONS, BENCHMARK, DARTS_TRIALS, METHODS, SPACES, jobs
from benchmarks.pages import generation as pages

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


def result(space: str, method: str, valid: float) -> dict[str, Any]:
    draws = {"valid": valid, "unique": 0.98, "valid_unique": valid * 0.98, "novel": 0.1, "cycle": valid}
    expected = {"valid": 1.0, "unique": 0.98, "valid_unique": 0.98, "novel": 0.1, "cycle": 1.0}
    report = {
        "reconstruction": 1.0,
        "held_out_nats": 13.0,
        "ideal_nats": 12.95,
        "seconds": {"tokenizer": 1.0, "prior": 2.0},
        "parameters": {"tokenizer": 10, "prior": 20},
    }
    return {
        "name": f"main-{space}-{method}-0", "part": "main", "space": space, "method": method, "seed": 0,
        "temperatures": {}, "report": report, "draws": {"1000": draws, "10000": draws},
        "expected": {"1000": expected, "10000": expected}, "wall": 60.0, "load": 1.0, "peak_bytes": 2**30,
        "about": ABOUT,
    }  # fmt: skip


def test_a_target_that_was_met_and_one_that_was_missed_are_told_apart() -> None:
    text = pages.page([result("nasbench101", "vq", 0.996), result("nasbench201", "vq", 0.996)])
    rows = [line for line in text.splitlines() if "strictly valid" in line]
    assert [row.split("|")[-3].strip() for row in rows] == ["met", "missed by 0.30"]


def test_novelty_is_told_per_draw() -> None:
    text = pages.page([result("nasbench101", "vq", 0.5)])
    assert "novel 10.0% of distinct, 0.0980 per draw" in text and "| 1.000 | 0.0490 |" in text


def test_the_readme_has_the_spaces_that_were_measured() -> None:
    text = pages.readme([result("nasbench101", "vq", 0.996)])
    assert "| NAS-Bench-101 | 100.000 % | 99.60 % | 89.73 % | 0.996 | 0.098 (0.098) | 99.60 % | 3 s |" in text
    assert "DARTS" not in text


def test_the_speed_of_decoding_is_told_once_it_is_measured() -> None:
    rates = {"draws_per_second": [200_000.0, 220_000.0], "distinct_valid_per_second": [9_000.0, 9_100.0]}
    found = {"name": "decoding", "part": "decoding", "space": "nasbench101", "method": "vae", "about": ABOUT} | rates
    assert "| 210,000 ± 14,142 | 9,050 ± 71 | abc1234 |" in pages.page([result("nasbench101", "vq", 0.996), found])


def test_jobs_cover_every_method_on_every_space_and_every_variant() -> None:
    found = list(jobs(BENCHMARK.parse([])).values())
    main = {(job["space"], job["method"], job["seed"]) for job in found if job["part"] == "main"}
    assert main == {(space, method, seed) for space in SPACES for method in METHODS for seed in (0, 1, 2)}
    assert {job["variant"] for job in found if job["part"] == "ablation"} == {*ABLATIONS, *DARTS_TRIALS}
