"""Attacks are jobs, a search that is killed goes on, and the page calls nothing met that was not done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks import robustness
from benchmarks.pages import robustness as robustness_page
from benchmarks.robust.attack import ROWS, Attack, Found
from benchmarks.robust.catalogue import ATTACKS, MODULES

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


def results(**changed: Any) -> list[dict[str, Any]]:
    found = {"done": 250, "wrong": {"outcomes lost": 0}, "figures": {"trials": 3}, "notes": [], "about": ABOUT}
    jobs = robustness.jobs(robustness.BENCHMARK.parse([]))
    rows = [{"name": name, **job, **found} for name, job in jobs.items() if name.startswith("kill-")]
    return [rows[0] | changed, *rows[1:]]


def verdict(found: list[dict[str, Any]]) -> str:
    page = robustness_page.page(found)
    return next(line for line in page.splitlines() if line.startswith(f"| {ROWS['kills'].title}")).split(" | ")[-1]


def test_each_job_finds_its_attack() -> None:
    arguments = robustness.BENCHMARK.parse([])
    assert len(ATTACKS) == sum(map(len, MODULES))
    for job in robustness.jobs(arguments).values():
        assert callable(robustness.prepare(job, arguments)) and ATTACKS[job["attack"]].row in ROWS


def test_fewer_rounds_are_the_first_of_each_attack() -> None:
    few = robustness.jobs(robustness.BENCHMARK.parse(["--rounds", "1"]))
    assert list(few) == [f"{name}-0" for name in ATTACKS]


def test_what_was_not_done_or_gave_way_is_not_met() -> None:
    assert verdict(results()).startswith("open")  # other attacks of the row are missing
    assert verdict(results(wrong={"outcomes lost": 2})).startswith("missed")
    assert verdict([]).startswith("not measured yet")


def test_a_brief_attack_tells_what_gave_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(round_: Any) -> Found:
        assert round_.count == 7 and list(Path(round_.folder).iterdir()) == []
        return Found(7, {"lost": 0, "doubled": 2}, notes=("why",))

    monkeypatch.setitem(ATTACKS, "mine", Attack("soak", "x", run, 100, brief=7))
    assert robustness.brief(("mine",)) == 1
    assert capsys.readouterr().out.startswith("GAVE WAY  mine: doubled: 2; why (")


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_as_if_nothing_had_happened() -> None:
    assert robustness.attacked(ATTACKS["kill-own-sqlite"], 2, 1).gave_way == {}
