"""docs/results/speed.md from speed.json."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

SLOWER = 1.1
"""Ratio from which a measure counts as slower; less is noise of a shared machine."""


def write_page(result: dict[str, Any], folder: Path) -> None:
    """Writes the page.

    Args:
        result: what `benchmarks.speed` measured.
        folder: where the page goes.
    """
    about, commits = result["about"], result["commits"]
    rows = [_row(measure) for measure in result["seconds"].values()]
    slower = [row["title"] for row in rows if row["ratio"] > SLOWER]
    source = (
        f"`python -m benchmarks.speed --against CHECKOUT` · commits {commits['before']} and {commits['after']} · "
        f"{about['machine']}, one thread, load average {about['load']} · torch {about['torch']} · {about['date']} · "
        f"{result['minutes']:.0f} min"
    )
    method = (
        f"Each thing in a process of its own, {result['repeats']} times with the code of either commit, turn and turn "
        "about; medians. *Processor seconds* are what the process computed, whatever else the machine did meanwhile; "
        "the ratio of wall seconds holds the disturbances, too. A ratio above 1 means slower than before. Distinct "
        "valid cells are drawn from small runs (300 steps of the tokenizer, 150 of the prior) that each commit trained "
        "for itself."
    )
    verdict = f"Slower by more than {round(100 * (SLOWER - 1))} %: {', '.join(slower) if slower else 'nothing'}."
    lines = ["# Speed, before and after", source, method, _table(rows), verdict]
    (folder / "speed.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def _row(measure: dict[str, Any]) -> dict[str, Any]:
    median = {
        (side, clock): statistics.median(one[clock] for one in measure[side])
        for side in ("before", "after")
        for clock in ("cpu", "wall")
    }
    ratio = median["after", "cpu"] / median["before", "cpu"]
    pairs = [after["cpu"] / before["cpu"] for before, after in zip(measure["before"], measure["after"], strict=True)]
    return {
        "title": measure["title"],
        "before": median["before", "cpu"],
        "after": median["after", "cpu"],
        "ratio": ratio,
        "lowest": min(pairs),
        "highest": max(pairs),
        "wall": median["after", "wall"] / median["before", "wall"],
        "wall_after": median["after", "wall"],
    }


def _table(rows: list[dict[str, Any]]) -> str:
    head = (
        "| what | before, processor s | after, processor s | ratio of medians (lowest – highest of a pair) | "
        "after, wall s | ratio of wall s |\n|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(
        f"| {row['title']} | {row['before']:.2f} | {row['after']:.2f} | {row['ratio']:.2f} "
        f"({row['lowest']:.2f} – {row['highest']:.2f}) | {row['wall_after']:.2f} | {row['wall']:.2f} |"
        for row in rows
    )
