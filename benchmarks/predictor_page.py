"""docs/results/predictor.{json,md} from the files of the jobs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from archllm.files import write_text
from benchmarks.record import write_json

Result = dict[str, Any]

TARGET = 0.82
TITLES = {"nasbench201": "NAS-Bench-201", "nasbench101": "NAS-Bench-101, the sample of 30,001 cells"}
PUBLISHED = {("nasbench201", 156): 0.804, ("nasbench101", 424): 0.809}
"""NN-Former, as quoted in a second-hand note; on NAS-Bench-101 with 0.1 % of all cells as labels."""

INTRO = """\
A predictor sees the accuracies of a few random cells and ranks all others. Figures are mean ± standard deviation over
draws of labels. *Kendall's tau* is taken over all cells without a label (validation accuracy after the full training).
*Hits*: share of the 50 cells ranked highest that belong to the best 1 % of all. *Regret*: what the best of those 50
lacks to the best cell of all, in points of accuracy."""

FEATURES = """\
**Features.** `tokenizer`, `codes` and `prior` are embeddings that ArchLLM learned from cells without any score: the
encoder's vectors, the vectors of the codes, the language model's hidden states. `VAE` is the latent of the baseline in
`archllm.baselines`, trained on the same cells. `one-hot` and `path` (counts of the words that paths spell) are the
usual encodings by hand. *Averaged* means over all cells that compute the same, once operations without effect are cut
out and skips are bridged: 4,930 computations in NAS-Bench-201, while in NAS-Bench-101 each is written in one way.
`free` needs no training either: parameters, MACs, and counts over the paths that have an effect."""

CHOICE = """\
**How settings were chosen.** On the accuracies of CIFAR-100 (`cifar100_valid`) with draws of labels of their own, never
on the judged column, CIFAR-10. NAS-Bench-101 has the same settings, so nothing was chosen on it. The two columns belong
to the same cells and agree in much, which a search on a new data set can't count on; the settings are few and coarse.
One change each from the default, on the tuning column:"""


def write_page(results: list[Result], folder: Path) -> None:
    """Writes the raw figures as JSON and the page that shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "predictor.json", results)
    final = [result for result in results if result["part"] == "result"]
    parts = ["# Predictors", _head(results), INTRO, FEATURES]
    for space, title in TITLES.items():
        own = [result for result in final if result["space"] == space]
        if own:
            parts += [f"## {title}", _verdict(space, own), _table_of(own, "tau", "both", 3)]
            parts += ["Kendall's tau by kind of predictor (" + _kinds_at(own) + "):", _kinds(own)]
            parts += ["Hits among the 50 ranked highest:", _table_of(own, "hits", "both", 2)]
            parts += ["Regret of the best among them:", _table_of(own, "regret", "both", 2)]
    tuned = [result for result in results if result["part"] == "settings"]
    parts += [
        "## Settings",
        CHOICE,
        _settings(tuned) if tuned else "That table is not measured yet.",
        "## Cost",
        _cost(final),
    ]
    write_text(folder / "predictor.md", "\n\n".join(part for part in parts if part) + "\n")


def _head(results: list[Result]) -> str:
    about = results[-1]["about"]
    commits = ", ".join(sorted({result["about"]["commit"] for result in results}))
    loads = [result["about"]["load"] for result in results]
    seeds = " ".join(map(str, next((r["seeds"] for r in results if r["part"] == "result"), [])))
    minutes = sum(result["wall"] for result in results) / 60
    return (
        f"`python -m benchmarks.predictor --seeds {seeds}` · commit {commits} · {about['machine']}, {about['threads']} "
        f"thread a job, load average {min(loads):.0f} to {max(loads):.0f} at the end of jobs · torch {about['torch']} "
        f"· {about['date']} · {minutes:.0f} minutes of jobs"
    )


