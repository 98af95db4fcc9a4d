"""The comparison of two checkouts times what it says, and its page shows the ratios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks import speed, speed_page


def result(after: float) -> dict[str, Any]:
    seconds = {
        name: {
            "title": measure.title,
            "before": [{"wall": 2.0, "cpu": 1.0}, {"wall": 4.0, "cpu": 1.5}, {"wall": 9.0, "cpu": 9.0}],
            "after": [{"wall": 1.0, "cpu": after}] * 3,
        }
        for name, measure in speed.MEASURES.items()
    }
    about = {"machine": "2 x m", "load": 1.5, "torch": "2", "date": "2026-01-01"}
    commits = {"before": "abc1234", "after": "def5678"}
    return {"commits": commits, "repeats": 3, "minutes": 4.0, "about": about, "seconds": seconds}


@pytest.mark.parametrize(
    ("after", "row", "verdict"),
    [
        (1.5, "| 1.50 | 1.50 | 1.00 (0.17 – 1.50) | 1.00 | 0.25 |", "nothing"),
        (3.0, "| 1.50 | 3.00 | 2.00 (0.33 – 3.00) | 1.00 | 0.25 |", "`archllm --help`, s"),
    ],
)
def test_the_page_shows_medians_and_names_what_is_slower(tmp_path: Path, after: float, row: str, verdict: str) -> None:
    speed_page.write_page(result(after), tmp_path)
    text = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert text.count(row) == len(speed.MEASURES)
    assert verdict in text.splitlines()[-1]
    assert "abc1234" in text and "def5678" in text


def test_a_program_and_a_command_are_timed() -> None:
    program = speed.Measure("", "print(json.dumps(clock(lambda: sum(range(10**6)))[0]))")
    command = speed.Measure("", command=("-c", "import archllm"))
    for measure in (program, command):
        seconds = speed.timed(speed.ROOT, measure, None)
        assert 0 < seconds["cpu"] < 60 and 0 < seconds["wall"] < 60


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(SystemExit, match="NAS-Bench-999"):
        speed.timed(speed.ROOT, speed.Measure("", "raise ValueError('NAS-Bench-999')"), None)
