"""The prior of cells that ships: how it ranks a space that it has never seen, and what it saves a search.

`python -m benchmarks.cell_prior` learns the prior anew from other spaces alone for each judged one, and stops if the
judged space is among them. Its settings were chosen on development tasks (`CHOSEN_ON`). Writes
`docs/results/cell_prior.json` and `.md`. Needs the tables in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result
from benchmarks.make_cell_prior import part_of
from benchmarks.tasks import TASKS, Task, table_of
from benchmarks.transfer import search

CHOSEN_ON = (
    ("nasbench101@36", "cifar10@12"),
    ("nasbench101@36", "cifar100@12"),
    ("nasbench101@36", "imagenet16@12"),
    ("nasbench101@36", "scene"),
    ("nasbench101@36", "jigsaw"),
    ("cifar100@12", "nasbench101@36"),
    ("scene", "nasbench101@36"),
    ("cifar100@12", "scene"),
)
"""Pairs of development tasks, learned from and ranked, by whose mean Spearman correlation settings were chosen."""

SPACES = {"nasbench101": ("nasbench101", "nasbench101@36"), "nasbench201": ("cifar10", "cifar100", "imagenet16")}
"""Tasks to learn from, as `benchmarks.make_cell_prior` does."""

DEVELOPMENT_TASKS = {
    "nasbench101": ("nasbench101@36", "nasbench101@12"),
    "nasbench201": ("cifar10@12", "cifar100@12", "imagenet16@12"),
}
"""The same, to choose settings by."""

JUDGED = {
    "cifar10": "nasbench101",
    "cifar100": "nasbench101",
    "imagenet16": "nasbench101",
    "nasbench101": "nasbench201",
}
"""Judged tasks, and the one space that the prior is learned from for them."""

LABELS = (5, 20)

SEARCHES = ("cifar10", "cifar100", "imagenet16", "scene", "jigsaw", "room")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All jobs by name."""
    found: dict[str, Job] = {}
    for task, source in JUDGED.items():
        found[f"rank-{task}"] = {"part": "rank", "task": task, "source": source, "role": "test"}
    for task in ("cifar10@12", "cifar100@12", "imagenet16@12"):
        found[f"rank-{task}"] = {"part": "rank", "task": task, "source": "nasbench101", "role": "development"}
    found["rank-nasbench101@36"] = {
        "part": "rank", "task": "nasbench101@36", "source": "nasbench201", "role": "development",
    }  # fmt: skip
    for task in ("cifar10", "cifar100", "imagenet16"):
        found[f"labels-{task}"] = {
            "part": "labels", "task": task, "source": "nasbench101", "labels": list(LABELS),
            "seeds": list(range(2 * len(arguments.seeds))),
        }  # fmt: skip
    for task in SEARCHES:
        for prior in ("none", "shipped"):
            found[f"search-{task}-{prior}"] = {
                "part": "search", "method": "gp", "task": task, "prior": prior, "seeds": list(arguments.seeds),
            }  # fmt: skip
    return found


def check_left_out(judged: Task, learned: Sequence[str]) -> None:
    """Makes sure that a judged space is in no training, and that settings were chosen on development tasks alone.

    Args:
        judged: what is judged.
        learned: the spaces that were learned from.

    Raises:
        ValueError: it is not so.
    """
    if judged.space in learned:
        raise ValueError(f"{judged.title} would be judged by a prior that was learned from {judged.space}")
    for pair in CHOSEN_ON:
        for name in pair:
            if TASKS[name].role != "development":
                raise ValueError(f"settings were chosen on {name}, which judges")


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Reads the table and learns the prior from the other space."""
    from archllm import load_space
    from archllm.objectives.table import TableObjective
    from archllm.searchers.domain import Domain

    task, folder = TASKS[job["task"]], arguments.folder
    space = load_space(task.space)
    table = TableObjective.of(table_of(task, folder), space)
    if job["part"] == "search":
        domain = Domain(space)
        return lambda: _searches(job, domain, table, task)
    return lambda: (_ranks if job["part"] == "rank" else _labels)(job, table, task, folder)


def _prior(job: Job, task: Task, folder: Path) -> Any:
    """The prior of one other space; for a development task, of that space's development columns."""
    from archllm.predictor.cell_prior import CellPrior

    tasks = (DEVELOPMENT_TASKS if task.role == "development" else SPACES)[job["source"]]
    prior = CellPrior((part_of(tasks, "", folder),))
    check_left_out(task, [part.space for part in prior.parts])
    return prior


