"""How far the quality of draws depends on the training seed and on how a machine rounds.

`python -m benchmarks.spread` trains with the recommended settings, once for each space, training seed and way of
rounding, and measures 10,000 raw draws of each. Other numbers of threads and other instruction sets add up in another
order, and hundreds of optimiser steps make another model of it: they stand in for other machines. Each job runs in a
process of its own unless `--folder` has its file already. Writes `docs/results/spread.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.record import ROOT, provenance, run_all, write_json

if TYPE_CHECKING:
    from archllm.spaces import SearchSpace

DRAWS = 10_000

FILES = {
    "choices-4096": 'kind = "choices"\n[slots]\n"width{i=1..6}" = [16, 32, 48, 64]\n',
    "nodes-4117": 'kind = "node_dag"\nmax_vertices = 5\nmax_edges = 7\nops = ["a", "b", "c", "d"]\n',
}
"""Space files of a user with some 4,096 members."""

SPACES = ("nasbench201", "transnasbench", *FILES)

ROUNDINGS: dict[str, dict[str, str]] = {
    "1 thread": {},
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "no AVX2 in torch": {"ATEN_CPU_CAPABILITY": "default"},
    "no oneDNN, portable MKL": {"MKL_CBWR": "COMPATIBLE", "ARCHLLM_BENCHMARK_NO_ONEDNN": "1"},
}
"""Name of a way of rounding -> environment of the process; they have to be set before torch is imported."""

TRIALS: dict[str, dict[str, Any]] = {
    "chosen by validation, 300 steps": {"keep": "best", "validation": 0.05, "steps": 300},
    "300 steps": {"validation": 0.05, "steps": 300},
    "300 steps, batches of 256": {"validation": 0.05, "steps": 300, "batch": 256},
    "300 steps, batches of 128": {"validation": 0.05, "steps": 300, "batch": 128},
    "600 steps, batches of 128": {"validation": 0.05, "steps": 600, "batch": 128},
    "400 steps, batches of 256, 2 layers of width 64": {
        "validation": 0.05,
        "steps": 400,
        "batch": 256,
        "width": 64,
        "layers": 2,
    },
    "output-bias initialisation, chosen by validation, 120 steps, batches of 128": {
        "keep": "best",
        "validation": 0.05,
        "steps": 120,
        "batch": 128,
        "marginals": True,
    },
}
"""Other settings of the prior that were tried on NAS-Bench-201, each a change of the recommended ones."""

TRIAL_SEEDS = (100, 101)
"""Settings were chosen on these seeds; those of the spread had no part in it."""

Job = dict[str, Any]


def jobs(seeds: list[int]) -> dict[str, Job]:
    """All jobs by name: trials last, and first one way of rounding for each seed, which tells most in little time."""
    found: dict[str, Job] = {}
    for turn in range(len(ROUNDINGS)):
        for space in SPACES:
            for seed in seeds:
                rounding = list(ROUNDINGS)[(seed + turn) % len(ROUNDINGS)]
                job = {"space": space, "rounding": rounding, "seed": seed, "trial": ""}
                found[f"{space}-{rounding}-{seed}".replace(" ", "_").replace(",", "")] = job
    for number, trial in enumerate(TRIALS):
        for seed in TRIAL_SEEDS:
            job = {"space": "nasbench201", "rounding": "1 thread", "seed": seed, "trial": trial}
            found[f"trial-{number}-{seed}"] = job
    return found


def run(job: Job) -> Job:
    """Trains once and measures draws; nothing may have imported torch before."""
    environment = {"OMP_NUM_THREADS": "1"} | ROUNDINGS[job["rounding"]]
    os.environ.update(environment)
    import torch

    torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    torch.backends.mkldnn.enabled = "ARCHLLM_BENCHMARK_NO_ONEDNN" not in environment  # type: ignore[assignment]
    return job | quality(space_of(job["space"]), job["seed"], TRIALS.get(job["trial"], {})) | {"about": provenance()}


def space_of(name: str) -> SearchSpace:
    """A built-in space, or one from a file of this benchmark."""
    from archllm import load_space
    from archllm.spaces.registry import space_of_text

    return space_of_text(FILES[name], f"{name}.toml", name) if name in FILES else load_space(name)


def quality(space: SearchSpace, seed: int, changes: dict[str, Any]) -> Job:
    """Trains with the recommended settings and some changes of the prior's, and measures raw draws."""
    import archllm
    from archllm.generation.recommended import recommended

    config = recommended(space)
    config = replace(config, prior=replace(config.prior, **changes))
    start, before = time.time(), time.process_time()
    model = archllm.train(space, config, seed)
    seconds, cpu_seconds = time.time() - start, time.process_time() - before
    figures = model.evaluate(DRAWS, [seed]).metrics
    report = model.report
    return {
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu_seconds, 1),
        "reconstruction": report["reconstruction"],
        "nats_above": report["held_out_nats"] - report["ideal_nats"],
        "valid": figures["valid"].mean,
        "cycle": figures["cycle"].mean,
        "distinct": figures["valid_unique"].mean / figures["valid_unique"].expected,
        "novel": figures["novel"].mean / figures["novel"].expected,
        "no_member": 1 - mass(model),
    }


def mass(model: Any) -> float:
    """Probability that one draw is the codes of a member: what the share of cycles is on average, free of chance."""
    codes = np.concatenate([model.tokenizer.encode(cells) for cells in (model.cells.train, model.cells.held_out)])
    return float(np.exp(model.prior.log_prob(codes)).sum())


def main() -> None:
    """Runs one job, or all that are missing, and writes what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)), help="training seeds")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--only", nargs="*", default=[""], help="only jobs whose name starts so")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-spread", help="where jobs write")
    parser.add_argument("--job", help="run this one job only")
    parser.add_argument("--page", action="store_true", help="only write the result, from the files that are there")
    arguments = parser.parse_args()
    if arguments.job:
        job = jobs([int(arguments.job.rsplit("-", 1)[1])])[arguments.job]
        write_json(arguments.folder / f"{arguments.job}.json", run(job))
        return
    wanted = jobs(arguments.seeds)
    if not arguments.page:
        names = [name for name in wanted if any(name.startswith(prefix) for prefix in arguments.only)]
        run_all("benchmarks.spread", names, arguments.folder, arguments.workers)
    files = [arguments.folder / f"{name}.json" for name in wanted]
    write_json(
        ROOT / "docs" / "results" / "spread.json", [json.loads(file.read_text()) for file in files if file.exists()]
    )


if __name__ == "__main__":
    main()
