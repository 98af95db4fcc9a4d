"""Results, tables and jobs that all benchmarks share."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest
from benchmarks.harness import jobs, results, tables
from benchmarks.harness.readme import between_markers

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


def test_results_keep_their_provenance_each(tmp_path: Path) -> None:
    later = ABOUT | {"commit": "def5678"}
    found = [{"name": "a", "about": ABOUT}, {"name": "b", "about": later}, {"name": "c", "about": ABOUT}]
    results.write(tmp_path / "x.json", found)
    assert results.read(tmp_path / "x.json") == found
    assert len(json.loads((tmp_path / "x.json").read_text())["about"]) == 2
    assert tables.commits(found) == "abc1234, def5678"


def test_a_job_that_is_run_again_replaces_its_own_result() -> None:
    old = [{"name": "a", "value": 1}, {"name": "b", "value": 2}]
    new = [{"name": "b", "value": 3}, {"name": "c", "value": 4}]
    assert [each["value"] for each in results.merged(old, new)] == [1, 3, 4]


def test_numbers_are_kept_at_eight_digits() -> None:
    assert results.rounded({"a": [0.1234567891, 2, (123456789.1, 3.0)], "b": True}) == {
        "a": [0.12345679, 2, [123456790, 3]],
        "b": True,
    }


def test_a_spread_needs_two_values() -> None:
    assert tables.spread([1.0, 3.0], 1) == "2.0 ± 1.4" and tables.spread([1.0, None], 1) == "1.0"
    assert tables.spread([], 1) == tables.spread([None], 1) == "–"
    assert tables.percent([0.5, 0.5]) == "50.00 ± 0.00 %"


@pytest.mark.parametrize(
    ("value", "at_least", "told"), [(3.0, True, "met"), (2.5, True, "missed by 0.5"), (3.2, False, "missed by 0.2")]
)
def test_a_verdict_says_by_how_much_a_target_is_missed(value: float, at_least: bool, told: str) -> None:
    assert tables.verdict(value, 3, 1, at_least=at_least) == told


def test_the_readme_keeps_all_but_what_stands_between_its_markers() -> None:
    whole = "before\n<!-- x: y -->\nold\n<!-- end of x -->\nafter\n"
    assert between_markers(whole, "x", "new") == "before\n<!-- x: y -->\nnew\n<!-- end of x -->\nafter\n"


def test_a_job_is_done_once_and_again_under_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--seeds", "1", "--workers", "2", "--only", "a", "b", "--job", "a"])
    benchmark = jobs.Benchmark(
        "mine",
        "about",
        lambda arguments: {"a": {"size": 2}},
        lambda job, arguments: lambda: {"double": 2 * job["size"]},
    )
    arguments = argparse.Namespace(folder=tmp_path / "new")
    benchmark.run("a", {"size": 2}, arguments)
    found = jobs.read_job(arguments.folder, "a", {"size": 2})
    assert found is not None and found["double"] == 4
    assert found["about"]["command"] == "python -m benchmarks.mine --seeds 1"
    assert jobs.read_job(arguments.folder, "a", {"size": 3}) is None
