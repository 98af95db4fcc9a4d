"""How far the quality of draws depends on the training seed and on how a machine rounds.

`python -m benchmarks.spread` trains with the recommended settings, once for each space, training seed and way of
rounding, and measures 10,000 raw draws of each. Other numbers of threads and other instruction sets add up in another
order, and hundreds of optimiser steps make another model of it: they stand in for other machines. Each job runs in a
process of its own unless `--folder` has its file already. Writes `docs/results/spread.json` and `.md`.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm.generation.generator import ArchLLM
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
"""Name of a way of rounding -> environment of the process."""

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
        "unigram_init": True,
    },
}
"""Other settings of the prior that were tried on NAS-Bench-201, each a change of the recommended ones."""

TRIAL_SEEDS = (100, 101)
"""Settings were chosen on these seeds; those of the spread had no part in it."""


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All jobs by name: trials last, and first one way of rounding for each seed, which tells most in little time."""
    found: dict[str, Job] = {}
    for turn in range(len(ROUNDINGS)):
        for space in SPACES:
            for seed in arguments.seeds:
                rounding = list(ROUNDINGS)[(seed + turn) % len(ROUNDINGS)]
                job = {"space": space, "rounding": rounding, "seed": seed, "trial": ""}
                found[f"{space}-{rounding}-{seed}".replace(" ", "_").replace(",", "")] = job
    for number, trial in enumerate(TRIALS):
        for seed in TRIAL_SEEDS:
            job = {"space": "nasbench201", "rounding": "1 thread", "seed": seed, "trial": trial}
            found[f"trial-{number}-{seed}"] = job
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Loads the space and sets how the process rounds, as far as that can be set once torch is there."""
    import torch

    from archllm.generation.recommended import recommended

    environment = {"OMP_NUM_THREADS": "1"} | ROUNDINGS[job["rounding"]]
    space = space_of(job["space"])
    config = recommended(space)
    config = replace(config, prior=replace(config.prior, **TRIALS.get(job["trial"], {})))

    def work() -> Result:
        import archllm

        torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
        torch.backends.mkldnn.enabled = "ARCHLLM_BENCHMARK_NO_ONEDNN" not in environment  # type: ignore[assignment]
        before = time.process_time()
        model = archllm.train(space, config, job["seed"])
        seconds = time.process_time() - before
        metrics, report = model.evaluate(DRAWS, [job["seed"]]).metrics, model.report
        return {
            "train_cpu_seconds": seconds,
            "reconstruction": report["reconstruction"],
            "nats_above": report["held_out_nats"] - report["ideal_nats"],
            "valid": metrics["valid"].mean,
            "cycle": metrics["cycle"].mean,
            "distinct": metrics["valid_unique"].mean / metrics["valid_unique"].expected,
            "novel": metrics["novel"].mean / metrics["novel"].expected,
            "no_member": 1 - mass(model),
        }

    return work


def space_of(name: str) -> SearchSpace:
    """A built-in space, or one from a file of this benchmark."""
    from archllm import load_space
    from archllm.spaces.registry import space_of_text

    return space_of_text(FILES[name], f"{name}.toml", name) if name in FILES else load_space(name)


def mass(model: ArchLLM) -> float:
    """Probability that the codes of a draw are those of a member: the share of cycles, free of the chance of draws."""
    codes = np.concatenate([model.tokenizer.encode(cells) for cells in (model.cells.train, model.cells.held_out)])
    return float(np.exp(model.prior.log_prob(codes)).sum())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the training seeds."""
    seeds(parser, range(10), "training seeds")


BENCHMARK = Benchmark("spread", __doc__, jobs, prepare, add_arguments)


def main() -> None:
    """Runs one job, or all that are missing, and writes the page."""
    arguments = BENCHMARK.parse()
    if arguments.job:  # this process rounds in the job's own way, and torch reads its environment when it is imported
        os.environ.update(ROUNDINGS[jobs(arguments)[arguments.job]["rounding"]])
    BENCHMARK.main()


if __name__ == "__main__":
    main()
