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
from benchmarks.search import pre_train
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


def pre_training(arguments: argparse.Namespace) -> dict[str, Job]:
    """The generators of `sequence`, trained without scores, once for each space."""
    chosen = [job for name, job in jobs(arguments).items() if name.startswith(tuple(arguments.only))]
    spaces = dict.fromkeys(_space(job) for job in chosen if job["method"] == "sequence")
    return {
        f"pre-training-generator-{space}": {"part": "pre-training", "model": "generator", "space": space}
        for space in spaces
    }


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Reads the tables."""
    from archllm import load_space
    from archllm.objectives.table import TableObjective
    from archllm.predictor.knowledge import Knowledge, Source
    from archllm.searchers.domain import Domain
    from archllm.searchers.registry import build_searcher

    folder: Path = arguments.folder
    if job.get("part") == "pre-training":
        first = next(task for task in TASKS.values() if task.space == job["space"])
        space = load_space(job["space"])
        pool = TableObjective.of(table_of(first, folder), space).architectures()
        return lambda: {"seconds": pre_train(job["model"], space, pool, folder)}
    space, (specs, points) = load_space(_space(job)), _tables(job, folder)
    tables = {data: TableObjective.of(spec, space) for data, spec in specs.items()}
    goal, graph = tables.pop(job["data"]), job.get("part") == "graph"
    domain = Domain(space, goal.architectures() if graph else None)

    def work() -> Result:
        sign = -1.0 if job["known"] == "reversed" else 1.0
        sources = [Source(data, space, each.architectures(), sign * each.values) for data, each in tables.items()]
        knowledge = None if job["known"] == "nothing" else Knowledge(space, sources)
        options = {"run": str(folder / f"generator-{space.name}")} if job["method"] == "sequence" else {}
        searchers = (build_searcher(job["method"], domain, seed, 1, **options) for seed in job["seeds"])
        runs = [search(searcher, goal, knowledge, points) for searcher in searchers]
        known = sum(each.known for each in sources)
        return {"runs": runs} | ({} if graph else {"order": order(goal, list(tables.values())), "scores": known})

    return work


def _space(job: Job) -> str:
    """The space that a job searches."""
    return {"graph": "nasbench-graph", "transnas": "transnasbench"}.get(job.get("part", ""), "nasbench201")


def _tables(job: Job, folder: Path) -> tuple[dict[str, str], float]:
    """The table of each data set of a job, and what a score is multiplied by to be in percentage points."""
    if job.get("part") == "graph":
        names = [job["data"]] if job["known"] == "nothing" else GRAPHS  # each takes seconds to read
        return {data: table_of(TASKS[f"graph-{data}"], folder) for data in names}, 1.0
    if job.get("part") == "transnas":
        return {data: table_of(TASKS[data], folder) for data in TRANSNAS}, TASKS[job["data"]].points
    return {data: f"nasbench201/{data}.valid@{job['epochs']}" for data in DATA}, 1.0


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


def search(searcher: Any, goal: Any, knowledge: Any, points: float = 1.0) -> dict[str, Any]:
    """Regret after each evaluation, in percentage points, of which a unit of the score is so many."""
    from archllm.objectives.evaluation import for_searcher

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


BENCHMARK = Benchmark("transfer", __doc__, jobs, prepare, add_arguments, pre_training)

if __name__ == "__main__":
    BENCHMARK.main()
