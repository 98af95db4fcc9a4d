"""How well predictors rank cells from few labels, on NAS-Bench-201 and the sample of NAS-Bench-101.

`python -m benchmarks.predictor` first compares settings on a column that is not judged, then measures every set of
features at every number of labels, each job in a process of its own on one thread unless `--folder` has its file
already, and writes `docs/results/predictor.json` and `.md`. Tokenizer, prior and VAE are trained without labels and
kept in the folder. Needs the tables in `$ARCHLLM_DATA` or in the folder of the tests.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, provenance, run_all, write_json

COLUMNS = {"nasbench201": "cifar10_valid", "nasbench101": "valid_ep108"}
"""What is judged."""

TUNING = "cifar100_valid"
"""What settings are chosen on, with labels of other cells."""

TUNING_SEEDS = [100, 101, 102]

LABELS = {
    "nasbench201": {"few": [20, 50, 100, 156], "many": [400, 781, 1563]},
    "nasbench101": {"few": [20, 50, 100, 156], "many": [424, 1563]},
}
"""156 and 424 are 1 % and 0.1 % of the spaces."""

SETS: dict[str, list[str]] = {
    "averaged tokenizer + free": ["averaged tokenizer", "averaged free"],
    "averaged tokenizer": ["averaged tokenizer"],
    "one-hot": ["one_hot"],
    "path": ["path"],
    "VAE": ["vae"],
    "averaged tokenizer + prior": ["averaged tokenizer", "averaged prior"],
    "tokenizer": ["tokenizer"],
    "averaged one-hot + free": ["averaged one_hot", "averaged free"],
    "averaged VAE": ["averaged vae"],
    "averaged VAE + free": ["averaged vae", "averaged free"],
    "averaged one-hot": ["averaged one_hot"],
    "free": ["averaged free"],
    "prior": ["prior"],
    "codes": ["codes"],
    "averaged tokenizer + one-hot + path + free": [
        "averaged tokenizer", "averaged one_hot", "averaged path", "averaged free",
    ],
}  # fmt: skip
"""Features by what they are called, one block each; without classes of equal cells, averaged ones are left out."""

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "hinge": {"loss": "hinge"},
    "ListMLE": {"loss": "listmle"},
    "squared error of normal scores": {"loss": "squared"},
    "30 networks": {"members": 30},
    "300 steps": {"steps": 300},
    "scores as they are": {"target": "score"},
    "log regret": {"target": "log_regret"},
}
"""What is compared on the tuning column: one change each."""

Job = dict[str, Any]


def jobs(seeds: list[int]) -> dict[str, Job]:
    """All jobs by name: a space, a set of features, the settings, and the draws of labels."""
    found: dict[str, Job] = {}
    for space, parts in LABELS.items():
        for part, sizes in parts.items():
            for name, blocks in SETS.items():
                if space == "nasbench101":  # each computation has one way of writing, so there is nothing to average
                    name, blocks = name.removeprefix("averaged "), [block.removeprefix("averaged ") for block in blocks]
                found[f"{space}-{part}-{_slug(name)}"] = {
                    "part": "result", "space": space, "column": COLUMNS[space], "set": name, "blocks": blocks,
                    "setting": "default", "labels": sizes, "seeds": seeds,
                }  # fmt: skip
    for setting in SETTINGS:
        for name in ("averaged tokenizer + free", "averaged tokenizer"):
            found[f"settings-{_slug(setting)}-{_slug(name)}"] = {
                "part": "settings", "space": "nasbench201", "column": TUNING, "set": name, "blocks": SETS[name],
                "setting": setting, "labels": [50, 156], "seeds": TUNING_SEEDS,
            }  # fmt: skip
    return found


def run(job: Job, folder: Path) -> Job:
    """Fits on each draw of labels and ranks all other cells."""
    import torch

    from archllm.predictor import Features, Featurizer, PredictorConfig, build_predictor

    torch.set_num_threads(1)
    start = time.time()
    model = _model(job["space"], folder)
    graphs, accuracy = _table(job["space"], job["column"])
    before = time.process_time()
    makers = [_maker(block, model, folder) for block in job["blocks"]]
    features: Features = Featurizer(model.space, makers, graphs)(graphs)
    making = time.process_time() - before
    config = PredictorConfig(**SETTINGS[job["setting"]])
    rows = []
    for labels in job["labels"]:
        for seed in job["seeds"]:
            order = np.random.default_rng(seed).permutation(len(graphs))
            known, others = order[:labels], order[labels:]
            before = time.process_time()
            predictor = build_predictor(config).fit(features[known], accuracy[known], seed)
            fitting = time.process_time() - before
            before = time.process_time()
            parts = [part.predict(features[others]).mean for part in predictor.parts]  # type: ignore[attr-defined]
            predicting = time.process_time() - before
            found = {"gaussian": parts[0], "ensemble": parts[1], "both": np.mean(parts, axis=0)}
            for kind, predicted in found.items():
                figures = judge(predicted, accuracy[others])
                rows.append({"labels": labels, "seed": seed, "kind": kind} | figures)
            rows[-1] |= {"fit_seconds": fitting, "predict_seconds": predicting}
        print(labels, np.mean([row["tau"] for row in rows if row["labels"] == labels]), flush=True)
    return job | {
        "settings": SETTINGS[job["setting"]],
        "cells": len(graphs),
        "width": features.values.shape[1],
        "feature_seconds": making,
        "training_seconds": model.report["seconds"],
        "rows": rows,
        "wall": time.time() - start,
        "about": provenance(),
    }


def judge(predicted: np.ndarray, accuracy: np.ndarray) -> dict[str, float]:
    """Rank correlation over all cells, and what the best 50 by prediction hold.

    `hits` is the share of them that belongs to the best 1 % by accuracy, `regret` what the best of them lacks to the
    best of all, in points of accuracy.
    """
    from scipy.stats import kendalltau

    chosen = np.argsort(-predicted, kind="stable")[:50]
    top = np.sort(accuracy)[-round(len(accuracy) / 100)]
    return {
        "tau": float(kendalltau(predicted, accuracy).statistic),
        "hits": float((accuracy[chosen] >= top).mean()),
        "regret": float(accuracy.max() - accuracy[chosen].max()),
    }


def main() -> None:
    """Runs one job, or all that are missing, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="draws of labels")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-predictor", help="where jobs write")
    parser.add_argument("--job", help="run this one job only")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page from what there is")
    arguments = parser.parse_args()
    wanted = jobs(arguments.seeds)
    if arguments.job:
        write_json(arguments.folder / f"{arguments.job}.json", run(wanted[arguments.job], arguments.folder))
        return
    if not arguments.page:
        for space in LABELS:
            _model(space, arguments.folder)
            _vae(space, arguments.folder)
        run_all("benchmarks.predictor", list(wanted), arguments.folder, arguments.workers)
    from benchmarks.predictor_page import write_page

    files = [arguments.folder / f"{name}.json" for name in wanted]
    write_page([json.loads(file.read_text()) for file in files if file.exists()], ROOT / "docs" / "results")


