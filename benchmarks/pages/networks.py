"""The page of networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import commits, markdown, provenance, spread

TITLES = {"nasbench101": "NAS-Bench-101", "nasbench201": "NAS-Bench-201", "darts": "DARTS"}
FORMS = ("python", "torch", "onnx")
KINDS = {"shallow": "shallow networks", "full": "the paper's size"}

README: dict[str, Callable[[list[Result]], str]] = {}


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# Networks", "## Parameters and multiply-accumulates", *_counts(results), *_permutations(results)]
    parts += ["## Export", *_exports(results), "## Training on digits", *_training(results), *_noise(results)]
    return "\n\n".join([*parts, "## How it was measured", provenance(results)]) + "\n"


def _counts(results: list[Result]) -> list[str]:
    rows, notes = [], []
    for result in of(results, part="counts"):
        seconds = (f"{result[name]:.3f}" for name in ("params_seconds", "macs_seconds"))
        counts = (str(result["built"]), str(result["agree"]), commits([result]))
        rows.append([TITLES[result["space"]], f"{result['counted']:,}", *seconds, *counts])
        if "sample" in result:
            taken = f"{result['sample']['params_seconds']:.2f} s"
            notes.append(f"The {result['sample']['cells']:,} cells of the NAS-Bench-101 sample take {taken}.")
        if "every_cell" in result:
            notes.append(
                "All cells of NAS-Bench-201 were built with one cell a stage: the parameters of "
                f"{result['every_cell']:,} of 15,625 equal those of the formula."
            )
    head = ["", "cells counted", "parameters, s", "MACs, s", "cells built", "both counts equal", "commit"]
    text = (
        "Counted by formula for whole spaces (DARTS: random genotypes), and in modules of random cells. Networks have "
        "the size of the space's paper."
    )
    return [text, markdown(head, rows), *notes]


def _permutations(results: list[Result]) -> list[str]:
    return [
        f"The size of {found['depend']:,} of {found['cells']:,} random NAS-Bench-101 cells depends on the order of "
        f"their nodes (seen over {found['permutations']} random permutations): by {found['median_spread']:.2%} in the "
        f"median, {found['largest_spread']:.2%} at most. Networks are built in the benchmark's own order; our "
        f"canonical form would give another count for {found['canonical_form_differs']:,} of the 423,624 cells "
        f"({commits([found])})."
        for found in of(results, part="permutations")
    ]


def _exports(results: list[Result]) -> list[str]:
    rows = []
    for kind, title in KINDS.items():
        for result in of(results, part=kind):
            each = [
                cell
                for form in FORMS
                for cell in (f"{max(result[form]['differences']):.1e}", spread(result[form]["seconds"], 1))
            ]
            rows.append([f"{TITLES[result['space']]}, {title}", str(result["cells"]), *each, commits([result])])
    head = ["", "cells", *(f"{form}{what}" for form in FORMS for what in (": difference", ", s")), "commit"]
    text = (
        "The largest difference of outputs relative to the largest output, over two batches of random images, and "
        "seconds an export, verification included."
    )
    return [text, markdown(head, rows)]


def _training(results: list[Result]) -> list[str]:
    parts = []
    for result in of(results, part="training"):
        rows = [[processes, f"{result[processes]['per_minute']:.1f}", commits([result])] for processes in ("1", "2")]
        same = "the same" if result["1"]["scores"] == result["2"]["scores"] else "NOT the same"
        parts.append(markdown(["processes", "NAS-Bench-201 candidates a minute", "commit"], rows))
        parts.append(f"{result['candidates']} candidates, default settings; the scores of both runs are {same}.")
    return parts


def _noise(results: list[Result]) -> list[str]:
    from scipy.stats import spearmanr

    parts = []
    for result in of(results, part="noise"):
        scores = np.array(result["scores"], dtype=np.float64)
        deviation = float(np.sqrt(scores.var(0, ddof=1).mean()))
        between = [float(spearmanr(scores[i], scores[j]).statistic) for i in range(len(scores)) for j in range(i)]
        with_cifar = [float(spearmanr(row, result["cifar10"]).statistic) for row in scores]
        parts.append(
            f"The same cells with {len(scores)} seeds each (split, weights, order of images): between seeds, the score "
            f"of a cell has a standard deviation of {deviation:.2f} points, so a difference of less than "
            f"{2 * 2**0.5 * deviation:.1f} points between two candidates means little (two standard deviations of a "
            f"difference). Rank correlation between seeds: {spread(between, 2)}; with the accuracy on CIFAR-10 "
            f"(validation, 200 epochs): {spread(with_cifar, 2)} ({commits([result])})."
        )
    return parts
