"""The page of scores of other tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import markdown, notes, provenance
from benchmarks.tasks import GRAPHS
from benchmarks.transfer import DATA, EPOCHS, GRAPH_KNOWN, KNOWN, METHODS, QUERIES, TRANSNAS

README: dict[str, Callable[[list[Result]], str]] = {}

TARGETS = {"cifar10": 15, "cifar100": 5, "imagenet16": 20}
"""Evaluations to the best cell after 200 epochs that are aimed at, the other data sets known."""

INTRO = f"""\
NAS-Bench-201, all 15,625 cells. *Queries*: mean number of evaluations until the best cell of the data set was
evaluated, {QUERIES + 1} for a search that had not after {QUERIES}; in brackets, until one within 0.2 points of it.
*Order of the other tables*: cells in the order of their mean rank in the other two, no model and nothing learned.
*Reversed*: the same two tables times -1, which mislead. *Regret*: best accuracy minus that found, in percentage
points, with its standard error over seeds. Settings were chosen on scores after 12 epochs and on TransNAS-Bench; those
after 200 epochs judge. Targets for the latter, the other data sets known:
{", ".join(f"{data} {most}" for data, most in TARGETS.items())}, and fewer than by the order alone. What is
known costs two full tables here, so this says what knowledge is worth, not that it is cheap."""

MOST_MORE = 0.1
"""Share of regret that tables of other data sets may cost."""

GRAPH_INTRO = f"""\
Nine data sets of graph networks; the pool holds the members that the benchmark trained. Known are the tables of the
other eight. Nothing was chosen on any of them. Target: at most {100 * MOST_MORE:.0f} %
more regret after 50 evaluations than with nothing known, on each."""

TRANSNAS_INTRO = """\
4,096 cells; known are the tables of the other two tasks. On jigsaw other cells are good than on these."""

HEAD = ["method", "data set", "seeds", "order of the other tables", *(f"{known} known" for known in KNOWN)]
HEAD += [f"regret after 50: {known}" for known in KNOWN]


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# Scores of other tasks", INTRO]
    for epochs in reversed(EPOCHS):
        found = _rows(results, DATA, epochs=epochs)
        if found:
            kind = "test tasks" if epochs == EPOCHS[-1] else "development tasks"
            parts += [f"## After {epochs} epochs ({kind})", markdown(HEAD, found)]
            if kind == "test tasks":
                parts.append(_verdict(results, epochs))
    if found := _rows(results, TRANSNAS, part="transnas"):
        parts += ["## TransNAS-Bench (development tasks)", TRANSNAS_INTRO, markdown(HEAD, found)]
    parts += _graphs(results)
    parts += ["## What it says", notes("transfer"), "## How it was measured", provenance(results)]
    return "\n\n".join(parts) + "\n"


def _graphs(results: list[Result]) -> list[str]:
    """The part on NAS-Bench-Graph."""
    found = [(method, data) for method in METHODS for data in GRAPHS if _both(results, method, data)]
    missing = [f"`{method}` on {data}" for method in METHODS for data in GRAPHS if (method, data) not in found]
    parts = ["## NAS-Bench-Graph (test tasks)", GRAPH_INTRO]
    if found:
        head = [
            "method",
            "data set",
            "seeds",
            "regret after 50: nothing known",
            "others known",
            "more regret",
            "after 20: nothing",
        ]
        parts.append(markdown([*head, "after 20: others"], [_graph_row(results, *each) for each in found]))
    if missing:
        parts.append(f"**Not yet run:** {', '.join(missing)}.")
    return parts


def _both(results: list[Result], method: str, data: str) -> list[list[dict[str, Any]]]:
    """Runs without and with the other data sets, where both are there."""
    each = [of(results, part="graph", method=method, data=data, known=known) for known in GRAPH_KNOWN]
    return [found[0]["runs"] for found in each] if all(each) else []


def _graph_row(results: list[Result], method: str, data: str) -> list[str]:
    runs = _both(results, method, data)
    without, known = (float(np.mean([regret(run, 50) for run in each])) for each in runs)
    more = (known - without) / without if without else float(known > 0)
    told = f"{100 * more:+.0f} % ({'met' if more <= MOST_MORE else 'missed'})"
    late, early = ([_mean(each, n) for each in runs] for n in (50, 20))
    return [f"`{method}`", GRAPHS[data], str(len(runs[0])), *late, told, *early]


def _mean(runs: list[dict[str, Any]], after: int) -> str:
    """The mean regret after so many evaluations, and its standard error."""
    found = np.array([regret(run, after) for run in runs])
    error = f" ± {found.std(ddof=1) / np.sqrt(len(found)):.3f}" if len(found) > 1 else ""
    return f"{found.mean():.3f}{error}"


def queries(run: dict[str, Any], within: float = 0.0) -> int:
    """Evaluations until the regret was at most that."""
    found = [at for at, regret in enumerate(run["regret"], start=1) if regret <= within + 1e-9]
    return found[0] if found else QUERIES + 1


def regret(run: dict[str, Any], after: int) -> float:
    """What was missing after so many evaluations."""
    return float(run["regret"][min(after, len(run["regret"])) - 1])


def _rows(results: list[Result], names: tuple[str, ...], **where: Any) -> list[list[str]]:
    """A row for each method and data set that was searched in all ways."""
    rows = [_row(of(results, method=method, data=data, **where)) for method in METHODS for data in names]
    return [row for row in rows if row]


def _row(results: list[Result]) -> list[str]:
    found = {known: of(results, known=known) for known in KNOWN}
    if not all(found.values()):
        return []
    runs = {known: each[0]["runs"] for known, each in found.items()}
    cells = [
        f"{np.mean([queries(run) for run in each]):.1f} ({np.mean([queries(run, 0.2) for run in each]):.1f})"
        for each in runs.values()
    ]
    lost = [_mean(each, 50) for each in runs.values()]
    first = found["others"][0]
    about = [f"`{first['method']}`", first["data"], str(len(runs["others"])), str(first["order"])]
    return [*about, *cells, *lost]


def _verdict(results: list[Result], epochs: int) -> str:
    lines = []
    for method in METHODS:
        for data, most in TARGETS.items():
            found = of(results, method=method, data=data, epochs=epochs, known="others")
            if not found:
                continue
            mean, order = float(np.mean([queries(run) for run in found[0]["runs"]])), found[0]["order"]
            met = "met" if mean <= most and mean < order else "missed"
            lines.append(f"- `{method}`, {data}: {mean:.1f} against {most} and the order's {order} ({met}).")
    return "\n".join(lines)
