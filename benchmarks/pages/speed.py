"""The page of speed before and after."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from benchmarks.harness.results import Result
from benchmarks.harness.tables import markdown, provenance

SLOWER = 1.1
"""Ratio from which a measure counts as slower; less is noise of a shared machine."""

README: dict[str, Callable[[list[Result]], str]] = {}

INTRO = """\
Each thing is measured in a process of its own with the code of one commit and then of the other, turn and turn about,
after a first round that does not count; medians. *Processor seconds* are what the process computed, whatever else the
machine did meanwhile; the ratio of wall seconds holds the disturbances, too. A ratio above 1 means slower than before;
in parentheses the lowest and the highest ratio of two measurements side by side. Distinct valid cells are drawn from
small runs (300 steps of the tokenizer, 150 of the prior, batches of 128) that each commit trained for itself."""

HEAD = ["what", "commits", "pairs", "before, processor s", "after, processor s", "ratio", "after, wall s", "wall ratio"]


def page(results: list[Result]) -> str:
    """The page."""
    slower = [result["title"] for result in results if _ratio(result, "cpu") > SLOWER]
    verdict = f"Slower by more than {round(100 * (SLOWER - 1))} %: {', '.join(slower) if slower else 'nothing'}."
    parts = ["# Speed, before and after", INTRO, markdown(HEAD, map(_row, results)), verdict]
    return "\n\n".join([*parts, "## How it was measured", provenance(results)]) + "\n"


def _row(result: Result) -> list[str]:
    pairs = [after["cpu"] / before["cpu"] for before, after in zip(result["before"], result["after"], strict=True)]
    return [
        result["title"],
        f"{result['commits']['before']}, {result['commits']['after']}",
        str(len(pairs)),
        f"{_median(result, 'before', 'cpu'):.2f}",
        f"{_median(result, 'after', 'cpu'):.2f}",
        f"{_ratio(result, 'cpu'):.2f} ({min(pairs):.2f} – {max(pairs):.2f})",
        f"{_median(result, 'after', 'wall'):.2f}",
        f"{_ratio(result, 'wall'):.2f}",
    ]


def _ratio(result: Result, clock: str) -> float:
    return _median(result, "after", clock) / _median(result, "before", clock)


def _median(result: Result, side: str, clock: str) -> float:
    return float(statistics.median(seconds[clock] for seconds in result[side]))
