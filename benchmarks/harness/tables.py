"""Tables of result pages: Markdown, mean ± standard deviation, met or missed, provenance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.harness import NOTES
from benchmarks.harness.results import Result

NONE = "–"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def mean_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation, which is 0 for a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def spread(values: Iterable[float | None], digits: int, scale: float = 1.0, unit: str = "") -> str:
    """Mean ± standard deviation of the values that are there; of one value there is no deviation."""
    found = [scale * value for value in values if value is not None]
    if not found:
        return NONE
    mean, std = mean_std(found)
    return f"{mean:,.{digits}f}" + (f" ± {std:,.{digits}f}" if len(found) > 1 else "") + unit


def percent(values: Iterable[float | None], digits: int = 2) -> str:
    """The same of shares, in per cent."""
    return spread(values, digits, 100.0, " %")


def verdict(value: float, bound: float, digits: int, *, at_least: bool = True) -> str:
    """Whether a target is met, or by how much it is missed."""
    met = value >= bound if at_least else value <= bound
    return "met" if met else f"missed by {abs(value - bound):.{digits}f}"


def commits(results: Iterable[Result]) -> str:
    """The commits at which the results of a row were measured."""
    return ", ".join(sorted({result["about"]["commit"] for result in results}))


def provenance(results: Sequence[Result]) -> str:
    """How results came about: one row for each commit, machine and day."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        about = result["about"]
        key = tuple(str(about[name]) for name in ("commit", "date", "machine", "threads", "torch"))
        groups.setdefault(key, []).append(result)
    rows = []
    for key, members in sorted(groups.items(), key=lambda group: (group[0][1], group[0][0])):
        loads = [result["load"] for result in members if "load" in result]
        minutes = sum(result.get("wall", 0.0) for result in members) / 60
        load = f"{min(loads):.0f} to {max(loads):.0f}" if loads else NONE
        rows.append([*key, str(len(members)), load, f"{minutes:,.0f}" if minutes >= 1 else "< 1"])
    head = ["commit", "date", "machine", "threads", "torch", "jobs", "load average", "minutes of jobs"]
    told = " or ".join(f"`{command}`" for command in dict.fromkeys(result["about"]["command"] for result in results))
    return (
        f"{told}. Each job runs in a process of its own; a commit with + had changes that were not committed. The load "
        f"average is that of the whole machine, which other programs shared.\n\n{markdown(head, rows)}"
    )


def notes(name: str) -> str:
    """What was written by hand about the results of a page."""
    return (NOTES / f"{name}.md").read_text(encoding="utf-8").strip()