def _verdict(space: str, own: list[Result]) -> str:
    """The best set at the published number of labels, beside the target and what is published."""
    labels = 156 if space == "nasbench201" else 424
    found = {name: _values(own, name, labels, "both", "tau") for name in _names(own)}
    means = {name: float(np.mean(values)) for name, values in found.items() if values}
    if not means:
        return f"Not measured yet with {labels} labels."
    best = max(means, key=means.__getitem__)
    learned = {name: mean for name, mean in means.items() if "free" not in name}
    text = f"With {labels} labels the best features are `{best}`: {_spread(found[best], 3)}"
    if learned:
        first = max(learned, key=learned.__getitem__)
        text += f"; without free features `{first}`: {_spread(found[first], 3)}"
    text += f". Published: {PUBLISHED[space, labels]} (NN-Former, from a second-hand note; other draws of labels)."
    if space == "nasbench201":
        verdict = "reached" if means[best] >= TARGET else "missed"
        text += f" The target of {TARGET} is **{verdict}**"
        if learned:
            text += f"; by learned or hand-made features alone it is **{_reached(max(learned.values()))}**"
        text += "."
    return text


def _reached(value: float) -> str:
    return "reached" if value >= TARGET else "missed"


def _table_of(own: list[Result], figure: str, kind: str, digits: int) -> str:
    sizes = sorted({size for result in own for size in result["labels"]})
    rows = []
    for name in _names(own):
        cells = [_spread(_values(own, name, size, kind, figure), digits) for size in sizes]
        rows.append([name, *cells])
    return _table(["features", *(f"{size:,} labels" for size in sizes)], rows)


def _kinds_at(own: list[Result]) -> str:
    return "20, 50 and 156 labels" if any(20 in result["labels"] for result in own) else "labels as measured"


def _kinds(own: list[Result]) -> str:
    sizes = [size for size in (20, 50, 156) if any(size in result["labels"] for result in own)]
    head = ["features", *(f"{kind}, {size}" for size in sizes for kind in ("gaussian", "ensemble", "both"))]
    rows = []
    for name in _names(own):
        kinds = ("gaussian", "ensemble", "both")
        cells = [_spread(_values(own, name, size, kind, "tau"), 3) for size in sizes for kind in kinds]
        rows.append([name, *cells])
    return _table(head, rows)


def _settings(tuned: list[Result]) -> str:
    rows = []
    for result in tuned:
        cells = []
        for labels in result["labels"]:
            for kind in ("gaussian", "ensemble", "both"):
                cells.append(_mean(_values([result], result["set"], labels, kind, "tau"), 3))
            cells.append(_mean(_values([result], result["set"], labels, "both", "hits"), 2))
        rows.append([result["setting"], result["set"], *cells])
    columns = [f"{what}, {n}" for n in tuned[0]["labels"] for what in ("gaussian", "ensemble", "both", "hits of both")]
    return _table(["setting", "features", *columns], rows)


def _cost(final: list[Result]) -> str:
    rows = []
    for space in TITLES:
        own = [result for result in final if result["space"] == space]
        for size in sorted({size for result in own for size in result["labels"]}):
            timed = [r for result in own for r in result["rows"] if r["labels"] == size and "fit_seconds" in r]
            fits, predictions = [r["fit_seconds"] for r in timed], [r["predict_seconds"] for r in timed]
            rows.append([TITLES[space], f"{size:,}", _mean(fits, 2), _mean(predictions, 2)])
    trained = {result["space"]: result["training_seconds"] for result in final}
    without = "; ".join(
        f"{TITLES[space]}: tokenizer {seconds['tokenizer']:.0f} s, prior {seconds['prior']:.0f} s"
        for space, seconds in trained.items()
    )
    text = (
        f"CPU seconds of one fit of `both` and of one ranking of all cells. Trained without labels before: {without}."
    )
    return text + "\n\n" + _table(["space", "labels", "fit", "ranking"], rows)


def _names(own: list[Result]) -> list[str]:
    return list(dict.fromkeys(result["set"] for result in own))


def _values(own: list[Result], name: str, labels: int, kind: str, figure: str) -> list[float]:
    rows: Iterable[Result] = (row for result in own if result["set"] == name for row in result["rows"])
    return [row[figure] for row in rows if row["labels"] == labels and row["kind"] == kind]


def _spread(values: list[float], digits: int) -> str:
    if len(values) < 2:
        return _mean(values, digits)
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def _mean(values: list[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f}" if values else "–"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