def _ranks(job: Job, table: Any, task: Task, folder: Path) -> Result:
    """Spearman correlations of all cells without any label."""
    from scipy.stats import kendalltau, spearmanr

    from archllm.predictor.meanings import meaning_features

    graphs, scores = table.architectures(), table.values
    counts = meaning_features(table.space, graphs)
    prior = _prior(job, task, folder)
    said = {"counting": 100 * counts[:, 0] + counts[:, 1], "prior": prior.learned(table.space)(graphs)}
    said |= {"earlier transfer": _earlier(job, table, task, folder)}
    return {
        "cells": len(graphs),
        "bytes": len(prior.text),
        "learned_from": prior.parts[0].known,
        "spearman": {name: float(spearmanr(each, scores).statistic) for name, each in said.items()},
        "tau": {name: float(kendalltau(each, scores).statistic) for name, each in said.items()},
    }


def _earlier(job: Job, table: Any, task: Task, folder: Path) -> NDArray[np.float64]:
    """What `--transfer` expects by the same scores: a Gaussian process of some hundred of them."""
    from archllm import load_space
    from archllm.objectives.evaluation import sign
    from archllm.objectives.table import TableObjective
    from archllm.predictor.knowledge import Knowledge, Source

    other = load_space(job["source"])
    (first, *_) = (DEVELOPMENT_TASKS if task.role == "development" else SPACES)[job["source"]]
    there = TableObjective.of(table_of(TASKS[first], folder), other)
    source = Source(first, other, there.architectures(), sign(there.direction) * there.values)
    return Knowledge(table.space, [source]).expected(table.architectures())[:, 0]


def _labels(job: Job, table: Any, task: Task, folder: Path) -> Result:
    """Kendall's tau over all cells without a label, by a Gaussian process with and without the prior as its mean."""
    from scipy.stats import kendalltau

    from archllm.predictor import FeatureMaker, Featurizer, PredictorConfig, build_predictor
    from archllm.predictor.cell_prior import cell_features
    from archllm.predictor.knowledge import Knowledge

    space, graphs, scores = table.space, table.architectures(), table.values
    cells = FeatureMaker("cells", lambda some: cell_features(space, some))
    known = Knowledge(space, [_prior(job, task, folder)]).maker
    rows: list[Result] = []
    for name, makers in {"without": [cells], "prior": [cells, known]}.items():
        features = Featurizer(space, makers, graphs)(graphs)
        config = PredictorConfig(kind="gaussian", target="rank", prior_mean=name == "prior")
        for labels in job["labels"]:
            for seed in job["seeds"]:
                order = np.random.default_rng(seed).permutation(len(scores))
                chosen, others = order[:labels], order[labels:]
                model = build_predictor(config).fit(features[chosen], scores[chosen], seed)
                tau = kendalltau(model.predict(features[others]).mean, scores[others]).statistic
                rows.append({"labels": labels, "seed": seed, "predictor": name, "tau": float(tau)})
    return {"rows": rows}


def _searches(job: Job, domain: Any, table: Any, task: Task) -> Result:
    """Regret after each evaluation of searches with and without the prior as it ships."""
    from archllm.predictor.cell_prior import shipped_prior
    from archllm.predictor.knowledge import Knowledge
    from archllm.searchers.registry import build_searcher

    knowledge = None
    if job["prior"] == "shipped":
        prior = shipped_prior(domain.space)
        check_left_out(task, [part.space for part in prior.parts])
        knowledge = Knowledge(domain.space, [prior])
    searchers = (build_searcher(job["method"], domain, seed) for seed in job["seeds"])
    return {"runs": [search(searcher, table, knowledge) for searcher in searchers]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the seeds."""
    seeds(parser, range(5), "seeds of the searches; labels are drawn twice as often")


BENCHMARK = Benchmark("cell_prior", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
