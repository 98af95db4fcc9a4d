"""Custom spaces from files: quality of generation on those that ship with the package, and memory on very large ones.

`python -m benchmarks.spaces` trains on each space with what `archllm train` recommends and measures raw draws. It also
measures the memory of training on spaces of 1e9 to 1e18 members, and of generating ten million distinct members.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.harness.jobs import Benchmark, Job, Work, peak, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm.generation.config import TrainConfig
    from archllm.spaces import SearchSpace

SPACES = ("nats-size", "nasbench-macro", "mobilenetv3", "mobile", "transnasbench", "transformer")
"""The spaces that ship with the package as files."""

DRAWS = (1_000, 10_000)
BATCHES = 5
"""Batches of draws of each number, each with a seed of its own."""

TRIALS: dict[str, tuple[str, int, dict[str, dict[str, Any]]]] = {
    "validation split of 5 %": ("transnasbench", 1, {"prior": {"validation": 0.05}}),
    "no output-bias initialisation, 5,000 steps": (
        "mobilenetv3", 0, {"prior": {"unigram_init": False, "steps": 5000}},
    ),
    "no output-bias initialisation": ("mobilenetv3", 0, {"prior": {"unigram_init": False}}),
    "codes sampled from their marginals": ("mobilenetv3", 0, {"prior": {"kind": "marginal", "unigram_init": False}}),
    "output-bias initialisation": ("transnasbench", 1, {"prior": {"unigram_init": True}}),
}  # fmt: skip
"""Other settings that were tried, each a change of the recommended ones: space, seed, what is changed."""

SLOTS = 15
LARGE = {"1e9": 4, "1e12": 6, "1e15": 10, "1e18": 16}
"""Values of each of 15 decision variables: spaces of some 1e9 … 1e18 members whose graphs are equally large."""

GENERATED = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    seeds(parser, range(3), "seeds of split, weights and draws")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All jobs by name."""
    found: dict[str, Job] = {}
    for seed in arguments.seeds:
        found |= {f"quality-{name}-{seed}": {"part": "quality", "space": name, "seed": seed} for name in SPACES}
    for number, (trial, (name, seed, _)) in enumerate(TRIALS.items()):
        found[f"trial-{number}"] = {"part": "trial", "trial": trial, "space": name, "seed": seed}
    found |= {f"training-{size}": {"part": "training", "size": size} for size in LARGE}
    for size in ("1e9", "1e18"):
        found[f"distinct-{size}"] = {"part": "distinct", "size": size, "n": GENERATED}
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Builds the space and the configuration of a job."""
    from archllm import load_space

    space = load_space(job["space"]) if "space" in job else large(job["size"])
    config = config_of(space, job)
    work = {"quality": _quality, "trial": _quality, "training": _training, "distinct": _distinct}[job["part"]]
    return lambda: work(space, config, job)


def config_of(space: SearchSpace, job: Job) -> TrainConfig:
    """What a job trains and how."""
    from archllm.generation.config import TrainConfig
    from archllm.generation.recommended import recommended
    from archllm.prior.config import PriorConfig
    from archllm.tokenizer.config import TokenizerConfig

    if job["part"] == "distinct":  # a prior of marginals is the fastest to sample from and repeats most
        return TrainConfig(cells=20_000, tokenizer=TokenizerConfig(kind="plain"), prior=PriorConfig(kind="marginal"))
    config = recommended(space)
    changes = TRIALS[job["trial"]][2] if "trial" in job else {}
    if job["part"] == "training":  # memory does not depend on the number of steps
        changes = {name: {"steps": getattr(config, name).steps // 10} for name in ("tokenizer", "prior")}
    return replace(config, **{name: replace(getattr(config, name), **change) for name, change in changes.items()})


def _quality(space: SearchSpace, config: TrainConfig, job: Job) -> Result:
    """Trains and measures raw draws."""
    import archllm

    start, before = time.time(), time.process_time()
    model = archllm.train(space, config, job["seed"])
    seconds, cpu_seconds = time.time() - start, time.process_time() - before
    batches = [1_000 * job["seed"] + k for k in range(BATCHES)]
    draws = {}
    for n in DRAWS:
        metrics = model.evaluate(n, batches).metrics
        draws[str(n)] = {
            name: {"mean": each.mean, "std": each.std, "expected": each.expected} for name, each in metrics.items()
        }
    trained = {"train_seconds": seconds, "train_cpu_seconds": cpu_seconds}
    return {"size": space.size, "report": model.report, **trained, "draws": draws}


def _training(space: SearchSpace, config: TrainConfig, job: Job) -> Result:
    """Trains on a very large space."""
    import archllm

    before = peak()
    model = archllm.train(space, config, 0)
    return {
        "members": space.size,
        "nodes": space.max_nodes,
        "bytes_before": before,
        "cells": len(model.training_keys),
        "cells_in_memory": len(model.cells.train),
    }


def _distinct(space: SearchSpace, config: TrainConfig, job: Job) -> Result:
    """Draws until so many different members were found."""
    import archllm

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
    """A space of some 1e9 … 1e18 members, with a constraint that joins two decision variables."""
    from archllm.spaces.registry import space_of_text

    values = list(range(1, LARGE[size] + 1))
    text = f"""
kind = "choices"
constraints = ["slot.a1 <= slot.a2"]
[slots]
"a{{i=1..{SLOTS}}}" = {values}
"""
    return space_of_text(text, f"large-{size}.toml", f"large-{size}")


BENCHMARK = Benchmark("spaces", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
