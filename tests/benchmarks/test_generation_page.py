"""The results page says what the jobs measured, and whether a target was met."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import generation_page
from benchmarks.generation import ABLATIONS, DARTS_TRIALS, METHODS, SPACES, jobs


def result(space: str, method: str, valid: float) -> dict[str, object]:
    draws = {"valid": valid, "unique": 0.98, "valid_unique": valid * 0.98, "novel": 0.1, "cycle": valid}
    ceiling = {"valid": 1.0, "unique": 0.98, "valid_unique": 0.98, "novel": 0.1, "cycle": 1.0}
    report = {
        "reconstruction": 1.0,
        "held_out_nats": 13.0,
        "ideal_nats": 12.95,
        "seconds": {"tokenizer": 1.0, "prior": 2.0},
        "parameters": {"tokenizer": 10, "prior": 20},
    }
    return {
        "part": "main", "space": space, "method": method, "seed": 0, "sweep": {}, "report": report,
        "draws": {"1000": draws, "10000": draws}, "ceilings": {"1000": ceiling, "10000": ceiling},
        "seconds_in_all": 60.0, "peak_gb": 1.0, "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2",
        "load": 1.0, "date": "2026-01-01",
    }  # fmt: skip


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- results: x -->\nold\n<!-- end of results -->\nafter\n")
    monkeypatch.setattr(generation_page, "ROOT", tmp_path)
    return tmp_path


def test_a_target_that_was_met_and_one_that_was_missed_are_told_apart(page: Path) -> None:
    generation_page.write_page([result("nasbench101", "vq", 0.996), result("nasbench201", "vq", 0.996)], page)
    rows = [line for line in (page / "generation.md").read_text().splitlines() if "strictly valid" in line]
    assert [row.split("|")[-2].strip() for row in rows] == ["met", "missed by 0.30"]


def test_the_readme_keeps_all_but_what_stands_between_its_markers(page: Path) -> None:
    generation_page.write_page([result("nasbench101", "vq", 0.996)], page)
    text = (page / "README.md").read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "old" not in text and "99.60 %" in text


def test_jobs_cover_every_method_on_every_space_and_every_variant() -> None:
    found = list(jobs([0, 1, 2]).values())
    main = {(job["space"], job["method"], job["seed"]) for job in found if job["part"] == "main"}
    assert main == {(space, method, seed) for space in SPACES for method in METHODS for seed in (0, 1, 2)}
    assert {job["variant"] for job in found if job["part"] == "ablation"} == {*ABLATIONS, *DARTS_TRIALS}
