"""The page of zero-cost proxies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import spearmanr

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, commits, markdown, provenance, spread

README: dict[str, Callable[[list[Result]], str]] = {}

NAMES = {
    "params": "`params`",
    "macs": "`macs`",
    "naswot": "`naswot`",
    "synflow": "`synflow`",
    "grad_norm": "`grad_norm`",
    "snip": "`snip`",
    "jacob_cov": "`jacob_cov`",
    "zen": "`zen`",
    "jacob_cov, as published": "`jacob_cov`, gradients through batch statistics",
}

INTRO = """\
Spearman's rank correlation of scores at initialisation with the accuracy on CIFAR-10 after 200 epochs (validation, mean
over the benchmark's seeds), on random cells of NAS-Bench-201: mean ± standard deviation over draws of cells, each with
images and weights of its own seed. A cell without a score ranks last. *Better half*: the same among the cells whose
accuracy is at least the median of their draw. Seconds are CPU time of one evaluation, the network's construction
included. All scores are used as they are, higher is better."""

EXPECTED = """\
*Expected* is the sign that a proxy is meant to have: its paper holds that more is better, and larger networks of this
benchmark tend to be better. No published value is cited: they depend on the networks, images and cells."""

NOTES = """\
**What stands out.** `synflow` and `zen` lead over all cells, but counting parameters does as well within the spread
of draws (it is ahead of both in one of the three). Among the better half, where a search has to choose, `zen` and
`synflow` are ahead of counting in every draw. Over all cells no proxy comes up to 12 epochs of training. `params`
and `macs` order cells alike: by the 3x3 convolutions, then by the 1x1 convolutions, as one of the former outweighs
any number of the latter that a cell has room for.

**What is weak.** `grad_norm` and `snip` have the expected sign in all draws, but are far behind, and among the
better half they are compatible with no correlation at all. The small network is part of it: on the cells that
settings were compared on, three cells a stage bring them from 0.38 and 0.34 to 0.60 and 0.61, but no gain of that
size among the better half. `jacob_cov` tells bad cells from good ones and hardly good ones from each other.

**Cells without a score.** 15 of the 600 cells have no path from input to output; `synflow`, `jacob_cov` and `zen`
refuse them. `naswot` refuses 7 and scores the others, since ReLUs in branches that lead nowhere count as well;
`grad_norm` and `snip` give them 0, the lowest score.

**Where we depart from the papers.** `jacob_cov` holds the statistics of batch norm constant. Passing gradients
through them, as published, is the row below it, lower in every draw; in networks that end in batch norm, such as
those of DARTS, those gradients would vanish. `zen` leaves skip connections in place."""

CHOICE = """\
**What was chosen.** No setting is best for all proxies, and differences of a few hundredths on 100 cells are within
what other cells give. The defaults stay with the usual mini-batch, noise, which needs nothing else, the layers' own
weights, and one cell a stage. Three cells a stage have the highest mean, which they owe to `grad_norm` and `snip`;
they take twice the time and cost `zen` its order of bad cells, while `synflow` stays as it is. Other settings suit
single proxies: digits help `naswot` and `jacob_cov` and harm the others that look at images; Kaiming weights or the
mean of three draws help `jacob_cov`. With 32 images or 4 channels a score takes about 60 % of the time at little
loss. `synflow` looks at no images, and `zen` draws weights of its own."""


def page(results: list[Result]) -> str:
    """The page."""
    final, compared = of(results, part="result"), of(results, part="settings")
    parts = ["# Zero-cost proxies", INTRO, NOTES, "## NAS-Bench-201", _results(final), EXPECTED]
    if compared:
        parts += ["## Settings", _about_settings(compared), _settings(compared, _correlation)]
        parts += ["Among the better half:", _settings(compared, _better_half), CHOICE]
    return "\n\n".join([*parts, "## How it was measured", provenance(results)]) + "\n"


def _results(final: list[Result]) -> str:
    total = sum(result["cells"] for result in final)
    rows = []
    for name, title in NAMES.items():
        missing = sum(score is None for result in final for score in result["scores"][name])
        seconds = [result["seconds"][name] for result in final if name in result["seconds"]]
        shown = NONE if not seconds else "< 0.001" if np.mean(seconds) < 0.001 else f"{np.mean(seconds):.3f}"
        correlations = (
            spread([measure(result, name) for result in final], 3) for measure in (_correlation, _better_half)
        )
        rows.append([title, *correlations, f"{missing} of {total}", shown, "positive", commits(final)])
    twelve = [
        spread([float(spearmanr(*pair).statistic) for pair in pairs], 3)
        for pairs in (
            [(np.array(result["twelve_epochs"]), np.array(result["accuracy"])) for result in final],
            [tuple(np.array(result[key])[_upper(result)] for key in ("twelve_epochs", "accuracy")) for result in final],
        )
    ]
    what = "for comparison: accuracy after 12 epochs"
    rows.append([what, *twelve, f"0 of {total}", NONE, NONE, commits(final)])
    head = ["proxy", "Spearman", "better half", "cells without a score", "seconds a cell", "expected sign", "commit"]
    return markdown(head, rows)


def _about_settings(compared: list[Result]) -> str:
    return (
        "One change each from the default (64 Gaussian images of 32 x 32 pixels, 8 channels, one cell a stage, torch's "
        f"initial weights, one draw of them), on the same {compared[0]['cells']} cells, which are in no draw above; "
        "one seed. Spearman, all cells:"
    )


def _settings(compared: list[Result], measure: Callable[[Result, str], float]) -> str:
    """Proxies whose score depends on settings, their mean, and the mean of their seconds."""
    own = [name for name in NAMES if name in compared[0]["seconds"] and name not in ("params", "macs")]
    rows = []
    for result in compared:
        found = [measure(result, name) for name in own]
        seconds = float(np.mean([result["seconds"][name] for name in own]))
        shown = (f"{value:.3f}" for value in [*found, float(np.mean(found)), seconds])
        rows.append([result["setting"], *shown, commits([result])])
    return markdown(["setting", *(NAMES[name] for name in own), "mean", "seconds a cell, mean", "commit"], rows)


def _correlation(result: Result, name: str) -> float:
    return float(spearmanr(_scores(result, name), result["accuracy"]).statistic)


def _better_half(result: Result, name: str) -> float:
    upper = _upper(result)
    return float(spearmanr(_scores(result, name)[upper], np.array(result["accuracy"])[upper]).statistic)


def _scores(result: Result, name: str) -> np.ndarray:
    """Scores with the missing ones below all others."""
    return np.array([-np.inf if score is None else score for score in result["scores"][name]])


def _upper(result: Result) -> np.ndarray:
    accuracy = np.array(result["accuracy"], dtype=np.float64)
    upper: np.ndarray = accuracy >= np.median(accuracy)
    return upper
