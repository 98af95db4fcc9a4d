"""A comparison of search methods as tables: what each found and cost, and its rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archllm.reporting.comparing import Comparison, Search, Stat
from archllm.reporting.curves import Corners, best_so_far, volume_so_far
from archllm.reporting.searching import goodness_of, in_order
from archllm.reporting.tables import Table
from archllm.reporting.words import duration, figure, measured, metric_words


def table(found: Comparison, pre_training: dict[str, float]) -> Table:
    """The comparison as a table.

    Args:
        found: the comparison.
        pre_training: seconds that a method's models were trained before its searches.
    """
    value = "hypervolume" if found.measures_volume else measured(found.objectives[0])
    tests = list(dict.fromkeys(name for each in found.methods for name in each.test))
    columns = ["method", f"{value}; after {found.budget} evaluations"]
    columns += [metric_words(name, found.objectives) for name in tests]
    columns += ["evaluations to the optimum", "reached by"] if found.optimum is not None else []
    columns += ["cost of evaluations", "search takes", "pre-training"]
    rows = []
    for each in found.methods:
        row = [each.method, _shown(each.final), *(_shown(each.test.get(name)) for name in tests)]
        if found.optimum is not None:
            at_least = "" if each.reached == len(each.seeds) else "≥ "
            row += [at_least + _shown(each.to_optimum, 1), f"{each.reached} of {len(each.seeds)}"]
        before = pre_training.get(each.method, 0.0)
        row += [duration(each.cost) if each.cost else "–", duration(each.wall), duration(before) if before else "none"]
        rows.append(row)
    seeds = len(found.methods[0].seeds)
    title = f"Mean ± standard deviation over {seeds} seeds" if seeds > 1 else "One seed: no standard deviation is known"
    notes = []
    if found.optimum is not None:
        notes.append(
            f"optimum: {figure(found.optimum)}; where it is not found within the budget, the whole budget counts"
        )
    if found.random is not None:
        notes.append(f"random search, exact expectation: {figure(round(float(found.random.mean[-1]), 4))}")
    if tests:
        notes.append("test metrics are those of the architecture that validation chose; no search saw them")
    lower = [
        f"{each.method} {duration(each.lower_fidelity_cost)}" for each in found.methods if each.lower_fidelity_cost
    ]
    if lower:
        notes.append(f"of the cost, lower-fidelity evaluations: {', '.join(lower)}")
    for each in found.methods:
        if each.without_cost:
            notes.append(f"{each.method}: no cost is recorded for {', '.join(each.without_cost)}; it counts as 0")
    failed = {each.method: each.failed for each in found.methods if each.failed}
    if failed:
        notes.append("failed evaluations: " + ", ".join(f"{name} {count}" for name, count in failed.items()))
    reused = {each.method: each.reused for each in found.methods if each.reused}
    if reused:
        saved = duration(sum(each.reused_cost for each in found.methods))
        notes.append(
            "evaluations taken from another search, not made again: "
            + ", ".join(f"{name} {count}" for name, count in reused.items())
            + f"; costs count them as if made, {saved} that were not spent"
        )
    return Table(title, columns, rows, frozenset({0}), notes)


def ranks(searches: Sequence[Search], directions: Sequence[str], box: Corners | None) -> dict[str, Stat]:
    """The place of each method among the methods of one seed, 1 being the best, over seeds that all methods have.

    Methods that end with the same value share the mean of their places. Empty where no seed is common to all.

    Args:
        searches: all searches of a comparison.
        directions: of the objectives.
        box: of the hypervolume, where that is compared.
    """
    last: dict[int, dict[str, float]] = {}
    for search in searches:
        points = goodness_of(in_order(search.trials), directions)
        curve = volume_so_far(points, box) if box is not None else best_so_far(points[:, 0])
        if len(curve):
            last.setdefault(search.seed, {})[search.method] = float(np.nan_to_num(curve[-1], nan=-np.inf))
    names = list(dict.fromkeys(search.method for search in searches))
    whole = [ends for ends in last.values() if len(ends) == len(names)]
    found: dict[str, list[float]] = {name: [] for name in names}
    for ends in whole:
        for name in names:
            better = sum(value > ends[name] for value in ends.values())
            same = sum(value == ends[name] for value in ends.values())
            found[name].append(better + (same + 1) / 2)
    return {name: Stat.of(np.array(places)) for name, places in found.items()} if whole else {}


def _shown(stat: Stat | None, digits: int | None = None) -> str:
    if stat is None:
        return "–"
    if digits is None:  # four figures of the spread's own size, at least two after the point
        digits = 4 if abs(stat.mean) < 10 else 0 if abs(stat.mean) >= 1000 else 2
    return f"{stat.mean:,.{digits}f} ± {stat.std:,.{digits}f}"
