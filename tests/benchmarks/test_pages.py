"""Every page is what its JSON file says, and every result comes from a job that is there."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
from benchmarks.harness import RESULTS
from benchmarks.harness.jobs import Benchmark
from benchmarks.harness.results import read, write
from benchmarks.pages import measured, rendered

MODULES = {"conditional_generation": "conditional"}


@pytest.mark.parametrize("name", measured())
def test_a_page_is_made_from_its_results_again(name: str) -> None:
    for path, text in rendered(name).items():
        assert path.read_text(encoding="utf-8") == text, f"run `python -m benchmarks.pages {name}`"
        assert "nan" not in text.split()


@pytest.mark.parametrize("name", measured())
def test_results_are_those_of_jobs(name: str) -> None:
    benchmark = import_module(f"benchmarks.{MODULES.get(name, name)}").BENCHMARK
    jobs = benchmark.jobs(benchmark.parse([]))
    for result in read(RESULTS / f"{name}.json"):
        if result["name"] not in jobs:  # one that compares what others wrote; its inputs are files of theirs
            assert benchmark.after is not Benchmark.after
            assert result["part"] not in {job["part"] for job in jobs.values()}
            continue
        job = json.loads(json.dumps(jobs[result["name"]]))
        assert {key: result[key] for key in job} == job


@pytest.mark.parametrize("name", measured())
def test_a_file_of_results_is_lean(name: str, tmp_path: Path) -> None:
    again = tmp_path / "again.json"
    write(again, read(RESULTS / f"{name}.json"))
    assert again.read_text(encoding="utf-8") == (RESULTS / f"{name}.json").read_text(encoding="utf-8")
