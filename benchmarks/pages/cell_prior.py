"""The page of the prior of cells that ships."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.cell_prior import JUDGED, LABELS, SEARCHES
from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import markdown, notes, provenance
from benchmarks.pages.transfer import queries, regret
from benchmarks.tasks import TASKS

README: dict[str, Callable[[list[Result]], str]] = {}

TARGETS = {"cifar10": 0.85, "nasbench101": 0.80}
"""Spearman correlations without labels that are aimed at, by test task."""

FEW_TARGETS = {5: 0.70, 20: 0.76}
"""Kendall's tau that is aimed at on NAS-Bench-201, CIFAR-10, by labels."""

INTRO = """\
`prior=shipped` knows what published scores of *other* spaces say of cells: an additive model of monotone step
functions of 27 counts by what operations mean (`archllm.predictor.cell_prior`). A space's own scores are left out, so
here it is learned anew for each test space, from one other space alone; the script stops if the test space is among
those it was learned from. Settings were chosen on pairs of development tasks: NAS-Bench-101 after 36 epochs,
NAS-Bench-201 after 12, TransNAS; the test tasks of NAS-Bench-201 had been looked at once before the last of these
choices, so "met" is that of a second look. *Counting*: cells in the order of their 3 x 3 convolutions, then of 1 x 1,
without scores. *Earlier transfer*: what `--transfer` of the same scores (of the first table) expects, a Gaussian
process."""


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# The prior of cells", INTRO]
    for role, title in (("test", "test tasks"), ("development", "development tasks")):
        found = [_ranked(result) for result in of(results, part="rank", role=role)]
        if found:
            head = ["task", "learned from", "counting", "earlier transfer", "prior", "Kendall's tau: counting", "prior"]
            parts += [f"## No labels ({title}): Spearman correlation over all cells", markdown(head, found)]
    if verdict := _verdict(results):
        parts.append(verdict)
    labelled = of(results, part="labels")
    if labelled:
        head = ["task", *(f"{n} labels, {how}" for n in LABELS for how in ("without", "with the prior"))]
        about = (
            "A Gaussian process on the same 27 columns, without and with the prior as its mean, whose weight is fitted "
            "to the labels: mean ± standard deviation over draws of labels."
        )
        rows = [_labelled(result) for result in labelled]
        parts += ["## Few labels (test tasks): Kendall's tau over all other cells", about, markdown(head, rows)]
        parts.append(_few_verdict(labelled))
    searched = [row for task in SEARCHES if (row := _searched(task, results))]
    if searched:
        head = ["task", "role", "queries to the best: none", "shipped"]
        head += [f"regret after {n}: {how}" for n in (10, 20, 50) for how in ("none", "shipped")]
        about = (
            "Mean number of evaluations until the best cell, 61 for a search that had not found it after 60; in "
            "brackets, until one within 0.2 points. The prior as it ships, without the space's own scores."
        )
        parts += ["## In the search: `gp`, without and with `prior=shipped`", about, markdown(head, searched)]
    missing = [TASKS[task].title for task in SEARCHES if not _searched(task, results)]
    if missing:
        parts.append(
            f"Not measured yet: searches on {'; '.join(missing)} (`python -m benchmarks.cell_prior` runs them)."
        )
    return (
        "\n\n".join([*parts, "## What was tried", notes("cell_prior"), "## How it was measured", provenance(results)])
        + "\n"
    )


def _ranked(result: Result) -> list[str]:
    said, tau = result["spearman"], result["tau"]
    each = [f"{said[name]:.3f}" for name in ("counting", "earlier transfer", "prior")]
    source = f"{result['source']}, {result['learned_from']:,} cells"
    return [TASKS[result["task"]].title, source, *each, f"{tau['counting']:.3f}", f"{tau['prior']:.3f}"]


def _verdict(results: list[Result]) -> str:
    lines = []
    for task, least in TARGETS.items():
        for result in of(results, part="rank", task=task):
            said, by = result["spearman"]["prior"], result["spearman"]["counting"]
            lines.append(
                f"- From {JUDGED[task]} to {TASKS[task].title}: {_judged(said, least)}; counting gives {by:.3f}."
            )
    return "\n".join(lines)


def _few_verdict(labelled: list[Result]) -> str:
    lines = []
    for result in labelled:
        if result["task"] != "cifar10":
            continue
        for labels, least in FEW_TARGETS.items():
            mean = float(np.mean(_taus(result, labels, "prior")))
            lines.append(f"- {TASKS['cifar10'].title}, {labels} labels: {_judged(mean, least)}.")
    return "\n".join(lines)


def _judged(found: float, least: float) -> str:
    return f"{found:.3f} against {least:.2f}, " + ("met" if found >= least else f"missed by {least - found:.3f}")


def _taus(result: Result, labels: int, predictor: str) -> list[float]:
    return [row["tau"] for row in result["rows"] if row["labels"] == labels and row["predictor"] == predictor]


def _labelled(result: Result) -> list[str]:
    each = [_taus(result, labels, how) for labels in LABELS for how in ("without", "prior")]
    return [TASKS[result["task"]].title, *(f"{np.mean(taus):.3f} ± {np.std(taus):.3f}" for taus in each)]


def _searched(task: str, results: list[Result]) -> list[str]:
    found = [of(results, part="search", task=task, prior=prior) for prior in ("none", "shipped")]
    if not all(found):
        return []
    runs, points = [each[0]["runs"] for each in found], TASKS[task].points
    counts = [
        f"{np.mean([queries(run) for run in each]):.1f} ({np.mean([queries(run, 0.2 / points) for run in each]):.1f})"
        for each in runs
    ]
    lost = [f"{points * np.mean([regret(run, n) for run in each]):.3f}" for n in (10, 20, 50) for each in runs]
    role = "test" if TASKS[task].role == "test" else "development"
    return [TASKS[task].title, role, *counts, *lost]
