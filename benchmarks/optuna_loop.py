"""Searches within Optuna's own loop: its samplers, and ours as one of them, trial by trial."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.pages.search_measure import NEAR

if TYPE_CHECKING:
    import optuna

    from archllm.objectives.table import TableObjective
    from benchmarks.harness.results import Result

METHODS = ("sequence", "optuna:tpe", "optuna:gp")
"""Methods that search within Optuna's own loop."""


def searched(method: str, table: TableObjective, run: Path, seeds: int, budget: int, points: float) -> Result:
    """Trials of each study until one came near enough to the best; repeats count, as they do in that loop.

    Args:
        method: one of `METHODS`.
        table: what is maximised, by tables in which more is better.
        run: folder of the generator of `sequence`.
        seeds: how many studies.
        budget: most trials of a study.
        points: what a score is multiplied by to be in percentage points.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    runs = []
    for seed in range(seeds):
        began = time.process_time()
        study = optuna.create_study(direction="maximize", sampler=sampler(method, table, run, seed))
        trials, reached = _trials(study, table, budget, points)
        runs.append({"seed": seed, "trials": trials, "reached": reached, "seconds": time.process_time() - began})
    return {"runs": runs}


def sampler(method: str, table: TableObjective, run: Path, seed: int) -> Any:
    """The sampler that a method is."""
    import optuna

    from archllm.integrations.optuna import SequenceSampler

    if method == "optuna:tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if method == "optuna:gp":
        return optuna.samplers.GPSampler(seed=seed)
    return SequenceSampler(table.space, seed=seed, run=str(run))


def _trials(study: optuna.Study, table: TableObjective, budget: int, points: float) -> tuple[int, bool]:
    """Trials to within `NEAR` of the best, or all of the budget and that it was not reached."""
    from archllm.integrations.optuna import suggest

    for number in range(1, budget + 1):
        trial = study.ask()
        (score,) = table.evaluate(suggest(trial, table.space)).values or (float("nan"),)
        study.tell(trial, score)
        if points * (table.optimum - score) <= NEAR:
            return number, True
    return budget, False
