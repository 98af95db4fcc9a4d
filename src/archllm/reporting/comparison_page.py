"""The page of a comparison of search methods as one HTML file: curves, table, ranks, checklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archllm.reporting.charts import Axes, Band, Level, Line, Mark, chart
from archllm.reporting.checklist import QUESTIONS, Check
from archllm.reporting.comparing import Comparison, Search
from archllm.reporting.comparison_tables import ranks, table
from archllm.reporting.curves import Floats, Spread
from archllm.reporting.html import rendered
from archllm.reporting.panels import COLOURS, Panel, padded
from archllm.reporting.provenance import CITE
from archllm.reporting.words import measured


@dataclass(frozen=True)
class About:
    """What a folder says of its comparison."""

    space: str
    """Name of the space."""

    command: str
    """The command that made it."""

    folder: str
    """Where it lies."""

    pre_training: Mapping[str, float]
    """Method -> seconds that its models were trained before its searches."""

    checklist: Sequence[Check]
    """What has to be known about it; empty if an older version wrote it."""

    versions: Mapping[str, str]
    """Versions of what writes the page."""

    without_random: str = ""
    """Why there is no curve of random search, where there could be one."""


def render_comparison(found: Comparison, searches: Sequence[Search], about: About) -> str:
    """The text of the HTML file.

    Args:
        found: the comparison.
        searches: its searches.
        about: what else its folder says.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    places = ranks(searches, found.directions, found.box)
    context: dict[str, Any] = {
        "about": about,
        "objectives": list(zip(found.objectives, found.directions, strict=True)),
        "methods": [each.method for each in found.methods],
        "seeds": found.methods[0].seeds,
        "budget": found.budget,
        "panels": [panel for panel in (_by_query(found), _by_second(found)) if panel is not None],
        "table": table(found, dict(about.pre_training)),
        "ranks": sorted(places.items(), key=lambda each: each[1].mean),
        "questions": QUESTIONS,
        "facts": {
            "made by": about.command,
            "folder": about.folder,
            "to cite": CITE,
            "page written with": ", ".join(f"{name} {version}" for name, version in about.versions.items()),
        },
    }
    return rendered("comparison.html.j2", context)


def _by_query(found: Comparison) -> Panel:
    curves = {each.method: (_steps(each.by_query), each.by_query) for each in found.methods}
    return _panel(found, curves, "evaluations", "Against evaluations", found.random)


def _by_second(found: Comparison) -> Panel | None:
    curves = {each.method: each.by_second for each in found.methods if each.by_second is not None}
    if len(curves) < len(found.methods):
        return None
    return _panel(found, curves, "seconds of evaluations", "Against seconds of evaluations")


def _steps(curve: Spread) -> Floats:
    return np.arange(1, len(curve.mean) + 1, dtype=np.float64)


def _panel(
    found: Comparison,
    curves: Mapping[str, tuple[Floats, Spread]],
    across: str,
    title: str,
    random: Spread | None = None,
) -> Panel:
    """Means as lines, quartiles as bands; of more methods than there are colours, some share one."""
    marks: list[Mark] = []
    legend: list[tuple[str, str]] = []
    tail = [] if found.optimum is None else [np.array([found.optimum])]
    for number, (name, (x, curve)) in enumerate(curves.items()):
        look = f"l{number % COLOURS}"
        marks += [Band(x, curve.low, curve.high, f"quartiles {look}"), Line(x, curve.mean, look, steps=True)]
        legend.append((look, name))
        tail.append(curve.mean[len(curve.mean) // 10 :])
    if random is not None:
        marks.append(Line(_steps(random), random.mean, "random", steps=True))
        legend.append(("random", "random search, exact expectation"))
        tail.append(random.mean[len(random.mean) // 10 :])
    if found.optimum is not None:
        marks.append(Level(found.optimum, "optimum"))
        legend.append(("optimum", "optimum"))
    value = "hypervolume, share of the box" if found.measures_volume else measured(found.objectives[0])
    ends = ", ".join(f"{name} {curve.mean[-1]:.6g}" for name, (_, curve) in curves.items())
    known = np.concatenate(tail)
    known = known[np.isfinite(known)]
    shown = padded(known) if len(known) else None
    axes = Axes(across, value, f"{value} against {across}; at the end: {ends}", None, shown)
    note = "Lines are means over seeds, bands their quartiles."
    return Panel(title, chart(marks, axes), tuple(legend), note)
