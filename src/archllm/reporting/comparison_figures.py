"""The curves of a comparison as SVG files."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import numpy as np

from archllm.reporting.comparing import Comparison
from archllm.reporting.curves import Floats, Spread
from archllm.reporting.figures import canvas, describe, plain, save
from archllm.reporting.words import measured

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a63c9", "#8c6d1f")
_GREY = "#888888"


def curves_by_query(path: Path, found: Comparison) -> Path:
    """Means and quartiles against the number of evaluations."""
    lines = {
        each.method: (np.arange(1, len(each.by_query.mean) + 1, dtype=np.float64), each.by_query)
        for each in found.methods
    }
    if found.random is not None and "random" not in lines:
        lines["random, expected"] = (np.arange(1, len(found.random.mean) + 1, dtype=np.float64), found.random)
    return _draw(path, found, lines, "evaluations")


def curves_by_second(path: Path, found: Comparison) -> Path | None:
    """The same against seconds of evaluations; nothing is written where these cost nothing."""
    lines = {each.method: each.by_second for each in found.methods if each.by_second is not None}
    if len(lines) < len(found.methods):
        return None
    return _draw(path, found, lines, "seconds of evaluations, one after the other")


def _draw(path: Path, found: Comparison, lines: dict[str, tuple[Floats, Spread]], across: str) -> Path:
    figure, axes = canvas(1)
    figure.set_size_inches(7.2, 4.2)
    shown = []
    for (name, (x, curve)), colour in zip(lines.items(), cycle(_COLOURS), strict=False):
        expected = name == "random, expected"
        colour = _GREY if expected else colour
        axes.plot(
            x, curve.mean, color=colour, label=plain(name), lw=1.6, ls="--" if expected else "-", drawstyle="steps-post"
        )
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.14, lw=0, step="post")
        shown.append(curve.mean[len(curve.mean) // 10 :])
    if found.optimum is not None:
        axes.axhline(found.optimum, color=_GREY, lw=1, ls=":", label="optimum")
        shown.append(np.array([found.optimum]))
    values = np.concatenate(shown)
    values = values[np.isfinite(values)]
    if len(values):  # what curves become counts, not where they start
        room = 0.06 * float(values.max() - values.min()) or 0.05 * abs(float(values.max())) or 1.0
        axes.set_ylim(float(values.min()) - room, float(values.max()) + room)
    axes.legend(frameon=False, fontsize=8)
    what, value = "Best so far", measured(found.objectives[0])
    if found.measures_volume:
        what, value = "Hypervolume", "hypervolume, share of the box"
    describe(axes, f"{what}: means, and quartiles as bands", across, value)
    return save(figure, path)
