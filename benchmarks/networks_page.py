"""The page of results of `benchmarks.networks`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.networks import EXPORTS, SPACES
from benchmarks.record import write_json

TITLES = {"nasbench101": "NAS-Bench-101", "nasbench201": "NAS-Bench-201", "darts": "DARTS"}


def write_page(data: dict[str, Any], folder: Path) -> None:
    """Writes `networks.json`, with every raw number, and `networks.md`.

    Args:
        data: what each job wrote, by name of the job.
        folder: where to write.
    """
    from archllm.files import write_text

    results = {name: job["result"] for name, job in data.items()}
    parts = [["# Networks", "", _head(data)], _counts(results), _exports(results), _training(results)]
    write_json(folder / "networks.json", data)
    write_text(folder / "networks.md", "\n\n".join("\n".join(part) for part in parts) + "\n")


def _head(data: dict[str, Any]) -> str:
    about = [job["about"] for job in data.values()]
    commits = ", ".join(sorted({each["commit"] for each in about}))
    loads = [each["load"] for each in about]
    return (
        f"`python -m benchmarks.networks` · commit {commits} · {about[0]['machine']}, 1 thread a job, load average "
        f"{min(loads)} to {max(loads)} at the start of jobs · torch {about[0]['torch']} · {about[0]['date']}"
    )


def _counts(results: dict[str, Any]) -> list[str]:
    rows = {space: results[f"counts-{space}"] for space in SPACES}
    sample, every, order = rows["nasbench101"]["sample"], rows["nasbench201"]["every_cell"], results["orders"]
    table = [
        "| | cells counted | parameters, s | MACs, s | cells built | both counts equal |",
        "|---|---|---|---|---|---|",
    ]
    for space, row in rows.items():
        seconds = f"{row['params_seconds']:.3f} | {row['macs_seconds']:.3f}"
        table.append(f"| {TITLES[space]} | {row['cells']:,} | {seconds} | {row['built']} | {row['agree']} |")
    return [
        "## Parameters and multiply-accumulates",
        "",
        "Counted by formula for whole spaces (DARTS: random genotypes), and in modules of random cells.",
        "Networks have the size of the space's paper.",
        "",
        *table,
        "",
        f"The {sample['cells']:,} cells of the NAS-Bench-101 sample take {sample['params_seconds']:.2f} s.",
        f"All cells of NAS-Bench-201 were built with one cell a stage: {every:,} of 15,625 have the",
        "formula's parameters.",
        "",
        f"The size of {order['depend']:,} of {order['cells']:,} random NAS-Bench-101 cells depends on the order of",
        f"their vertices (seen over {order['copies']} random orders): by {order['median_spread']:.2%} in the median,",
        f"{order['largest_spread']:.2%} at most. Networks are made in the benchmark's own order; our normal form",
        f"would give another count for {order['normal_form_differs']:,} of the 423,624 cells.",
    ]


def _exports(results: dict[str, Any]) -> list[str]:
    table = [
        "| | cells | " + " | ".join(f"{form}: difference | s" for form in EXPORTS) + " |",
        "|---" * (2 * len(EXPORTS) + 2) + "|",
    ]
    for kind, title in (("shallow", "shallow networks"), ("full", "the paper's size")):
        for space in SPACES:
            found = results[f"{kind}-{space}"]
            cells = " | ".join(
                f"{max(form['differences']):.1e} | {_mean(form['seconds'], 1)}" for form in found.values()
            )
            table.append(f"| {TITLES[space]}, {title} | {len(found['python']['seconds'])} | {cells} |")
    return [
        "## Export",
        "",
        "The largest difference of outputs relative to the largest output, over two batches of random images,",
        "and seconds an export, verification included.",
        "",
        *table,
    ]


def _training(results: dict[str, Any]) -> list[str]:
    from scipy.stats import spearmanr

    speed, found = results["training"], results["noise"]
    scores = np.array(found["scores"], dtype=np.float64)
    deviation = float(np.sqrt(scores.var(0, ddof=1).mean()))
    between = [spearmanr(scores[i], scores[j]).statistic for i in range(len(scores)) for j in range(i)]
    with_cifar = [spearmanr(row, found["cifar10"]).statistic for row in scores]
    same = "the same" if speed["1"]["scores"] == speed["2"]["scores"] else "NOT the same"
    return [
        "## Training on digits",
        "",
        "| processes | NAS-Bench-201 candidates a minute |",
        "|---|---|",
        *(f"| {processes} | {speed[processes]['per_minute']:.1f} |" for processes in ("1", "2")),
        "",
        f"{speed['candidates']} candidates, default settings; the scores of both runs are {same}.",
        "",
        f"The same cells with {len(scores)} seeds each (split, weights, order of images): between seeds, the score of",
        f"a cell has a standard deviation of {deviation:.2f} points, so a difference of less than",
        f"{2 * 2**0.5 * deviation:.1f} points between two candidates means little (two standard deviations of a",
        f"difference). Rank correlation between seeds: {_mean(between, 2)}; with the accuracy on CIFAR-10 (validation,",
        f"200 epochs): {_mean(with_cifar, 2)}.",
    ]


def _mean(values: list[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"
