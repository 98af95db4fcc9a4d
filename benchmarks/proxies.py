"""Rank correlation of zero-cost proxies with accuracy on NAS-Bench-201.

`python -m benchmarks.proxies` compares settings on cells that are kept for it, then scores other cells with the default
settings. Needs `nasbench201.csv.gz` in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm.objectives.proxies import ProxyObjective
    from archllm.spaces import Architecture

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "16 images": {"batch": 16},
    "32 images": {"batch": 32},
    "128 images": {"batch": 128},
    "digits": {"data": "digits"},
    "kaiming": {"init": "kaiming"},
    "3 repeats": {"repeats": 3},
    "4 channels": {"network": {"channels": 4}},
    "16 channels": {"network": {"channels": 16}},
    "3 cells a stage": {"network": {"cells": 3}},
}
"""What is compared with the defaults: one change each."""

TUNING_CELLS = 100
TUNING_SEED = 2_026
ACCURACY = "cifar10_valid"
TWELVE_EPOCHS = "ep12_cifar10_valid"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cells", type=int, default=200, help="cells per seed")
    seeds(parser, range(3), "seeds of cells, weights and images")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """Which cells, how many of them, and the settings."""
    found: dict[str, Job] = {
        f"settings-{name.replace(' ', '-')}": {"part": "settings", "setting": name, "cells": TUNING_CELLS, "seed": 0}
        for name in SETTINGS
    }
    for seed in arguments.seeds:
        job = {"part": "result", "setting": "default", "cells": arguments.cells, "seed": seed}
        found[f"result-{arguments.cells}-{seed}"] = job
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Builds the objectives, and reads the cells of a job."""
    from archllm import load_space
    from archllm.objectives.proxies import PROXIES, ProxyConfig, ProxyObjective
    from archllm.objectives.proxies.objective import COUNTS

    rows, space = _rows(job), load_space("nasbench201")
    cells = [space.parse(row["arch"]) for row in rows]
    config = ProxyConfig(**SETTINGS[job["setting"]])
    objectives = {name: ProxyObjective(space, name, config, job["seed"]) for name in (*COUNTS, *PROXIES)}

    def work() -> Result:
        scores: dict[str, list[float | None]] = {}
        seconds: dict[str, float] = {}
        for name, objective in objectives.items():
            objective.evaluate(cells[0])  # the first pass pays for what torch sets up once
            before = time.process_time()
            scores[name] = [objective.evaluate(cell).value for cell in cells]
            seconds[name] = (time.process_time() - before) / len(cells)
            print(f"{name}: {seconds[name]:.3f} s a cell, {scores[name].count(None)} without a score", flush=True)
        published = [_published_jacob_cov(objectives["jacob_cov"], cell) for cell in cells]
        return {
            "index": [int(row["index"]) for row in rows],
            "accuracy": [float(row[ACCURACY]) for row in rows],
            "twelve_epochs": [float(row[TWELVE_EPOCHS]) for row in rows],
            "scores": scores | {"jacob_cov, as published": published},
            "seconds": seconds,
        }

    return work


def _rows(job: Job) -> list[dict[str, str]]:
    """Rows of the table: those kept for comparing settings, or a draw from all others."""
    with gzip.open(Path(os.environ["ARCHLLM_DATA"]) / "nasbench201.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    order = np.random.default_rng(TUNING_SEED).permutation(len(rows))
    if job["part"] == "settings":
        chosen = order[: job["cells"]]
    else:
        chosen = np.random.default_rng(job["seed"]).choice(order[TUNING_CELLS:], job["cells"], replace=False)
    return [rows[i] for i in chosen]


def _published_jacob_cov(objective: ProxyObjective, cell: Architecture) -> float | None:
    """`jacob_cov` with gradients that pass through the statistics of batch norm, as Mellor et al. (2020) take them."""
    import torch

    from archllm.errors import EvaluationFailed
    from archllm.objectives.proxies.gradients import jacobian_score
    from archllm.objectives.proxies.passes import copied

    images = objective.images[0].clone().requires_grad_(True)
    outputs = copied(objective.network(cell))(images)
    (jacobian,) = torch.autograd.grad(outputs.sum(), images, allow_unused=True, materialize_grads=True)
    try:
        return jacobian_score(jacobian.flatten(1).double().numpy())
    except EvaluationFailed:
        return None


BENCHMARK = Benchmark("proxies", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
