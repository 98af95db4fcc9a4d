"""The comparison of two checkouts times what it says, and its page shows the ratios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks import speed
from benchmarks.harness import ROOT
from benchmarks.pages import speed as speed_page

from archllm.errors import InvalidInput

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


def results(after: float) -> list[dict[str, Any]]:
    before = [{"wall": 2.0, "cpu": 1.0}, {"wall": 4.0, "cpu": 1.5}, {"wall": 9.0, "cpu": 9.0}]
    more = {"before": before, "after": [{"wall": 1.0, "cpu": after}] * 3, "about": ABOUT}
    more["commits"] = {"before": "abc1234", "after": "def5678"}
    return [{"name": name, **job, **more} for name, job in speed.jobs(speed.BENCHMARK.parse([])).items()]


@pytest.mark.parametrize(
    ("after", "row", "verdict"),
    [
        (1.5, "| abc1234, def5678 | 3 | 1.50 | 1.50 | 1.00 (0.17 – 1.50) | 1.00 | 0.25 |", "10 %: nothing."),
        (3.0, "| abc1234, def5678 | 3 | 1.50 | 3.00 | 2.00 (0.33 – 3.00) | 1.00 | 0.25 |", "10 %: enumerate"),
    ],
)
def test_the_page_shows_medians_and_names_what_is_slower(after: float, row: str, verdict: str) -> None:
    text = speed_page.page(results(after))
    assert text.count(row) == len(speed.MEASURES) and verdict in text


def test_a_program_and_a_command_are_timed() -> None:
    program = speed.Measure("", "print(clock(lambda: sum(range(10**6))))")
    command = speed.Measure("", command=("-c", "import archllm"))
    for measure in (program, command):
        seconds = speed.timed(ROOT, measure, None)
        assert 0 < seconds["cpu"] < 60 and 0 < seconds["wall"] < 60


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(SystemExit, match="NAS-Bench-999"):
        speed.timed(ROOT, speed.Measure("", "raise ValueError('NAS-Bench-999')"), None)


def test_each_job_finds_its_inputs(tmp_path: Path) -> None:
    for space in ("nasbench101", "nasbench201"):
        for side in ("before", "after"):
            (tmp_path / side / space).mkdir(parents=True)  # runs that are there already
    arguments = speed.BENCHMARK.parse(["--folder", str(tmp_path), "--against", str(ROOT)])
    for job in speed.jobs(arguments).values():
        assert callable(speed.prepare(job, arguments))
    with pytest.raises(InvalidInput, match="--against"):
        speed.prepare(job, speed.BENCHMARK.parse([]))
