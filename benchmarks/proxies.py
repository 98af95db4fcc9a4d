"""Rank correlation of zero-cost proxies with accuracy on NAS-Bench-201.

`python -m benchmarks.proxies` draws cells that were not used to choose the settings, scores them with every proxy and
writes `docs/results/proxies.json` and `.md`. Needs the table `nasbench201.csv.gz` in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, provenance, write_json

CHOSEN_ON = 100
"""Seed of the cells on which settings were compared; results are from other cells."""

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "digits": {"data": "digits"},
    "64 images, 16 channels": {"batch_size": 64, "network": {"channels": 16}},
}


def main() -> None:
    """Scores and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200, help="cells per seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of the cells")
    parser.add_argument("--tuning-cells", type=int, default=60, help="cells on which settings are compared")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    from archllm import load_space
    from archllm.objectives import load_objective

    space = load_space("nasbench201")
    table: Any = load_objective("table:nasbench201/cifar10", space)
    aside = set(np.random.default_rng(CHOSEN_ON).choice(space.size, arguments.tuning_cells, replace=False).tolist())
    rest = np.array([key for key in range(space.size) if key not in aside])
    tuning = {name: _measure(space, table, sorted(aside), settings, 0) for name, settings in SETTINGS.items()}
    runs = []
    for seed in arguments.seeds:
        keys = np.random.default_rng(seed).choice(rest, arguments.cells, replace=False)
        runs.append(_measure(space, table, keys.tolist(), {}, seed))
        print(
            seed,
            {name: round(found["spearman"], 3) for name, found in runs[-1].items() if name != "_cells"},
            flush=True,
        )
    data = {"about": provenance(), "arguments": vars(arguments), "settings": SETTINGS, "tuning": tuning, "runs": runs}
    folder = ROOT / "docs" / "results"
    write_json(folder / "proxies.json", data)
    (folder / "proxies.md").write_text(_page(data, ROOT / "benchmarks" / "notes" / "proxies.md"), encoding="utf-8")


def _measure(space: Any, table: Any, keys: list[int], settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Per proxy: scores (`None` where there is none), the rank correlation, failures, seconds a cell."""
    from scipy.stats import spearmanr

    from archllm.objectives.proxies import PROXIES, ProxyConfig, ProxyObjective

    cells = [space.parse(str(key)) for key in keys]
    accuracy = [table.evaluate(cell).value for cell in cells]
    found = {}
    for name in PROXIES:
        objective = ProxyObjective(space, name, ProxyConfig(**settings), seed)
        start = time.perf_counter()
        scores = [objective.evaluate(cell).value for cell in cells]
        seconds = (time.perf_counter() - start) / len(cells)
        ranked = [-math.inf if score is None else score for score in scores]
        found[name] = {
            "spearman": float(spearmanr(ranked, accuracy).statistic),
            "failed": sum(score is None for score in scores),
            "seconds": seconds,
            "scores": scores,
        }
    return found | {"_cells": {"keys": [int(key) for key in keys]}}


def _page(data: dict[str, Any], notes: Path) -> str:
    about, arguments = data["about"], data["arguments"]
    runs, names = data["runs"], [name for name in data["runs"][0] if name != "_cells"]
    lines = ["# Zero-cost proxies on NAS-Bench-201", ""]
    lines += [
        f"`python -m benchmarks.proxies --cells {arguments['cells']} --seeds {' '.join(map(str, arguments['seeds']))}` · "
        f"commit {about['commit']} · {about['machine']}, {about['threads']} thread · {about['date']}",
        "",
        f"Spearman's rank correlation of each score with CIFAR-10 validation accuracy (200 epochs), over "
        f"{arguments['cells']} random cells, mean ± standard deviation of {len(runs)} draws of cells, each with weights "
        "and noise of its own seed. The published sign is positive for all. Cells without a finite score rank last.",
        "",
        "| proxy | Spearman | cells without a score | seconds a cell |",
        "|---|---|---|---|",
    ]
    for name in names:
        values = [run[name]["spearman"] for run in runs]
        failed, seconds = sum(run[name]["failed"] for run in runs), np.mean([run[name]["seconds"] for run in runs])
        lines.append(
            f"| {name} | {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} | {failed} of "
            f"{len(runs) * arguments['cells']} | {seconds:.3f} |"
        )
    tuning = data["tuning"]
    lines += ["", f"Settings were compared on {arguments['tuning_cells']} other cells, one seed:", ""]
    lines += ["| proxy | " + " | ".join(tuning) + " |", "|---" * (len(tuning) + 1) + "|"]
    lines += [
        f"| {n} | " + " | ".join(f"{found[n]['spearman']:.3f}" for found in tuning.values()) + " |" for n in names
    ]
    return "\n".join([*lines, "", notes.read_text(encoding="utf-8").strip(), ""])


if __name__ == "__main__":
    main()
