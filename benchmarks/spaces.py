"""Search spaces from files: what is generated on those that come along, and memory on very large ones.

`python -m benchmarks.spaces` trains on each space with what `archllm train` recommends and measures raw draws. It also
measures the memory of training on spaces of 1e9 to 1e18 members, and of keeping ten million generated members apart.
Each job runs in a process of its own on one thread unless `--folder` has its file already. Writes
`docs/results/spaces.json` and `.md` from the jobs that are done.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.record import ROOT, provenance, run_all, write_json

if TYPE_CHECKING:
    from archllm.spaces import SearchSpace

SPACES = ("nats-size", "nasbench-macro", "mobilenetv3", "transnasbench", "transformer")
"""The spaces that come along as files."""

DRAWS = (1_000, 10_000)
BATCHES = 5
"""Batches of draws of each number, each with a seed of its own."""

TRIALS: dict[str, tuple[str, int, dict[str, dict[str, Any]]]] = {
    "a twentieth set aside": ("transnasbench", 1, {"prior": {"validation": 0.05}}),
    "no start from marginals, 5,000 steps": ("mobilenetv3", 0, {"prior": {"marginals": False, "steps": 5000}}),
    "no start from marginals": ("mobilenetv3", 0, {"prior": {"marginals": False}}),
    "drawn from marginals": ("mobilenetv3", 0, {"prior": {"kind": "marginal", "marginals": False}}),
    "start from marginals": ("transnasbench", 1, {"prior": {"marginals": True}}),
}
"""Other settings that were tried, each a change of the recommended ones: space, seed, what is changed."""

SLOTS = 15
LARGE = {"1e9": 4, "1e12": 6, "1e15": 10, "1e18": 16}
"""Values of each of 15 slots: spaces of some 1e9 … 1e18 members whose graphs are equally large."""

GENERATED = 10_000_000

Job = dict[str, Any]


def jobs(seeds: list[int]) -> dict[str, Job]:
    """All jobs by name."""
    found: dict[str, Job] = {}
    for seed in seeds:
        found |= {f"quality-{name}-{seed}": {"part": "quality", "space": name, "seed": seed} for name in SPACES}
    for number, (name, seed, _) in enumerate(TRIALS.values()):
        found[f"trial-{number}"] = {"part": "trial", "trial": list(TRIALS)[number], "space": name, "seed": seed}
    found |= {f"training-{size}": {"part": "training", "size": size} for size in LARGE}
    for size in ("1e9", "1e18"):
        found[f"apart-{size}"] = {"part": "apart", "size": size, "n": GENERATED}
    return found


def run(job: Job) -> Job:
    """Runs one job."""
    import torch

    torch.set_num_threads(1)
    start = time.time()
    found = {"quality": quality, "trial": quality, "training": training, "apart": apart}[job["part"]](job)
    return job | found | {"peak_bytes": peak(), "wall": time.time() - start, "about": provenance()}


def quality(job: Job) -> Job:
    """Trains with the recommended settings, or those of a trial, and measures raw draws."""
    import archllm
    from archllm.generation.recommended import recommended

    space = archllm.load_space(job["space"])
    config = recommended(space)
    changes = TRIALS[job["trial"]][2] if "trial" in job else {}
    config = replace(config, **{name: replace(getattr(config, name), **change) for name, change in changes.items()})
    start, before = time.time(), time.process_time()
    model = archllm.train(space, config, job["seed"])
    seconds, cpu_seconds = time.time() - start, time.process_time() - before
    seeds = [1_000 * job["seed"] + k for k in range(BATCHES)]
    figures = {n: model.evaluate(n, seeds).metrics for n in DRAWS}
    draws = {str(n): {name: asdict(figure) for name, figure in found.items()} for n, found in figures.items()}
    return {
        "size": space.size,
        "config": asdict(config),
        "report": model.report,
        "train_seconds": seconds,
        "train_cpu_seconds": cpu_seconds,
        "draws": draws,
    }


def training(job: Job) -> Job:
    """Trains on a very large space in few steps, on which memory does not depend."""
    import archllm
    from archllm.generation.recommended import recommended

    space = large(job["size"])
    config = recommended(space)
    config = replace(
        config,
        tokenizer=replace(config.tokenizer, steps=config.tokenizer.steps // 10),
        prior=replace(config.prior, steps=config.prior.steps // 10),
    )
    before = peak()
    model = archllm.train(space, config, 0)
    return {
        "members": space.size,
        "nodes": space.max_nodes,
        "bytes_before": before,
        "cells": len(model.training_keys),
        "cells_in_memory": len(model.cells.train),
    }


def apart(job: Job) -> Job:
    """Draws until so many different members were found; a prior of marginals draws fast and repeats most."""
    import archllm
    from archllm.generation.config import TrainConfig
    from archllm.prior.config import PriorConfig
    from archllm.tokenizer.config import TokenizerConfig

    space = large(job["size"])
    config = TrainConfig(cells=20_000, tokenizer=TokenizerConfig(kind="plain"), prior=PriorConfig(kind="marginal"))
    model = archllm.train(space, config, 0)
    before, start = peak(), time.process_time()
    stream = model.stream(job["n"])
    rows = sum(len(graphs) for graphs in stream)
    return {
        "members": space.size,
        "nodes": space.max_nodes,
        "bytes_before": before,
        "found": rows,
        "drawn": stream.drawn,
        "valid": stream.valid,
        "cpu_seconds": time.process_time() - start,
        "key_bytes": 8 * rows,
    }


def large(size: str) -> SearchSpace:
    """A space of some 1e9 … 1e18 members, with a constraint that joins two slots."""
    from archllm.spaces.registry import space_of_text

    values = list(range(1, LARGE[size] + 1))
    text = f"""
kind = "choices"
constraints = ["slot.a1 <= slot.a2"]
[slots]
"a{{i=1..{SLOTS}}}" = {values}
"""
    return space_of_text(text, f"large-{size}.toml", f"large-{size}")


def peak() -> int:
    """Most bytes of memory that this process had so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else 1024 * usage


def mean_std(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def main() -> None:
    """Runs one job, or all that are missing, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of split, weights and draws")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-spaces", help="where jobs write")
    parser.add_argument("--job", help="run this one job only")
    parser.add_argument("--page", action="store_true", help="only write the page, from the files that are there")
    arguments = parser.parse_args()
    if arguments.job:
        found = jobs([int(arguments.job.rsplit("-", 1)[1])] if arguments.job.startswith("quality") else [])
        write_json(arguments.folder / f"{arguments.job}.json", run(found[arguments.job]))
        return
    wanted = jobs(arguments.seeds)
    if not arguments.page:
        run_all("benchmarks.spaces", list(wanted), arguments.folder, arguments.workers)
    from benchmarks.spaces_page import write_page

    files = {name: arguments.folder / f"{name}.json" for name in wanted}
    results = [json.loads(file.read_text()) for file in files.values() if file.exists()]
    write_page(results, ROOT / "docs" / "results")


if __name__ == "__main__":
    main()
