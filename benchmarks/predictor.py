"""How well predictors rank cells from few labels, on NAS-Bench-201 and the sample of NAS-Bench-101.

`python -m benchmarks.predictor` compares settings on a development task, then measures every set of features at every
number of labels on the test tasks. Tokenizer, prior and VAE are trained without labels and kept in the folder. Needs
the tables in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm import ArchLLM
    from archllm.predictor import FeatureMaker, Features
    from archllm.predictor.config import PredictorConfig

TABLES = {"nasbench201": "nasbench201/cifar10", "nasbench101": "nasbench101/cifar10"}
"""Test tasks."""

DEVELOPMENT = "nasbench201/cifar100"
"""What settings are chosen on, with labels of other cells."""

DEVELOPMENT_SEEDS = [100, 101, 102]

LABELS = {
    "nasbench201": {"few": [20, 50, 100, 156], "many": [400, 781, 1563]},
    "nasbench101": {"few": [20, 50, 100, 156], "many": [424, 1563]},
}
"""156 and 424 are 1 % and 0.1 % of the spaces."""

SETS: dict[str, list[str]] = {
    "averaged tokenizer + training-free": ["averaged tokenizer", "averaged free"],
    "averaged tokenizer": ["averaged tokenizer"],
    "one-hot": ["one_hot"],
    "path": ["path"],
    "VAE": ["vae"],
    "averaged tokenizer + prior": ["averaged tokenizer", "averaged prior"],
    "tokenizer": ["tokenizer"],
    "averaged one-hot + training-free": ["averaged one_hot", "averaged free"],
    "averaged VAE": ["averaged vae"],
    "averaged VAE + training-free": ["averaged vae", "averaged free"],
    "averaged one-hot": ["averaged one_hot"],
    "training-free": ["averaged free"],
    "prior": ["prior"],
    "codes": ["codes"],
    "averaged tokenizer + one-hot + path + training-free": [
        "averaged tokenizer", "averaged one_hot", "averaged path", "averaged free",
    ],
}  # fmt: skip
"""Features by what they are called, one block each; averaged over all cells that compute the same."""

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "hinge": {"loss": "hinge"},
    "ListMLE": {"loss": "listmle"},
    "squared error of normal scores": {"loss": "squared"},
    "30 networks": {"members": 30},
    "300 steps": {"steps": 300},
    "scores untransformed": {"target": "score"},
    "log regret": {"target": "log_regret"},
}
"""What is compared on the development task: one change each."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    seeds(parser, range(5), "draws of labels")


