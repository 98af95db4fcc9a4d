"""The charts of a report, each with its legend and a sentence of what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from archllm.objectives.evaluation import signs, turned
from archllm.reporting.charts import Axes, Band, Dots, Floats, Level, Line, Mark, chart
from archllm.reporting.codebook import ABSENT, CodebookMap
from archllm.reporting.figures import Curve
from archllm.reporting.searching import SearchData
from archllm.reporting.words import figure, measured
from archllm.searchers.pareto import non_dominated
from archllm.spaces import SearchSpace

COLOURS = 8
"""Colours that the style sheet has for kinds, `c0` and so on, besides `cx` for what does nothing."""

MOST_DOTS = 2_000
"""Evaluations up to which a chart shows each; of more, it shows so many, evenly spaced."""

_WORST = 0.03  # share of evaluations that a chart of a front need not show
_TEXT = 90  # characters of an architecture's text in a tooltip


@dataclass(frozen=True)
class Panel:
    """A chart and what belongs to it."""

    title: str
    """What it shows."""

    svg: str
    """The drawing."""

    legend: tuple[tuple[str, str], ...]
    """Looks and what they stand for."""

    note: str
    """How to read it."""


def progress(data: SearchData) -> Panel:
    """The best so far, or the hypervolume, after each evaluation, beside random search."""
    steps = np.arange(1, len(data.curve) + 1, dtype=np.float64)
    marks: list[Mark] = []
    legend: list[tuple[str, str]] = []
    tail = [data.curve[len(steps) // 10 :]]
    said = f"after {len(steps)} evaluations the search has {_last(data.curve)}"
    note = ""
    if data.random is not None:
        drawn = data.random.spread
        across = np.arange(1, len(drawn.mean) + 1, dtype=np.float64)
        if data.random.single:
            marks.append(Line(across, drawn.mean, "random", steps=True))
            legend.append(("random", "random search"))
        else:
            marks += [Band(across, drawn.low, drawn.high, "random"), Line(across, drawn.mean, "random")]
            legend += [("random", "random search, mean"), ("random band", "its quartiles")]
        tail += [drawn.mean[len(drawn.mean) // 10 :]]
        said += f", random search {_last(drawn.mean[: len(steps)])}{'' if data.random.single else ' on average'}"
        note = f"Random search: {data.random.how}."
    label = "hypervolume, share of the box" if data.measures_volume else measured(data.study.objectives[0])
    if not data.measures_volume:
        some = _some(len(steps))
        marks.insert(0, Dots(steps[some], data.values[some, 0], "trial", 2.2))
        several = len(some) < len(steps)
        legend.append(("trial dot", f"{len(some):,} of the evaluations" if several else "each evaluation"))
    changes = turns(data.curve)
    marks.append(Line(steps[changes], data.curve[changes], "own", steps=True))
    legend.insert(0, ("own", f"{data.study.method}: {'hypervolume' if data.measures_volume else 'best so far'}"))
    if data.optimum is not None:
        marks.append(Level(data.optimum, "optimum"))
        legend.append(("optimum", "optimum"))
        tail.append(np.array([data.optimum]))
    if not data.measures_volume and len(data.study.directions) > 1:
        label += " (the first objective)"
    shown = _shown(tail)
    hidden = _hidden(data, shown)
    if hidden:
        note = f"{note} {hidden} evaluation{'s are' if hidden > 1 else ' is'} outside the shown range.".strip()
    axes = Axes("evaluations", label, f"{label} by evaluations: {said}", (0.0, max(len(steps), 2.0)), shown)
    title = "Hypervolume after each evaluation" if data.measures_volume else "Best after each evaluation"
    return Panel(title, chart(marks, axes), tuple(legend), note)


def pareto(data: SearchData, population: Floats | None) -> list[Panel]:
    """One plot for each pair of objectives; of more than three objectives, the first with each other one."""
    names, count = [measured(spec) for spec in data.study.objectives], len(data.study.objectives)
    pairs = list(combinations(range(count), 2)) if count <= 3 else [(0, other) for other in range(1, count)]
    return [_pair(data, population, up, right, names) for up, right in pairs]


def _pair(data: SearchData, population: Floats | None, up: int, right: int, names: Sequence[str]) -> Panel:
    numbers = {trial.number for trial in data.result.front}
    on = np.array([trial.number in numbers for trial in data.over], dtype=np.bool_)
    x, y = data.values[:, right], data.values[:, up]
    tips = [
        f"{figure(y[row])}, {figure(x[row])}: {trial.text[:_TEXT]}" if trial.values is not None else ""
        for row, trial in enumerate(data.over)
    ]
    off = np.flatnonzero(~on)
    off = off[_some(len(off))]
    marks: list[Mark] = [Dots(x[off], y[off], "trial", 2.8, [tips[row] for row in off])]
    others = "other evaluations" if len(off) == (~on).sum() else f"{len(off):,} of the others"
    legend = [("own dot", "on the front"), ("trial dot", others)]
    sign = signs(data.study.directions)
    note = ""
    if len(names) == 2:
        if population is not None:
            best = population[non_dominated(population)]
            marks.append(staircase(sign[right] * best[:, right], sign[up] * best[:, up], sign[right], "optimum"))
            legend.append(("optimum", "front of all there are"))
        marks.append(staircase(x[on], y[on], sign[right], "own"))
        if data.box is not None:
            corner = [figure(value) for value in turned(data.box.worst, data.study.directions)]
            note = f"The hypervolume is measured from {corner[up]} ({names[up]}) and {corner[right]} ({names[right]})."
    else:
        note = f"The front is that of all {len(names)} objectives."
    marks.append(Dots(x[on], y[on], "own", 4.2, [tip for tip, best in zip(tips, on, strict=True) if best]))
    says = f"{names[up]} against {names[right]}: {int(on.sum())} of {len(on)} evaluations are on the Pareto front"
    across, upwards = (_near_front(values, on, sign[at]) for values, at in ((x, right), (y, up)))
    hidden = int(((x < across[0]) | (x > across[1]) | (y < upwards[0]) | (y > upwards[1])).sum())
    if hidden:
        note = f"{note} {hidden:,} evaluation{'s are' if hidden > 1 else ' is'} outside the shown range.".strip()
    axes = Axes(names[right], names[up], says, across, upwards)
    title = f"{names[up]} against {names[right]}"
    return Panel(title[:1].upper() + title[1:], chart(marks, axes), tuple(legend), note)


def _near_front(values: Floats, on: NDArray[np.bool_], sign: float) -> tuple[float, float]:
    """The range of an axis: all that is on the front, and of the others all but the worst, which would squeeze it."""
    there = values[np.isfinite(values)]
    good = sign * there
    least = min(np.quantile(good, _WORST), np.min(sign * values[on], initial=np.inf)) if len(good) else -np.inf
    return padded(there[good >= least])


def codes(found: CodebookMap, space: SearchSpace) -> Panel:
    """The map of the codebook of a space."""
    occurring = {name for point in found.points for name in point.meaning}
    kinds = [name for name in (*space.op_names, ABSENT) if name in occurring]
    zeros = {space.op_names[label] for label in space.labels_of("zero")}
    looks, free = {}, 0
    for name in kinds:
        idle = name in zeros or name == ABSENT
        looks[name] = "cx" if idle else f"c{free % COLOURS}"
        free += not idle
    x, y = (np.array([getattr(point, axis) for point in found.points]) for axis in ("x", "y"))
    largest = max(point.share for point in found.points)
    radii = [1.6 + 2.6 * (point.share / largest) ** 0.5 for point in found.points]
    tips = [
        f"code {point.code}: {' + '.join(point.meaning)} ({point.purity:.0%} of its uses), "
        f"most often at position {point.position}, {point.share:.1%} of all codes"
        for point in found.points
    ]
    several = any(len(point.meaning) > 1 for point in found.points)
    marks: list[Mark] = []
    if several:
        rings = [looks[point.meaning[-1]] for point in found.points]
        marks.append(Dots(x, y, rings, [radius + 2.4 for radius in radii]))
    marks.append(Dots(x, y, [f"{looks[point.meaning[0]]} disc" for point in found.points], radii, tips))
    two = "the disc is the first operation that a code stands for, the ring the last; " if several else ""
    note = (
        f"Each dot is a code: {two}its size is how often it is used, in {found.architectures:,} architectures that the "
        f"training did not see. The plane shows {found.explained:.0%} of the variance of the vectors; its units mean "
        "nothing. Hover a dot for its numbers."
    )
    says = f"{len(found.points)} codes on a plane, coloured by the operations {', '.join(kinds)}"
    axes = Axes("first principal component", "second", says, bare=True)
    legend = tuple((f"{looks[name]} dot", name) for name in kinds)
    return Panel("Map of the codebook", chart(marks, axes), legend, note)


def training(steps: Curve, validation: Curve, yardstick: str = "ideal") -> Panel | None:
    """How well the prior fits, over its training; `None` if nothing was written down.

    Args:
        steps: nats above ln(size) of training batches.
        validation: the same of validation cells.
        yardstick: what ln(size) is for it, see `TrainConfig.yardstick`.
    """
    if not steps.x:
        return None
    marks: list[Mark] = [Line(np.array(steps.x), np.array(steps.y), "random")]
    legend = [("random", "training batches")]
    if validation.x:
        marks.append(Line(np.array(validation.x), np.array(validation.y), "own"))
        legend.insert(0, ("own", "validation cells"))
    marks.append(Level(0.0, "optimum"))
    ends = np.array([*steps.y[len(steps.y) // 10 :], *validation.y[len(validation.y) // 10 :], 0.0])
    says = f"The prior of the codes in training: {steps.y[-1]:.3f} nats per cell above {yardstick} at the end"
    axes = Axes("step", f"nats per cell above {yardstick}", says, None, padded(ends))
    note = "ln(size) is what a uniform draw from the space needs."
    return Panel("Training of the language model", chart(marks, axes), (*legend, ("optimum", yardstick)), note)


def staircase(x: Floats, y: Floats, sign: float, look: str) -> Line:
    """The edge of what points dominate: from the best along x to the worst, each holds until the next."""
    order = np.argsort(-sign * x, kind="stable")
    return Line(x[order], y[order], look, steps=True)


def _shown(parts: Sequence[Floats]) -> tuple[float, float]:
    """The range of what curves become, not of where they start."""
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    return padded(values) if len(values) else (0.0, 1.0)


def padded(values: Floats) -> tuple[float, float]:
    """A range with some room around values."""
    low, high = float(values.min()), float(values.max())
    room = 0.07 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _hidden(data: SearchData, shown: tuple[float, float]) -> int:
    if data.measures_volume:
        return 0
    values = data.values[:, 0]
    return int(((values < shown[0]) | (values > shown[1])).sum())


def _some(count: int) -> NDArray[np.int64]:
    """Rows of those that are shown, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_DOTS)).round().astype(np.int64))


def turns(curve: Floats) -> NDArray[np.int64]:
    """Rows at which a curve of steps changes, with its ends: what it takes to draw it.

    Example:
        >>> turns(np.array([1.0, 1.0, 2.0, 2.0])).tolist()
        [0, 2, 3]
    """
    changes = np.flatnonzero(~((curve[1:] == curve[:-1]) | (np.isnan(curve[1:]) & np.isnan(curve[:-1])))) + 1
    return np.unique(np.concatenate([[0], changes, [len(curve) - 1]])).astype(np.int64) if len(curve) else changes


def _last(curve: Floats) -> str:
    return "nothing" if not len(curve) or np.isnan(curve[-1]) else figure(float(curve[-1]))
