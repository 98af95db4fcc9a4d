"""What minutes are spent on, by a clock of the test's own."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from archllm.classifier.plan import LEAST_TRIALS, SHORT_IMAGES, TRIALS, short_training
from archllm.classifier.timetable import Timetable
from archllm.errors import InvalidInput
from archllm.workflows.fit import fit


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_search_and_training_divide_what_look_and_end_leave() -> None:
    clock = Clock()
    times = Timetable(600.0, clock=clock)
    clock.now += 40
    times.reserve = 60.0
    assert times.open == pytest.approx(500)
    ends = times.search_ends()
    assert 40 < ends < times.training_ends() == pytest.approx(540)
    clock.now += ends - 40
    assert times.elapsed == pytest.approx(ends)


def test_time_of_earlier_calls_counts() -> None:
    clock = Clock()
    times = Timetable(600.0, spent=590.0, clock=clock)
    clock.now += 20
    assert times.elapsed == pytest.approx(610) and times.left == pytest.approx(-10)
    assert times.search_ends() == pytest.approx(610)  # a search that is late ends at once


@pytest.mark.parametrize("seconds", [1.0, 26.0, 60.0, 600.0])
@pytest.mark.parametrize("speed", [40.0, 1_000.0, 20_000.0])
def test_short_trainings_fit_the_search_and_are_long_enough_where_some_fit(speed: float, seconds: float) -> None:
    short = short_training(speed, seconds)
    assert seconds / TRIALS <= short <= seconds / LEAST_TRIALS
    assert short * speed >= min(SHORT_IMAGES, speed * seconds / LEAST_TRIALS) * (1 - 1e-9)


def test_minutes_that_do_not_suffice_are_told_before_anything_is_read(tmp_path: Path) -> None:
    told: list[str] = []
    ticks = itertools.count(step=30.0)
    with pytest.raises(InvalidInput, match=r"--minutes 1 is too short .* take more than --minutes"):
        fit(data="digits", out=tmp_path / "fit", minutes=1.0, clock=lambda: next(ticks), say=told.append)
    assert told == [] and not (tmp_path / "fit").exists()