def models(arguments: argparse.Namespace) -> dict[str, Job]:
    """What is trained without labels, once for all jobs."""
    return {f"models-{space}": {"part": "models", "space": space} for space in LABELS}


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """A space, a set of features, the settings, and the draws of labels."""
    found: dict[str, Job] = {}
    for space, parts in LABELS.items():
        for part, sizes in parts.items():
            for name, blocks in SETS.items():
                if space == "nasbench101":  # each computation has one way of writing, so there is nothing to average
                    name, blocks = name.removeprefix("averaged "), [block.removeprefix("averaged ") for block in blocks]
                found[f"{space}-{part}-{_slug(name)}"] = {
                    "part": "result", "space": space, "table": TABLES[space], "set": name, "blocks": blocks,
                    "setting": "default", "labels": sizes, "seeds": arguments.seeds,
                }  # fmt: skip
    for setting in SETTINGS:
        for name in ("averaged tokenizer + training-free", "averaged tokenizer"):
            found[f"settings-{_slug(setting)}-{_slug(name)}"] = {
                "part": "settings", "space": "nasbench201", "table": DEVELOPMENT, "set": name, "blocks": SETS[name],
                "setting": setting, "labels": [50, 156], "seeds": DEVELOPMENT_SEEDS,
            }  # fmt: skip
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Loads the table, and the models that were trained before."""
    from archllm import load, load_space
    from archllm.objectives.table import TableObjective
    from archllm.predictor import Featurizer, PredictorConfig

    folder: Path = arguments.folder
    if job["part"] == "models":
        space = load_space(job["space"])
        return lambda: _train(space, folder)
    model = load(folder / job["space"])
    table = TableObjective.of(job["table"], model.space)
    graphs, scores = table.architectures(), table.values
    makers = [_maker(block, model, folder) for block in job["blocks"]]
    config = PredictorConfig(**SETTINGS[job["setting"]])

    def work() -> Result:
        before = time.process_time()
        features = Featurizer(model.space, makers, graphs)(graphs)
        making = time.process_time() - before
        return {
            "cells": len(graphs),
            "width": features.values.shape[1],
            "feature_seconds": making,
            "training_seconds": model.report["seconds"],
            "rows": _rows(features, scores, config, job),
        }

    return work


def _rows(features: Features, scores: np.ndarray, config: PredictorConfig, job: Job) -> list[Result]:
    """Fits on each draw of labels and ranks all other cells, with the predictor and with each of its two parts."""
    from archllm.predictor import build_predictor

    rows: list[Result] = []
    for labels in job["labels"]:
        for seed in job["seeds"]:
            order = np.random.default_rng(seed).permutation(len(scores))
            known, others = order[:labels], order[labels:]
            before = time.process_time()
            predictor: Any = build_predictor(config).fit(features[known], scores[known], seed)
            middle = time.process_time()
            parts = [part.predict(features[others]).mean for part in predictor.parts]
            seconds = {"fit_seconds": middle - before, "predict_seconds": time.process_time() - middle}
            row: Result = {"labels": labels, "seed": seed, **seconds}
            for kind, predicted in {"gaussian": parts[0], "ensemble": parts[1], "both": np.mean(parts, axis=0)}.items():
                row[kind] = judge(predicted, scores[others])
            rows.append(row)
            print(labels, seed, row["both"]["tau"], flush=True)
    return rows


def judge(predicted: np.ndarray, accuracy: np.ndarray) -> dict[str, float]:
    """Rank correlation over all cells, and what the best 50 by prediction hold.

    `hits` is the share of them that belongs to the best 1 % by accuracy, `regret` how far the best of them is from
    the best of all, in percentage points.
    """
    from scipy.stats import kendalltau

    chosen = np.argsort(-predicted, kind="stable")[:50]
    top = np.sort(accuracy)[-round(len(accuracy) / 100)]
    return {
        "tau": float(kendalltau(predicted, accuracy).statistic),
        "hits": float((accuracy[chosen] >= top).mean()),
        "regret": float(accuracy.max() - accuracy[chosen].max()),
    }


def _train(space: Any, folder: Path) -> Result:
    """Trains tokenizer and prior, and a VAE on the same cells."""
    import archllm
    from archllm.baselines import GraphVAE, recommended_vae

    model = archllm.train(space, seed=0, out=folder / space.name, overwrite=True)
    (folder / f"vae-{space.name}").mkdir(parents=True, exist_ok=True)
    GraphVAE(space, recommended_vae(space)).fit(model.cells.train, seed=0).save(folder / f"vae-{space.name}")
    return {"seconds": model.report["seconds"]}


def _maker(block: str, model: ArchLLM, folder: Path) -> FeatureMaker:
    from archllm.baselines import GraphVAE
    from archllm.predictor import averaged, makers

    if block.startswith("averaged "):
        return averaged(_maker(block.removeprefix("averaged "), model, folder), model.space)
    tokenizer: Any = model.tokenizer
    if block == "vae":
        return makers.vae(GraphVAE.load(folder / f"vae-{model.space.name}", model.space))
    return {
        "one_hot": lambda: makers.one_hot(model.space),
        "path": lambda: makers.path(model.space, model.cells.train[:50_000]),
        "free": lambda: makers.free(model.space),
        "tokenizer": lambda: makers.tokenizer(tokenizer),
        "codes": lambda: makers.codes(tokenizer),
        "prior": lambda: makers.prior(tokenizer, model.prior),
    }[block]()


def _slug(name: str) -> str:
    return name.lower().replace(" + ", "-").replace(" ", "-")


BENCHMARK = Benchmark("predictor", __doc__, jobs, prepare, add_arguments, models)

if __name__ == "__main__":
    BENCHMARK.main()
