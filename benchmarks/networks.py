"""Networks: agreement of parameter counts, export parity, and how fast candidates train on digits.

`python -m benchmarks.networks` writes `docs/results/networks.json` and `.md`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, provenance, write_json

SPACES = ("nasbench101", "nasbench201", "darts")
EXPORTS = {"python": ".py", "torch": ".pt2", "onnx": ".onnx"}

BUILT = 100
"""Random cells a space that are built at the paper's size to compare both counts."""

COMPACT: dict[str, dict[str, int]] = {
    "nasbench101": {"channels": 32, "stacks": 1, "cells": 1},
    "nasbench201": {"cells": 1},
    "darts": {"channels": 12, "layers": 3},
}
"""Shallow networks with every kind of cell, for parity of many cells."""


def main() -> None:
    """Measures everything and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exports", type=int, default=20, help="random cells a space to export, shallow networks")
    parser.add_argument("--full-exports", type=int, default=1, help="of these, as networks of the paper's size, too")
    parser.add_argument("--candidates", type=int, default=8, help="candidates to train on digits")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of cells")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    data = {
        "about": provenance(),
        "arguments": vars(arguments),
        "counts": counts(arguments.seed),
        "exports": {name: exports(name, arguments.exports, arguments.seed, COMPACT[name]) for name in SPACES},
        "full_exports": {name: exports(name, arguments.full_exports, arguments.seed, {}) for name in SPACES},
        "training": training(arguments.candidates, arguments.seed),
    }
    folder = ROOT / "docs" / "results"
    write_json(folder / "networks.json", data)
    (folder / "networks.md").write_text(_page(data, ROOT / "benchmarks" / "notes" / "networks.md"), encoding="utf-8")


def counts(seed: int) -> dict[str, Any]:
    """Counts by formula against those of built modules, and seconds of the formulas."""
    import torch

    from archllm import load_space
    from archllm.networks.counting import count_macs, count_params
    from archllm.objectives.table import find_table, load_table

    found: dict[str, Any] = {}
    for name in SPACES:
        space = load_space(name)
        whole = space.enumerate() if space.enumerable else space.sample(100_000, np.random.default_rng(seed))
        start = time.perf_counter()
        params = space.params(whole)
        middle = time.perf_counter()
        macs = space.macs(whole)
        end = time.perf_counter()
        rows, agree = np.random.default_rng(seed).choice(len(whole), BUILT, replace=False), 0
        for row in rows.tolist():
            with torch.device("meta"):
                network = space.architecture(whole[row]).build()
            image = space.network_options().image
            agree += (count_params(network), count_macs(network, image)) == (params[row], macs[row])
        found[name] = {
            "cells": len(whole),
            "params_seconds": middle - start,
            "macs_seconds": end - middle,
            "built": len(rows),
            "agree": int(agree),
        }
    found["nasbench201"]["every_cell"] = _every_cell()
    sample = load_table(find_table("nasbench101"), load_space("nasbench101"))
    start = time.perf_counter()
    load_space("nasbench101").params(sample.graphs)
    found["nasbench101_sample"] = {"cells": len(sample), "params_seconds": time.perf_counter() - start}
    return found


def _every_cell() -> int:
    """How many of all NAS-Bench-201 cells have as many parameters, built with one cell a stage, as the formula says."""
    import torch

    from archllm import load_space
    from archllm.networks.counting import count_params

    space = load_space("nasbench201")
    whole = space.enumerate()
    params, agree = space.params(whole, cells=1), 0
    for arch, expected in zip(space.architectures(whole), params, strict=True):
        with torch.device("meta"):
            agree += count_params(arch.build(cells=1)) == expected
    return int(agree)


def exports(name: str, n: int, seed: int, options: dict[str, int]) -> dict[str, Any]:
    """Differences and seconds of each form, for networks with these options."""
    from archllm import load_space

    space = load_space(name)
    cells = space.architectures(space.sample(n, np.random.default_rng([seed, 1])))
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for form, ending in EXPORTS.items():
            differences, seconds = [], []
            for cell in cells:
                start = time.perf_counter()
                exported = cell.export(Path(folder) / f"cell{ending}", form, **options)
                seconds.append(time.perf_counter() - start)
                differences.append(exported.difference)
            found[form] = {"differences": differences, "seconds": seconds}
            print(name, form, max(differences), np.mean(seconds), flush=True)
    return found


def training(n: int, seed: int) -> dict[str, Any]:
    """Candidates a minute with one process and with two, the same candidates."""
    from archllm import load_space

    space = load_space("nasbench201")
    texts = [cell.text for cell in space.architectures(space.sample(n, np.random.default_rng([seed, 2])))]
    found: dict[str, Any] = {}
    for processes in (1, 2):
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(_train, texts[:processes]))  # imports and images are loaded before the clock runs
            start = time.perf_counter()
            scores = list(pool.map(_train, texts))
            minutes = (time.perf_counter() - start) / 60
        found[str(processes)] = {"per_minute": n / minutes, "scores": scores}
        print(processes, n / minutes, flush=True)
    return found


def _train(text: str) -> float | None:
    import torch

    from archllm import load_space
    from archllm.objectives import load_objective

    torch.set_num_threads(1)
    space = load_space("nasbench201")
    return load_objective("train:digits", space).evaluate(space.parse(text)).value


def _page(data: dict[str, Any], notes: Path) -> str:
    about, arguments = data["about"], data["arguments"]
    command = f"python -m benchmarks.networks --exports {arguments['exports']} --candidates {arguments['candidates']}"
    made = f"commit {about['commit']} · {about['machine']}, {about['threads']} thread · {about['date']}"
    lines = ["# Networks", "", f"`{command}` · {made}", "", "## Parameters and multiply-accumulates", ""]
    lines += ["Counted by formula, and in built modules of the paper's size (CIFAR-10).", ""]
    lines += ["| | cells counted | parameters, seconds | MACs, seconds | cells built | both counts equal |"]
    lines += ["|---|---|---|---|---|---|"]
    for name in SPACES:
        found = data["counts"][name]
        lines.append(
            f"| {name} | {found['cells']:,} | {found['params_seconds']:.3f} | {found['macs_seconds']:.3f} | "
            f"{found['built']:,} | {found['agree']:,} |"
        )
    sample = data["counts"]["nasbench101_sample"]
    every = data["counts"]["nasbench201"]["every_cell"]
    lines += [
        "",
        f"Of all 15,625 cells of NAS-Bench-201, built with one cell a stage, {every:,} have the parameters of",
    ]
    lines += ["the formula; a network of any depth has those of a stage's cells so many times over."]
    lines += ["", f"The {sample['cells']:,} cells of the NAS-Bench-101 sample: {sample['params_seconds']:.2f} s.", ""]
    lines += ["## Export", ""]
    lines += [
        "The largest difference of outputs relative to the largest output, over two batches of random images, and"
    ]
    lines += ["seconds an export, verification included.", ""]
    lines += ["| | cells | " + " | ".join(f"{form}: difference | seconds" for form in EXPORTS) + " |"]
    lines += ["|---" * (2 * len(EXPORTS) + 2) + "|"]
    for kind, title in (("exports", "shallow"), ("full_exports", "paper's size")):
        for name in SPACES:
            cells = [
                f"{max(found['differences']):.1e} | {np.mean(found['seconds']):.1f} ± {np.std(found['seconds']):.1f}"
                for found in data[kind][name].values()
            ]
            count = len(data[kind][name]["python"]["differences"])
            lines.append(f"| {name}, {title} | {count} | " + " | ".join(cells) + " |")
    lines += ["", "## Training on digits", "", "| processes | candidates a minute |", "|---|---|"]
    lines += [f"| {n} | {found['per_minute']:.1f} |" for n, found in data["training"].items()]
    same = data["training"]["1"]["scores"] == data["training"]["2"]["scores"]
    lines += ["", f"Scores of both runs are {'the same' if same else 'different'}.", ""]
    return "\n".join([*lines, notes.read_text(encoding="utf-8").strip(), ""])


if __name__ == "__main__":
    main()
