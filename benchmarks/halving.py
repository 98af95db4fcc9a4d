"""Successive halving: what it finds for a part of the price of full trainings.

`python -m benchmarks.halving` searches the sample of NAS-Bench-101 by the accuracy after 108 epochs, whose table has
accuracies after 4, 12 and 36 epochs as well. The price of a search is the seconds of all its trainings, short and long,
as the table has them; a shorter training costs its share of the epochs, and none is continued. Writes
`docs/results/halving.json` and `.md`. Needs the tables in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result

GOAL = "table:nasbench101/cifar10.valid@108"

TRAININGS = 100
"""Full trainings whose regret is to be reached."""

SHARE = 0.4
"""Of their price."""

_RUNGS = {epochs: f"table:nasbench101/cifar10.valid@{epochs}" for epochs in (4, 12, 36)}

METHODS: dict[str, dict[str, Any]] = {
    "random": {"method": "random", "budget": TRAININGS},
    "halving, random members": {"method": "halving", "budget": 20, "options": {"proposals": "random"}},
    "halving, random members, from 12 epochs": {
        "method": "halving",
        "budget": 24,
        "options": {"proposals": "random", "lower_fidelity": (_RUNGS[12], _RUNGS[36])},
    },
    "halving, model, from 12 epochs": {
        "method": "halving",
        "budget": 18,
        "options": {"lower_fidelity": (_RUNGS[12], _RUNGS[36])},
    },
    "gp": {"method": "gp", "budget": 32},
}
"""Searches by name. Budgets are full trainings, so many that each search has spent the share of the price."""

FAST = frozenset(name for name, settings in METHODS.items() if name == "random" or "random" in name)
"""Methods that ask no predictor: all seeds are one job."""


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All jobs by name."""
    found: dict[str, Job] = {}
    for number, name in enumerate(METHODS):
        if name in FAST:
            found[f"{number}-all"] = {"method": name, "seeds": list(arguments.seeds)}
        else:
            found |= {f"{number}-{seed}": {"method": name, "seed": seed} for seed in arguments.seeds}
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Reads the table."""
    from archllm import load_space, search
    from archllm.objectives.table import TableObjective

    space = load_space("nasbench101")
    goal = TableObjective.of(GOAL.partition(":")[2], space)
    settings = METHODS[job["method"]]

    def work() -> Result:
        runs = [
            curve(search(space=space, objective=goal, seed=seed, progress=False, **settings).trials, goal.optimum)
            for seed in job.get("seeds", [job.get("seed")])
        ]
        return {"runs": runs}

    return work


def curve(trials: Any, optimum: float) -> dict[str, Any]:
    """What a search had found after each full training, and what all its trainings had cost until then."""
    spent, best, lower, points = 0.0, float("-inf"), 0, []
    for trial in sorted(trials, key=lambda trial: trial.place or 0):
        spent += trial.evaluation.total_cost
        lower += len(trial.evaluation.lower_fidelity)
        best = max(best, trial.evaluation.value if trial.evaluation.value is not None else best)
        points.append([spent, optimum - best, lower])
    return {"points": points}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the seeds."""
    seeds(parser, range(20), "seeds of the searches")


BENCHMARK = Benchmark("halving", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