def _slug(name: str) -> str:
    return name.lower().replace(" + ", "-").replace(" ", "-")


@cache
def _model(space: str, folder: Path) -> Any:
    """Tokenizer and prior, trained on 90 % of the cells without labels, once."""
    import archllm

    run = folder / space
    return archllm.load(run) if run.exists() else archllm.train(space, seed=0, out=run)


@cache
def _vae(space: str, folder: Path) -> Any:
    """The VAE, trained on the same cells, once."""
    from archllm.baselines import GraphVAE, recommended_vae

    run, model = folder / f"vae-{space}", _model(space, folder)
    if not (run / "vae.json").exists():
        vae = GraphVAE(model.space, recommended_vae(model.space)).fit(model.cells.train, seed=0)
        run.mkdir(parents=True, exist_ok=True)
        vae.save(run)
    return GraphVAE.load(run, model.space)


def _maker(block: str, model: Any, folder: Path) -> Any:
    from archllm.predictor import averaged, makers

    if block.startswith("averaged "):
        return averaged(_maker(block.removeprefix("averaged "), model, folder), model.space)
    if block == "vae":
        return makers.vae(_vae(model.space.name, folder))
    return {
        "one_hot": lambda: makers.one_hot(model.space),
        "path": lambda: makers.path(model.space, model.cells.train[:50_000]),
        "free": lambda: makers.free(model.space),
        "tokenizer": lambda: makers.tokenizer(model.tokenizer),
        "codes": lambda: makers.codes(model.tokenizer),
        "prior": lambda: makers.prior(model.tokenizer, model.prior),
    }[block]()


def _table(space: str, column: str) -> tuple[Any, np.ndarray]:
    """The cells of a table and their accuracies in per cent."""
    from archllm import load_space

    folder = Path(os.environ.get("ARCHLLM_DATA") or ROOT.parent / "shared" / "data")
    file = {"nasbench201": "nasbench201.csv.gz", "nasbench101": "nasbench101_sample.csv.gz"}[space]
    with gzip.open(folder / file, "rt") as stream:
        rows = list(csv.DictReader(stream))
    if space == "nasbench201":
        graphs = load_space(space).parse_batch([row["arch"] for row in rows])
        return graphs, np.array([float(row[column]) for row in rows])
    return _sampled_cells(rows), 100 * np.array([float(row[column]) for row in rows])


def _sampled_cells(rows: list[dict[str, str]]) -> Any:
    from archllm import load_space
    from archllm.graphs import ABSENT, Graphs

    ops = np.full((len(rows), 7), ABSENT, dtype=np.int8)
    adjacency = np.zeros((len(rows), 7, 7), dtype=np.bool_)
    for at, row in enumerate(rows):
        v = int(row["n_vertices"])
        source, target = np.triu_indices(v, 1)
        adjacency[at, source, target] = [bit == "1" for bit in row["upper_triangle_bits"]]
        ops[at, :v] = [0, *(int(op) + 1 for op in row["ops"]), 4]
    return load_space("nasbench101").normalise(Graphs(ops, adjacency))


if __name__ == "__main__":
    main()
