"""Every page is what its JSON file says, and every result comes from a job that is there."""

from __future__ import annotations

from importlib import import_module

import pytest
from benchmarks.harness import RESULTS
from benchmarks.harness.results import read, write
from benchmarks.pages import NAMES, rendered


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_made_from_its_results_again(name: str) -> None:
    for path, text in rendered(name).items():
        assert path.read_text(encoding="utf-8") == text, f"run `python -m benchmarks.pages {name}`"
        assert "nan" not in text.split()


@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_jobs(name: str) -> None:
    benchmark = import_module(f"benchmarks.{ {'conditional_generation': 'conditional'}.get(name, name) }").BENCHMARK
    jobs = benchmark.jobs(benchmark.parse([]))
    for result in read(RESULTS / f"{name}.json"):
        job = jobs[result["name"]]
        assert {key: result[key] for key in job} == job


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_results_is_lean(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = tmp_path_factory.mktemp(name) / "again.json"
    write(again, read(RESULTS / f"{name}.json"))
    assert again.read_text(encoding="utf-8") == (RESULTS / f"{name}.json").read_text(encoding="utf-8")
