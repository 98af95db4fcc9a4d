"""Every job of every benchmark builds its inputs, so that none fails after hours of work, or at once."""

from __future__ import annotations

import argparse
import json
import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import (
    conditional,
    generation,
    halving,
    large_spaces,
    latency,
    llm_prior,
    networks,
    predictor,
    proxies,
    search,
    spaces,
    unlisted,
)
from benchmarks.harness.jobs import Benchmark, Job
from benchmarks.tasks import GRAPHS
from tests.prior.text.tiny import tiny_model

import archllm
from archllm.baselines import GraphVAE, VAEConfig
from archllm.data import split
from archllm.generation.config import TrainConfig
from archllm.objectives.table import TableObjective
from archllm.prior.config import PriorConfig
from archllm.spaces import SearchSpace
from archllm.tokenizer.config import TokenizerConfig

BENCHMARKS = [module.BENCHMARK for module in (
    generation, search, predictor, spaces, conditional, llm_prior, networks, proxies, latency,
    halving,
    large_spaces, unlisted,
)]  # fmt: skip

TINY = TrainConfig(
    split=0.9,
    tokenizer=TokenizerConfig(steps=2, width=16, layers=1, codebook_size=32),
    prior=PriorConfig(steps=2, width=16, layers=1, heads=2),
)


def all_jobs() -> list[tuple[Benchmark, str, Job]]:
    """Every job; of those that differ in their seed alone, the first."""
    found: dict[str, tuple[Benchmark, str, Job]] = {}
    for benchmark in BENCHMARKS:
        arguments = benchmark.parse([])
        for name, job in (benchmark.before(arguments) | benchmark.jobs(arguments)).items():
            settings = {key: value for key, value in job.items() if key != "seed"}
            found.setdefault(f"{benchmark.name} {settings}", (benchmark, name, job))
    return list(found.values())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that jobs share, hardly trained."""
    home: Path = tmp_path_factory.mktemp("jobs")
    torch.manual_seed(0)
    for name, share in {"nasbench201": 0.9, "nasbench101": 0.01}.items():
        space = archllm.load_space(name)
        model = archllm.train(space, replace(TINY, split=share), out=home / name, progress=False)
        (home / f"vae-{name}").mkdir()
        GraphVAE(space, VAEConfig(steps=1, width=16)).fit(model.cells.train[:100], 0).save(home / f"vae-{name}")
    (home / "run").symlink_to(home / "nasbench201")
    for name in large_spaces.GOOD:
        space = archllm.load_space(name)
        texts = space.format(space.sample(40, np.random.default_rng(0)))
        found = {"texts": texts, "scores": list(range(40)), "seconds_each": 0.1}
        (home / f"scores-{name}.json").write_text(json.dumps({"result": found}))
    for job in unlisted.pre_training(unlisted.BENCHMARK.parse([])).values():
        space, kind = archllm.load_space(job["space"]), job["tokenizer"]
        config = replace(TINY, cells=200, split=0.9 if not space.enumerable else 0.01)
        config = replace(config, tokenizer=replace(TINY.tokenizer, kind=kind, merges=8))
        archllm.train(space, config, out=home / f"run-{space.name}-{kind}", progress=False)
    (home / "graphs").mkdir()
    rows = {number: {"valid_perf": number / 10**5, "perf": 0.5, "latency": 0.1, "para": 1.0} for number in range(1, 9)}
    for data in GRAPHS:
        (home / "graphs" / f"{data}.bench").write_bytes(pickle.dumps(rows))
    return home


@pytest.fixture(scope="module")
def base() -> Path:
    return Path(tiny_model("llama"))


@pytest.fixture(autouse=True)
def read_once(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, splits and models are the same for all jobs, so each is read once."""
    monkeypatch.setenv("ARCHLLM_DATA", str(data_dir))
    monkeypatch.setattr(TableObjective, "of", _table)
    monkeypatch.setattr(split, "split_cells", _cells)
    monkeypatch.setattr(archllm, "load", _model, raising=False)
    monkeypatch.setattr(large_spaces, "scored", _scored)


_table = cache(TableObjective.of)
_split_cells = split.split_cells
_model = cache(archllm.load)
_scored = cache(large_spaces.scored)


@cache
def _cells(space: SearchSpace, share: float, cells: int, seed: int) -> split.Cells:
    return _split_cells(space, share, min(cells, 1_000), seed)  # of spaces that can't be enumerated, a few will do


@pytest.mark.parametrize(("benchmark", "name", "job"), all_jobs(), ids=[name for _, name, _ in all_jobs()])
def test_a_job_builds_its_inputs(
    benchmark: Benchmark, name: str, job: Job, folder: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_BENCH_GRAPH", str(folder / "graphs"))
    arguments = benchmark.parse([])
    arguments = argparse.Namespace(**vars(arguments) | {"folder": folder, "base": base})
    assert callable(benchmark.prepare(job, arguments))


@pytest.mark.parametrize("name", ["permutations", "counts-nasbench201", "shallow-nasbench201"])
def test_a_job_of_networks_runs_and_writes_its_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = networks.BENCHMARK.parse(["--folder", str(tmp_path / "new")])
    small = {"cells": 20, "permutations": 4} if name == "permutations" else {"built": 2}
    if name.startswith("shallow"):
        small = {"cells": 1, "options": {"channels": 4, "cells": 1}}
    monkeypatch.setattr(networks, "built_params", lambda arch: 0)
    result = networks.BENCHMARK.run(name, networks.jobs(arguments)[name] | small, arguments)
    assert (tmp_path / "new" / f"{name}.json").exists()
    if name == "permutations":
        assert result["canonical_form_differs"] == 16_778 and result["depend"] <= 20
    if name.startswith("counts"):
        assert result["agree"] == result["built"] == 2


def test_the_speed_of_a_space_can_be_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "REPEATS", 1)
    arguments = generation.BENCHMARK.parse(["--folder", str(tmp_path)])
    found = generation.prepare({"part": "speed"}, arguments)()
    assert all(seconds > 0 for seconds in found.values()) and len(found) == 3


def test_large_spaces_have_the_size_they_are_named_by() -> None:
    for name in spaces.LARGE:
        assert 0.2 < spaces.large(name).size / float(name) < 5
        assert spaces.large(name).max_nodes == spaces.SLOTS + 2
