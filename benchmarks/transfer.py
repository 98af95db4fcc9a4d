"""Scores of other tasks: how many evaluations they save, and what misleading ones cost.

`python -m benchmarks.transfer` searches NAS-Bench-201 for the best cell of one data set, knowing nothing, the tables of
the other two data sets, or these turned upside down. Settings were chosen on scores after 12 epochs, and on three tasks
of TransNAS-Bench, which are searched in the same way; scores after 200 epochs judge. Then it searches the nine data
sets of NAS-Bench-Graph, which only judge, with and without the tables of the others. Writes
`docs/results/transfer.json` and `.md`. Needs the tables in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result
from benchmarks.tasks import GRAPHS, TASKS, table_of

DATA = ("cifar10", "cifar100", "imagenet16")

EPOCHS = (12, 200)
"""Trainings of the scores: the first are for development, the last judge."""

METHODS = ("gp", "sequence")

MOST_SEEDS = {"sequence": 5}
"""Methods that get fewer seeds than others, as a search of theirs takes several times as long."""

KNOWN = ("nothing", "others", "reversed")
"""What is known before: no scores, the other two data sets, or these times -1."""

QUERIES = 60

TRANSNAS = ("scene", "jigsaw", "room")
"""Tasks of TransNAS-Bench, for development."""

GRAPH_KNOWN = ("nothing", "others")
"""What is known before on NAS-Bench-Graph: no scores, or those of the other eight data sets."""


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All jobs by name."""
    found: dict[str, Job] = {}
    for method in METHODS:
        chosen: Job = {"method": method, "seeds": list(arguments.seeds)[: MOST_SEEDS.get(method)]}
        for data, epochs, known in product(DATA, EPOCHS, KNOWN):
            found[f"{method}-{data}-{epochs}-{known}"] = {"data": data, "epochs": epochs, "known": known} | chosen
        for data, known in product(TRANSNAS, KNOWN):
            found[f"{method}-transnas-{data}-{known}"] = {"part": "transnas", "data": data, "known": known} | chosen
        for data, known in product(GRAPHS, GRAPH_KNOWN):
            found[f"{method}-graph-{data}-{known}"] = {"part": "graph", "data": data, "known": known} | chosen
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Reads the tables."""
    from archllm import load_space
    from archllm.objectives.table import TableObjective
    from archllm.predictor.knowledge import Knowledge, Source
    from archllm.searchers.domain import Domain

    name, specs, points = _tables(job, arguments.folder)
    space = load_space(name)
    tables = {data: TableObjective.of(spec, space) for data, spec in specs.items()}
    goal, graph = tables.pop(job["data"]), job.get("part") == "graph"
    domain = Domain(space, goal.architectures() if graph else None)

    def work() -> Result:
        sign = -1.0 if job["known"] == "reversed" else 1.0
        sources = [Source(data, space, each.architectures(), sign * each.values) for data, each in tables.items()]
        knowledge = None if job["known"] == "nothing" else Knowledge(space, sources)
        runs = [search(job["method"], domain, goal, knowledge, seed, points) for seed in job["seeds"]]
        known = sum(each.known for each in sources)
        return {"runs": runs} | ({} if graph else {"order": order(goal, list(tables.values())), "scores": known})

    return work


def _tables(job: Job, folder: Path) -> tuple[str, dict[str, str], float]:
    """The space of a job, the table of each of its data sets, and what a score is multiplied by to be in points."""
    if job.get("part") == "graph":
        names = [job["data"]] if job["known"] == "nothing" else GRAPHS  # each takes seconds to read
        return "nasbench-graph", {data: table_of(TASKS[f"graph-{data}"], folder) for data in names}, 1.0
    if job.get("part") == "transnas":
        return "transnasbench", {data: table_of(TASKS[data], folder) for data in TRANSNAS}, TASKS[job["data"]].points
    return "nasbench201", {data: f"nasbench201/{data}.valid@{job['epochs']}" for data in DATA}, 1.0


def order(goal: Any, others: list[Any]) -> int:
    """Evaluations to the best cell in the order of its mean rank in the other tables, with no model at all."""
    keys = goal.space.keys(goal.architectures())
    total = np.zeros(len(keys))
    for other in others:
        theirs, ranks = other.space.keys(other.architectures()), np.argsort(np.argsort(other.values))
        by_key = np.argsort(theirs)
        total += ranks[by_key[np.searchsorted(theirs[by_key], keys)]]
    best = int(goal.values.argmax())
    return int((total > total[best]).sum()) + 1


def search(method: str, domain: Any, goal: Any, knowledge: Any, seed: int, points: float = 1.0) -> dict[str, Any]:
    """Regret after each evaluation, in percentage points, of which a unit of the score is so many."""
    from archllm.objectives.evaluation import for_searcher
    from archllm.searchers.registry import build_searcher

    searcher = build_searcher(method, domain, seed)
    if knowledge is not None:
        searcher.use(knowledge)
    regret: list[float] = []
    while len(regret) < QUERIES and (not regret or regret[-1] > 0):
        (arch,) = searcher.ask()
        found = for_searcher(goal.evaluate(arch), [goal.direction])
        searcher.tell({arch: found})
        assert found.values is not None
        here = points * (goal.optimum - found.values[0])
        regret.append(min(here, regret[-1]) if regret else here)
    return {"regret": regret}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the seeds."""
    seeds(parser, range(20), "seeds of the searches")


BENCHMARK = Benchmark("transfer", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
