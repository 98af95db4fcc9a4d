"""The page of predictors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, commits, markdown, provenance, spread, verdict

TARGET = 0.82
TITLES = {"nasbench201": "NAS-Bench-201", "nasbench101": "NAS-Bench-101, the sample of 30,001 cells"}
PUBLISHED = {("nasbench201", 156): 0.804, ("nasbench101", 424): 0.809}
"""NN-Former, as quoted in a second-hand note; on NAS-Bench-101 with 0.1 % of all cells as labels."""

KINDS = ("gaussian", "ensemble", "both")

README: dict[str, Callable[[list[Result]], str]] = {}

INTRO = """\
A predictor sees the accuracies of a few random cells and ranks all others. All metrics are mean ± standard deviation
over draws of labels. *Kendall's tau* is taken over all cells without a label (validation accuracy after the full
training). *Hits*: share of the 50 cells ranked highest that belong to the best 1 % of all. *Regret*: difference in
accuracy between the best cell of all and the best of those 50, in percentage points."""

FEATURES = """\
**Features.** `tokenizer`, `codes` and `prior` are embeddings that ArchLLM learned from cells without any score: the
encoder's vectors, the vectors of the codes, the language model's hidden states. `VAE` is the latent of the baseline in
`archllm.baselines`, trained on the same cells. `one-hot` and `path` (counts of the operation sequences along paths)
are the usual hand-made encodings. *Averaged* means over all cells that compute the same function, once operations
without effect are removed and skip connections are contracted: 4,930 functions in NAS-Bench-201, while in
NAS-Bench-101 each has one cell only. `training-free`: parameters, MACs, and counts over the paths that have an
effect."""

CHOICE = """\
**How settings were chosen.** On a development task, the accuracies on CIFAR-100, with draws of labels of their own,
never on the test task, CIFAR-10. NAS-Bench-101 has the same settings, so nothing was chosen on it. The two tasks share
their cells and agree in much, which a search on a new data set can't count on; the settings are few and coarse. One
change each from the default, on the development task:"""


def page(results: list[Result]) -> str:
    """The page."""
    final = of(results, part="result")
    parts = ["# Predictors", INTRO, FEATURES]
    for space, title in TITLES.items():
        if own := of(final, space=space):
            parts += [f"## {title}", _verdict(space, own), _table(own, "tau", 3)]
            parts += ["Kendall's tau by kind of predictor:", _kinds(own)]
            parts += ["Hits among the 50 ranked highest:", _table(own, "hits", 2)]
            parts += ["Regret of the best among them:", _table(own, "regret", 2)]
    tuned = of(results, part="settings")
    parts += ["## Settings", CHOICE, _settings(tuned) if tuned else "Not measured yet."]
    parts += ["## Cost", _cost(final), "## How it was measured", provenance(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(space: str, own: list[Result]) -> str:
    """The best set of features at the published number of labels, beside the target and what is published."""
    labels = 156 if space == "nasbench201" else 424
    found = {name: _values(own, name, labels, "both", "tau") for name in _names(own)}
    means = {name: float(np.mean(values)) for name, values in found.items() if values}
    if not means:
        return f"Not measured yet with {labels} labels."
    best = max(means, key=means.__getitem__)
    others = {name: mean for name, mean in means.items() if "training-free" not in name}
    text = f"With {labels} labels the best features are `{best}`: {spread(found[best], 3)}"
    if others:
        first = max(others, key=others.__getitem__)
        text += f"; without training-free features `{first}`: {spread(found[first], 3)}"
    text += f". Published: {PUBLISHED[space, labels]} (NN-Former, from a second-hand note; other draws of labels)."
    if space == "nasbench201":
        text += f" The target of {TARGET} is **{verdict(means[best], TARGET, 3)}**"
        if others:
            text += f"; without training-free features it is **{verdict(max(others.values()), TARGET, 3)}**"
        text += "."
    return text


def _table(own: list[Result], metric: str, digits: int) -> str:
    sizes = sorted({size for result in own for size in result["labels"]})
    rows = []
    for name in _names(own):
        cells = [spread(_values(own, name, size, "both", metric), digits) for size in sizes]
        rows.append([name, *cells, commits(of(own, set=name))])
    return markdown(["features", *(f"{size:,} labels" for size in sizes), "commit"], rows)


def _kinds(own: list[Result]) -> str:
    sizes = [size for size in (20, 50, 156) if any(size in result["labels"] for result in own)]
    head = ["features", *(f"{kind}, {size}" for size in sizes for kind in KINDS)]
    return markdown(
        head,
        [
            [name, *(spread(_values(own, name, size, kind, "tau"), 3) for size in sizes for kind in KINDS)]
            for name in _names(own)
        ],
    )


def _settings(tuned: list[Result]) -> str:
    rows = []
    for result in tuned:
        cells = []
        for labels in result["labels"]:
            cells += [_mean(_values([result], result["set"], labels, kind, "tau"), 3) for kind in KINDS]
            cells.append(_mean(_values([result], result["set"], labels, "both", "hits"), 2))
        rows.append([result["setting"], result["set"], *cells, commits([result])])
    columns = [f"{what}, {n}" for n in tuned[0]["labels"] for what in (*KINDS, "hits of both")]
    return markdown(["setting", "features", *columns, "commit"], rows)


def _cost(final: list[Result]) -> str:
    rows = []
    for space in TITLES:
        own = of(final, space=space)
        for size in sorted({size for result in own for size in result["labels"]}):
            timed = [row for result in own for row in result["rows"] if row["labels"] == size]
            fits, predictions = ([row[f"{what}_seconds"] for row in timed] for what in ("fit", "predict"))
            rows.append([TITLES[space], f"{size:,}", _mean(fits, 2), _mean(predictions, 2)])
    trained = {result["space"]: result["training_seconds"] for result in final}
    without = "; ".join(
        f"{TITLES[space]}: tokenizer {seconds['tokenizer']:.0f} s, prior {seconds['prior']:.0f} s"
        for space, seconds in trained.items()
    )
    text = f"CPU seconds of one fit of `both` and of one ranking of all cells. Pretraining without labels: {without}."
    return text + "\n\n" + markdown(["space", "labels", "fit", "ranking"], rows)


def _names(own: list[Result]) -> list[str]:
    return list(dict.fromkeys(result["set"] for result in own))


def _values(own: list[Result], name: str, labels: int, kind: str, metric: str) -> list[float]:
    rows = [row for result in of(own, set=name) for row in result["rows"]]
    return [row[kind][metric] for row in rows if row["labels"] == labels]


def _mean(values: list[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f}" if values else NONE
