"""The page of a fit: the network, how good it is, how it was found, and how its files are used; one file to send on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from archllm.classifier.fitted import Fitted
from archllm.classifier.judging import Judged, wilson
from archllm.drawing.png import png_uri
from archllm.reporting.charts import Axes, Dots, Line, Mark, chart
from archllm.reporting.file_uses import uses
from archllm.reporting.html import rendered
from archllm.reporting.panels import Panel, padded, staircase
from archllm.reporting.words import duration, figure
from archllm.searchers.pareto import non_dominated

MOST_CLASSES = 25
"""Classes up to which the whole confusion matrix is shown; of more, the commonest confusions are."""

EXAMPLES = 12
"""Images that are shown of those got right, and of those got wrong."""

CONFUSIONS = 20
"""Pairs of classes that are listed where there are too many for a matrix."""

_SMALLEST_SHOWN = 64  # pixels that the side of an example has on the page at least


def page(found: Fitted) -> str:
    """The text of the HTML file.

    Args:
        found: what a fit found.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    judged, chosen = found.judged, found.chosen
    classes = found.summary.classes
    small = len(classes) <= MOST_CLASSES
    context: dict[str, Any] = {
        "found": found,
        "name": Path(found.summary.name).name or found.summary.name,
        "classes": classes,
        "headline": _tiles(found),
        "svg": chosen.arch.svg(),
        "learning": _learning(found),
        "front": [_latency(found), _size(found, "parameters", "params"), _size(found, "multiply-accumulates", "macs")],
        "matrix": _matrix(judged) if small else None,
        "confusions": [] if small else _confusions(judged, classes),
        "per_class": _per_class(judged, classes),
        "right": _examples(found, True),
        "wrong": _examples(found, False),
        "wrongs": len(judged.labels) - judged.right,
        "spent": [(name, duration(seconds)) for name, seconds in found.seconds.items()],
        "whole": duration(sum(found.seconds.values())),
        "finalists": found.finalists,
        "earlier": found.earlier,
        "setting": {"image size": found.plan.scale.image_size, **found.plan.scale.network},
        "remarks": found.summary.lines(),
        "files": found.files,
        "uses": uses(found),
        "facts": _facts(found),
        "no_better": judged.interval[0] <= judged.chance,
    }
    return rendered("classifier.html.j2", context)


def _tiles(found: Fitted) -> list[tuple[str, str, str]]:
    judged, chosen, timing = found.judged, found.chosen, found.timing
    low, high = judged.interval
    onnx = next(each for each in found.files if each.format == "onnx")
    return [
        ("test accuracy", f"{judged.accuracy:.1f} %", f"95 % interval {low:.1f} to {high:.1f} %"),
        ("latency", f"{timing.ms:.3g} ms", f"{timing.low:.3g} to {timing.high:.3g} ms, one image, one thread here"),
        ("parameters", f"{chosen.params:,}", f"model.onnx has {onnx.size:,} bytes"),
        ("multiply-accumulates", f"{chosen.macs:,}", "for one image"),
        ("chance", f"{judged.chance:.1f} %", "always the commonest class"),
        (
            "time",
            duration(sum(found.seconds.values())),
            f"{found.trials.queries} short and {len(found.finalists)} full trainings",
        ),
    ]


def _learning(found: Fitted) -> Panel:
    """Validation accuracy of the networks that went on after the search, over their training."""
    marks: list[Mark] = []
    legend = [("own", "the chosen network")]
    for each in (*found.earlier, *reversed(found.finalists)):
        points = np.array(each.trained.curve, dtype=np.float64).reshape(-1, 2)
        marks.append(Line(points[:, 0], points[:, 1], "own" if each is found.chosen else "random"))
    if len(marks) > 1:
        legend.append(("random", "the others that went on after the search"))
    end = found.chosen.trained.accuracy
    says = f"Validation accuracy of the chosen network over its training: {end:.1f} % at the end"
    axes = Axes("seconds of training", "validation accuracy, %", says)
    rounds = len(found.plan.rounds)
    note = "The learning rate falls to zero at the end" + (f" of each of {rounds} rounds." if rounds > 1 else ".")
    return Panel("Learning curve", chart(marks, axes), tuple(legend), note)


def _size(found: Fitted, label: str, name: str) -> Panel:
    """Accuracy after a short training against a size, of everything that was tried."""
    sizes = {trial.text: float(trial.evaluation.metrics[name]) for trial in found.trials.trials if trial.values}
    return _front(found, label, sizes | {each.name: float(getattr(each, name)) for each in found.known})


def _latency(found: Fitted) -> Panel:
    """The same against latency, of those that were measured."""
    panel = _front(found, "ms an image", found.milliseconds)
    measured = "Networks on the fronts of size and the most accurate were measured, without resizing and normalisation."
    return replace(panel, title="Accuracy against latency", note=f"{panel.note} {measured}")


