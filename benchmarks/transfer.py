"""Scores of other tasks: how many evaluations they save, and what misleading ones cost.

`python -m benchmarks.transfer` searches NAS-Bench-201 for the best cell of one data set, knowing nothing, the tables of
the other two data sets, or these turned upside down. Settings were chosen on scores after 12 epochs; those after 200
judge. Then it searches the nine data sets of NAS-Bench-Graph, which only judge, with and without the tables of the
others. Writes `docs/results/transfer.json` and `.md`. Needs the tables in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
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

KNOWN = ("nothing", "others", "reversed")
"""What is known before: no scores, the other two data sets, or these times -1."""

QUERIES = 60

GRAPH_KNOWN = ("nothing", "others")
"""What is known before on NAS-Bench-Graph: no scores, or those of the other eight data sets."""


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All jobs by name."""
    found: dict[str, Job] = {
        f"{method}-{data}-{epochs}-{known}": {
            "method": method,
            "data": data,
            "epochs": epochs,
            "known": known,
            "seeds": list(arguments.seeds),
        }
        for method in METHODS
        for epochs in EPOCHS
        for data in DATA
        for known in KNOWN
    }
    for method in METHODS:
        for data in GRAPHS:
            for known in GRAPH_KNOWN:
                job = {"part": "graph", "method": method, "data": data, "known": known, "seeds": list(arguments.seeds)}
                found[f"{method}-graph-{data}-{known}"] = job
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Reads the tables."""
    if job.get("part") == "graph":
        return _graph(job, arguments.folder)
    from archllm import load_space
    from archllm.objectives.table import TableObjective
    from archllm.predictor.knowledge import Knowledge, Source
    from archllm.searchers.domain import Domain

    space = load_space("nasbench201")
    tables = {data: TableObjective.of(f"nasbench201/{data}.valid@{job['epochs']}", space) for data in DATA}
    goal = tables.pop(job["data"])
    sign = -1.0 if job["known"] == "reversed" else 1.0
    sources = [Source(data, space, each.architectures(), sign * each.values) for data, each in tables.items()]
    domain = Domain(space)

    def work() -> Result:
        knowledge = None if job["known"] == "nothing" else Knowledge(space, sources)
        runs = [search(job["method"], domain, goal, knowledge, seed) for seed in job["seeds"]]
        return {
            "runs": runs,
            "order": order(goal, list(tables.values())),
            "scores": sum(each.known for each in sources),
        }

    return work


def _graph(job: Job, folder: Path) -> Work:
    """Reads the tables of NAS-Bench-Graph."""
    from archllm import load_space
    from archllm.objectives.table import TableObjective
    from archllm.predictor.knowledge import Knowledge, Source
    from archllm.searchers.domain import Domain

    space = load_space("nasbench-graph")
    tables = {data: TableObjective.of(table_of(TASKS[f"graph-{data}"], folder), space) for data in GRAPHS}
    goal = tables.pop(job["data"])
    domain = Domain(space, goal.architectures())

    def work() -> Result:
        sources = [Source(data, space, each.architectures(), each.values) for data, each in tables.items()]
        knowledge = Knowledge(space, sources) if job["known"] == "others" else None
        return {"runs": [search(job["method"], domain, goal, knowledge, seed) for seed in job["seeds"]]}

    return work


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


def search(method: str, domain: Any, goal: Any, knowledge: Any, seed: int) -> dict[str, Any]:
    """Regret after each evaluation, in percentage points."""
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
        here = goal.optimum - found.values[0]
        regret.append(min(here, regret[-1]) if regret else here)
    return {"regret": regret}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the seeds."""
    seeds(parser, range(5), "seeds of the searches")


BENCHMARK = Benchmark("transfer", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
