"""Rank correlation of zero-cost proxies with accuracy on NAS-Bench-201.

`python -m benchmarks.proxies` compares settings on cells that are kept for it, then scores other cells with the default
settings, each job in a process of its own on one thread unless `--folder` has its file already, and writes
`docs/results/proxies.json` and `.md`. Needs `nasbench201.csv.gz` in `$ARCHLLM_DATA` or in the folder of the tests.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, provenance, run_all, write_json

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "16 images": {"batch": 16},
    "32 images": {"batch": 32},
    "128 images": {"batch": 128},
    "digits": {"data": "digits"},
    "kaiming": {"init": "kaiming"},
    "3 draws": {"repeats": 3},
    "4 channels": {"network": {"channels": 4}},
    "16 channels": {"network": {"channels": 16}},
    "3 cells a stage": {"network": {"cells": 3}},
}
"""What is compared with the defaults: one change each."""

TUNING_CELLS = 100
TUNING_SEED = 2_026
ACCURACY = "cifar10_valid"
TWELVE_EPOCHS = "ep12_cifar10_valid"

Job = dict[str, Any]


def jobs(cells: int, seeds: list[int]) -> dict[str, Job]:
    """All jobs by name: which cells, how many of them, and the settings."""
    found = {
        f"settings-{name.replace(' ', '-')}": {"part": "settings", "setting": name, "cells": TUNING_CELLS, "seed": 0}
        for name in SETTINGS
    }
    for seed in seeds:
        found[f"result-{cells}-{seed}"] = {"part": "result", "setting": "default", "cells": cells, "seed": seed}
    return found


def run(job: Job) -> Job:
    """Scores the cells of a job with every proxy; a cell without a score has `None` and a reason."""
    import torch

    from archllm import load_space
    from archllm.objectives.proxies import PROXIES, ProxyConfig, ProxyObjective
    from archllm.objectives.proxies.objective import COUNTS

    torch.set_num_threads(1)
    start = time.time()
    rows = _rows(job)
    space = load_space("nasbench201")
    cells = [space.parse(row["arch"]) for row in rows]
    config = ProxyConfig(**SETTINGS[job["setting"]])
    scores, failures, seconds = {}, {}, {}
    for name in (*COUNTS, *PROXIES):
        objective = ProxyObjective(space, name, config, job["seed"])
        objective.evaluate(cells[0])  # the first pass pays for what torch sets up once
        before = time.process_time()
        found = [objective.evaluate(cell) for cell in cells]
        seconds[name] = (time.process_time() - before) / len(cells)
        scores[name] = [each.value for each in found]
        failures[name] = {cell.text: each.failure for cell, each in zip(cells, found, strict=True) if each.failure}
        print(f"{name}: {seconds[name]:.3f} s a cell, {len(failures[name])} without a score", flush=True)
    objective = ProxyObjective(space, "jacob_cov", config, job["seed"])
    scores["jacob_cov, as published"] = [_published_jacob_cov(objective, cell) for cell in cells]
    return job | {
        "settings": SETTINGS[job["setting"]],
        "index": [int(row["index"]) for row in rows],
        "accuracy": [float(row[ACCURACY]) for row in rows],
        "twelve_epochs": [float(row[TWELVE_EPOCHS]) for row in rows],
        "scores": scores,
        "failures": failures,
        "seconds": seconds,
        "wall": time.time() - start,
        "about": provenance(),
    }


def main() -> None:
    """Runs one job, or all that are missing, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200, help="cells per seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of cells, weights and images")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-proxies", help="where jobs write")
    parser.add_argument("--job", help="run this one job only")
    arguments = parser.parse_args()
    if arguments.job:
        size, seed = arguments.job.split("-")[-2:] if arguments.job.startswith("result") else ("1", "0")
        result = run(jobs(int(size), [int(seed)])[arguments.job])
        write_json(arguments.folder / f"{arguments.job}.json", result)
        return
    wanted = jobs(arguments.cells, arguments.seeds)
    run_all("benchmarks.proxies", list(wanted), arguments.folder, arguments.workers)
    from benchmarks.proxies_page import write_page

    files = [arguments.folder / f"{name}.json" for name in wanted]
    write_page([json.loads(file.read_text()) for file in files if file.exists()], ROOT / "docs" / "results")


def _rows(job: Job) -> list[dict[str, str]]:
    """Rows of the table: those kept for comparing settings, or a draw from all others."""
    folder = Path(os.environ.get("ARCHLLM_DATA") or ROOT.parent / "shared" / "data")
    with gzip.open(folder / "nasbench201.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    order = np.random.default_rng(TUNING_SEED).permutation(len(rows))
    if job["part"] == "settings":
        chosen = order[: job["cells"]]
    else:
        chosen = np.random.default_rng(job["seed"]).choice(order[TUNING_CELLS:], job["cells"], replace=False)
    return [rows[i] for i in chosen]


def _published_jacob_cov(objective: Any, cell: Any) -> float | None:
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


if __name__ == "__main__":
    main()