def _front(found: Fitted, label: str, costs: Mapping[str, float]) -> Panel:
    """Accuracy after a short training against a cost, of what it is known of, by text or name."""
    over = [trial for trial in found.trials.trials if trial.values is not None and trial.text in costs]
    known = [each for each in found.known if each.name in costs]
    x = np.array([costs[trial.text] for trial in over], dtype=np.float64)
    y = np.array([trial.values[0] for trial in over if trial.values], dtype=np.float64)
    best = np.asarray(non_dominated(np.stack([y, -x], 1)), dtype=np.bool_) if len(over) else np.zeros(0, dtype=np.bool_)
    tips = [f"{figure(b)} %, {figure(a)} {label}" for a, b in zip(x, y, strict=True)]
    finalists = {each.arch.text for each in found.finalists}
    full = np.array([trial.text in finalists for trial in over], dtype=np.bool_)
    marks: list[Mark] = [Dots(x, y, "trial", 3.0, tips), staircase(x[best], y[best], -1.0, "own")]
    marks.append(Dots(x[full], y[full], "own", 4.6, [tip for tip, own in zip(tips, full, strict=True) if own]))
    legend = [("trial dot", "short trainings"), ("own", "front"), ("own dot", "trained fully afterwards")]
    known_x = np.array([costs[each.name] for each in known], dtype=np.float64)
    known_y = np.array([each.accuracy for each in known], dtype=np.float64)
    if known:
        told = [f"{each.name}: {figure(each.accuracy)} %, {figure(costs[each.name])} {label}" for each in known]
        marks.append(Dots(known_x, known_y, "c4", 4.6, told))
        legend.append(("c4 dot", f"{', '.join(each.name for each in known)}, trained as shortly"))
    x, y = np.concatenate([x, known_x]), np.concatenate([y, known_y])
    says = f"Validation accuracy after a short training against {label}: {len(over)} networks"
    axes = (
        Axes(label, "accuracy after a short training, %", says, padded(x), padded(y))
        if len(over)
        else Axes(label, "", says)
    )
    note = f"A short training takes {found.plan.short:.1f} s; full ones reach more."
    return Panel(f"Accuracy against {label}", chart(marks, axes), tuple(legend), note)


def _matrix(judged: Judged) -> list[list[tuple[int, str]]]:
    """Counts of the confusion matrix with the strength of their background, from 0 to 1."""
    confusion = judged.confusion
    shares = confusion / np.maximum(1, confusion.sum(1, keepdims=True))
    return [
        [(int(count), f"{float(share):.2f}") for count, share in zip(row, part, strict=True)]
        for row, part in zip(confusion, shares, strict=True)
    ]


def _confusions(judged: Judged, classes: Sequence[str]) -> list[tuple[str, str, int]]:
    """The commonest wrong answers: the class, what it was taken for, how often."""
    wrong = judged.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    rows, columns = np.unravel_index(order, wrong.shape)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(classes[row], classes[column], int(wrong[row, column])) for row, column in pairs if wrong[row, column]]


def _per_class(judged: Judged, classes: Sequence[str]) -> list[tuple[str, int, str, str, str]]:
    """Name, images, recall with its interval, and precision of each class."""
    confusion = judged.confusion
    rows = []
    for at, name in enumerate(classes):
        right, images, answers = int(confusion[at, at]), int(confusion[at].sum()), int(confusion[:, at].sum())
        low, high = wilson(right, images)
        recall = f"{right / images:.0%}" if images else "–"
        precision = f"{right / answers:.0%}" if answers else "–"
        rows.append((name, images, recall, f"{low:.0%} to {high:.0%}", precision))
    return rows


def _examples(found: Fitted, right: bool) -> list[dict[str, str]]:
    judged, classes = found.judged, found.summary.classes
    return [
        {
            "uri": png_uri(found.images[row]),
            "label": classes[judged.labels[row]],
            "answer": classes[judged.answers[row]],
            "sure": f"{float(judged.probabilities[row].max()):.0%}",
            "size": str(max(_SMALLEST_SHOWN, found.images.shape[2])),
        }
        for row in judged.examples(right, EXAMPLES)
    ]


def _facts(found: Fitted) -> dict[str, str]:
    plan, request = found.plan, found.request
    return {
        "images": request.data,
        "limits": str(request.limits),
        "minutes asked for": f"{request.minutes:g}",
        "seed": str(request.seed),
        "space": found.chosen.arch.space.name,
        "architecture": found.chosen.arch.text,
        "search": f"{plan.method}, short trainings: {found.trials.queries}, failed: {found.trials.failed}",
        "chosen by": f"validation accuracy at the end of its training, {found.chosen.trained.accuracy:.1f} %",
        "training images seen": f"{found.chosen.trained.images:,}",
        "run folder": str(found.folder),
    }
