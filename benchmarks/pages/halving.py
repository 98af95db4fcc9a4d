"""The page of successive halving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.halving import METHODS, SHARE, TRAININGS
from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, markdown, notes, provenance, spread

README: dict[str, Callable[[list[Result]], str]] = {}

INTRO = f"""\
The closed pool of the 30,001 cells of the NAS-Bench-101 sample, by the validation accuracy of one training of 108
epochs. *Regret*: the pool's best accuracy minus that of the best cell whose full training was over, in percentage
points, mean ± standard deviation over seeds. *Price*: the seconds of all trainings of a search, short and long, in the
table's own seconds, as a share of what {TRAININGS} full trainings of random cells cost on average. Trainings of 4, 12
and 36 epochs cost their share of the seconds of 108; each starts anew, as in the benchmark, so a cell that is promoted
to the top pays for all of them. Target: the regret of {TRAININGS} full trainings for at most {100 * SHARE:.0f} % of
their price."""

HEAD = ["search", "seeds", "full trainings", "shorter ones", "regret at 20 %", "regret at 40 %", "regret at 100 %"]

TITLES = {
    "random": "full trainings of random cells",
    "gp": "`gp`: full trainings of what a Gaussian process proposes",
    "halving, random members": "`halving` from 4 epochs, random cells",
    "halving, random members, from 12 epochs": "`halving` from 12 epochs, random cells",
    "halving, model, from 12 epochs": "`halving` from 12 epochs, the Gaussian process proposes",
}


def page(results: list[Result]) -> str:
    """The page."""
    runs = {name: [run for result in of(results, method=name) for run in result["runs"]] for name in METHODS}
    price = float(np.mean([run["points"][TRAININGS - 1][0] for run in runs["random"]]))
    rows = [_row(TITLES[name], found, price) for name, found in runs.items() if found]
    parts = ["# Successive halving", INTRO, _verdict(runs, price), markdown(HEAD, rows), notes("halving")]
    return "\n\n".join([*parts, "## How it was measured", provenance(results)]) + "\n"


def regret(run: dict[str, Any], seconds: float) -> float | None:
    """What a search had found for so many seconds; `None` if it ended before they were spent."""
    points = run["points"]
    if points[-1][0] < seconds:
        return None
    over = [point[1] for point in points if point[0] <= seconds]
    return float(over[-1]) if over else None


def _row(title: str, runs: list[dict[str, Any]], price: float) -> list[str]:
    within = [[point for point in run["points"] if point[0] <= SHARE * price] for run in runs]
    counts = [spread([found[-1][2] if at else len(found) for found in within if found], 0) for at in (0, 1)]
    regrets = [_regrets(runs, share * price) for share in (0.2, SHARE)]
    last = [run["points"][TRAININGS - 1][1] for run in runs if len(run["points"]) >= TRAININGS]
    return [title, str(len(runs)), *counts, *(spread(each, 3) for each in regrets), spread(last, 3) if last else NONE]


def _regrets(runs: list[dict[str, Any]], seconds: float) -> list[float]:
    found = [regret(run, seconds) for run in runs]
    return [each for each in found if each is not None] if None not in found else []


def _verdict(runs: dict[str, list[dict[str, Any]]], price: float) -> str:
    """Whether the target is met, and from which share of the price on."""
    wanted = float(np.mean([run["points"][TRAININGS - 1][1] for run in runs["random"]]))
    lines = [
        f"{TRAININGS} full trainings of random cells cost {price:,.0f} seconds and leave a regret of {wanted:.3f}."
    ]
    for name, found in runs.items():
        if name == "random" or not found:
            continue
        means = {percent: _regrets(found, percent / 100 * price) for percent in range(1, round(100 * SHARE) + 1)}
        reached = [percent for percent, values in means.items() if values and np.mean(values) <= wanted]
        told = (
            f"reached from {min(reached)} % of the price on (met)"
            if reached
            else f"not reached at {SHARE:.0%} (missed)"
        )
        lines.append(f"- {TITLES[name]}: {told}.")
    return "\n".join([lines[0], "", *lines[1:]])
