"""Attack: something that is done to ArchLLM so many times, and a count of what gave way.

A module of this package has a dictionary `ATTACKS`, and `catalogue.py` lists the modules: an attack that stands there
is a job of `python -m benchmarks.robustness`, a part of `make attack`, and a line of `docs/results/robustness.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class Unavailable(Exception):
    """What an attack needs is not on this machine."""


@dataclass(frozen=True)
class Round:
    """One run of an attack."""

    count: int
    """How often it is done."""

    seed: int
    """Of all that is random; other rounds have others."""

    folder: Path
    """An empty folder of its own."""


@dataclass(frozen=True)
class Found:
    """What came of a round."""

    done: int
    """How often it was done, in the unit of its row."""

    wrong: dict[str, int]
    """What may not happen -> how often it did; everything that was looked at, so mostly zeros."""

    figures: dict[str, float] = field(default_factory=dict)
    """Other things that were measured; of several rounds the page shows the largest."""

    notes: tuple[str, ...] = ()
    """Messages and reasons worth reading, the first few."""

    @property
    def gave_way(self) -> dict[str, int]:
        """What did happen of what may not."""
        return {what: times for what, times in self.wrong.items() if times}


@dataclass(frozen=True)
class Attack:
    """An attack, and how often it is done where.

    Example:
        >>> attack = Attack("soak", "a lookup", lambda round_: Found(round_.count, {"slow": 0}), 500, brief=20)
        >>> attack.run(Round(3, 0, Path())).gave_way
        {}
    """

    row: str
    """The line of the target that it belongs to, one of `ROWS`."""

    about: str
    """What is attacked, as the page calls it."""

    run: Callable[[Round], Found]
    """Does it; raises `Unavailable` where the machine lacks what it takes."""

    count: int
    """How often in one round, which is one job of the benchmark."""

    rounds: int = 1
    """Rounds, each with another seed."""

    brief: int = 1
    """How often in `make attack`, which takes minutes in all; 0 leaves it out there."""


@dataclass(frozen=True)
class Row:
    """A line of the target."""

    title: str
    """What is done."""

    wanted: int
    """How often, over all attacks of the row."""

    unit: str
    """What is counted."""

    target: str
    """What has to hold."""


ROWS = {
    "kills": Row(
        "`kill -9` of a search at random moments",
        1_000,
        "kills",
        "no stored outcome lost or doubled, no trial failed by kills, every study resumable; with one worker, the same "
        "trials as uninterrupted; no process left after 5 s",
    ),
    "processes": Row(
        "several processes on one study", 10_000, "trials", "none lost, none evaluated twice, no error of locks"
    ),
    "ray": Row("a Ray node killed in the middle of a search", 20, "nodes", "the budget is complete exactly"),
    "trainings": Row("`kill -9` of a training", 50, "kills", "every file bit-equal to uninterrupted"),
    "hostile": Row(
        "hostile pickles, checkpoints, run folders, space files, stores",
        1_000,
        "files",
        "nothing executed, each within 2 s and 500 MB",
    ),
    "mutated-texts": Row("mutated texts", 10_000, "texts of each parser", "only errors of ours, none over 2 s"),
    "mutated-files": Row("mutated files", 1_000, "files of each reader", "only errors of ours"),
    "machines": Row(
        "disk full, read-only, quota, memory limit, clock set back, suspended",
        6,
        "troubles",
        "what was there before is intact, nothing lost or doubled, the message names the cause",
    ),
    "objectives": Row(
        "objectives that hang, fork, leak, kill their parent, print 1 GB, return garbage",
        6,
        "kinds",
        "the search completes, the reason is kept, no process left",
    ),
    "soak": Row(
        "one search of 100,000 evaluations of a table, two processes",
        100_000,
        "evaluations",
        "memory flat after the first 10,000; a trial takes no more than twice as long at the end",
    ),
}
"""What has to hold, by a short name."""
