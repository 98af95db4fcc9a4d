"""Timing: medians over rounds in which everything that is compared takes its turn.

Other programs slow a run down and never speed it up. So beside the median there is the fastest run of a turn, and of
those the first tenth over rounds: on a busy machine it is several times as repeatable as a median.

This file needs numpy alone: the kit for another device carries a copy of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Clock = Callable[[], float]
"""Seconds since some moment."""

FEWEST_ROUNDS, MOST_ROUNDS = 7, 40
"""Rounds that are measured at least, and at most."""

STEADY = 0.01
"""A timing is good when the standard error of its fastest runs is below this share of them."""

_WARM_UP = 0.02  # seconds of runs before the first that counts; at least two runs
_MOST_WARM_UP = 1_000  # runs
_TURN = 0.004  # seconds of runs in one turn; at least three runs


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one run.

    Example:
        >>> round(Timing(ms=2.0, fastest=1.8, low=1.9, high=2.2, rounds=40).spread, 2)
        0.15
    """

    ms: float
    """Median over rounds; of a round, the median of its runs."""

    fastest: float
    """Of the fastest runs of all rounds, a tenth were faster: what it takes when nothing else runs."""

    low: float
    """A tenth of the rounds were faster."""

    high: float
    """A tenth of the rounds were slower."""

    rounds: int
    """Rounds that were measured."""

    @property
    def spread(self) -> float:
        """The range from `low` to `high`, as a share of the median."""
        return (self.high - self.low) / self.ms if self.ms else 0.0


def timings(
    runs: Sequence[Callable[[], None]], seconds: float = 10.0, clock: Clock = time.perf_counter
) -> list[Timing]:
    """Times several things against each other.

    Each is warmed up. Then rounds follow in which every one takes its turn, so that what slows the machine for a while
    slows all of them; in the median over rounds it hardly counts. Rounds end when all fastest runs are steady, or time
    is up.

    Args:
        runs: what is timed, one call each.
        seconds: after this time no further round begins once there are enough.
        clock: the time.
    """
    end = clock() + seconds
    turns = [_warmed_up(run, clock) for run in runs]
    rounds: list[list[tuple[float, float]]] = []
    while len(rounds) < MOST_ROUNDS and (len(rounds) < FEWEST_ROUNDS or (clock() < end and not _steady(rounds))):
        rounds.append([_turn(run, count, clock) for run, count in zip(runs, turns, strict=True)])
    found = 1000 * np.array(rounds).reshape(len(rounds), len(runs), 2)
    low, middle, high = np.quantile(found[:, :, 0], (0.1, 0.5, 0.9), axis=0).tolist()
    fastest = np.quantile(found[:, :, 1], 0.1, axis=0).tolist()
    return [Timing(*each, len(rounds)) for each in zip(middle, fastest, low, high, strict=True)]


def _warmed_up(run: Callable[[], None], clock: Clock) -> int:
    """Runs that make a turn, after some that don't count."""
    start, count, fastest = clock(), 0, float("inf")
    while count < 2 or (count < _MOST_WARM_UP and clock() - start < _WARM_UP):
        before = clock()
        run()
        fastest = min(fastest, clock() - before)
        count += 1
    return int(np.clip(_TURN / max(fastest, 1e-9), 3, 200))


def _turn(run: Callable[[], None], count: int, clock: Clock) -> tuple[float, float]:
    """Median and fastest seconds of so many runs."""
    found = []
    for _ in range(count):
        before = clock()
        run()
        found.append(clock() - before)
    return float(np.median(found)), min(found)


def _steady(rounds: list[list[tuple[float, float]]]) -> bool:
    """Whether all fastest runs are known well enough; the standard error of a median is about 0.93 IQR / sqrt(n)."""
    found = np.array(rounds)[:, :, 1]
    low, middle, high = np.quantile(found, (0.25, 0.5, 0.75), axis=0)
    return bool((0.93 * (high - low) / np.sqrt(len(found)) <= STEADY * middle).all())
