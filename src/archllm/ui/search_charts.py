"""Charts of searches: one as a report shows it, several in one chart, and the small curve of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np

from archllm.drawing.panel import num
from archllm.errors import ArchLLMError, InvalidInput
from archllm.objectives.evaluation import sign
from archllm.reporting.charts import Axes, Band, Floats, Level, Line, Mark, chart
from archllm.reporting.curves import best_so_far, corners, volume_so_far
from archllm.reporting.panels import COLOURS, Panel, padded, pareto, progress, turns
from archllm.reporting.searching import MOST_MEASURED, Population, SearchData, collect, goodness_of
from archllm.reporting.words import figure, measured
from archllm.spaces import SearchSpace
from archllm.study.store import Study
from archllm.ui.watching import Snapshot
from archllm.workflows.population import known_population

_SMALL = (150.0, 34.0)  # the curve of a list
_DRAWN: WeakKeyDictionary[Snapshot, tuple[Population | None, list[Panel]]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Known:
    """What a search could choose from."""

    population: Population | None
    """All of it, where the scores are known."""

    missing: str
    """Why they are not."""


@lru_cache(maxsize=16)
def _known(space: SearchSpace, told: str, study: _ByName) -> Known:
    return Known(*known_population(study.study, space))


class _ByName:
    """A study that counts as the same where its settings are."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._told = repr(replace(study, name="", seed=0, method=""))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByName) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)


def known_of(study: Study, space: SearchSpace | None) -> Known:
    """What a study could choose from; nothing is known where its space is not."""
    if space is None:
        return Known(None, "the space is known by its file alone")
    try:
        return _known(space, space.name, _ByName(study))
    except ArchLLMError as error:
        return Known(None, str(error))


def panels_of(found: Snapshot, known: Known) -> list[Panel]:
    """The curve of a search beside random search, and its fronts; drawn once for all who look at it."""
    if not found.over:
        return []
    drawn = _DRAWN.get(found)
    if drawn is not None and drawn[0] is known.population:
        return drawn[1]
    data = collect(found.result, known.population)
    shown = [progress(data)]
    if len(found.study.directions) > 1:
        shown += pareto(data, None if known.population is None else known.population.values)
    _DRAWN[found] = known.population, shown
    return shown


def together(found: Sequence[Snapshot], labels: Sequence[str], known: Known) -> Panel:
    """Several searches for the same in one chart.

    Args:
        found: the searches.
        labels: what each is called.
        known: what they could choose from.

    Raises:
        InvalidInput: they are for different things, or none has evaluated anything.
    """
    first = found[0].study
    for each in found:
        for name in ("space", "objectives", "directions"):
            own, other = getattr(first, name), getattr(each.study, name)
            if own != other:
                raise InvalidInput(
                    f"{first.name} and {each.study.name} are not of the same {name}: {_told(own)}, and {_told(other)}; "
                    "choose searches for the same thing"
                )
    every = [(label, goodness_of(each.over, first.directions)) for label, each in zip(labels, found, strict=True)]
    every = [(label, goodness) for label, goodness in every if not np.isnan(goodness).any(1).all()]
    if not every:
        raise InvalidInput("none of these searches has evaluated anything yet")
    volume = 1 < len(first.directions) <= MOST_MEASURED
    groups = [goodness for _, goodness in every]
    box = corners(*([known.population.values] if known.population is not None else []), *groups) if volume else None
    own = sign(first.directions[0])
    curves = [volume_so_far(each, box) if box is not None else own * best_so_far(each[:, 0]) for each in groups]
    label = "hypervolume, share of the box" if volume else measured(first.objectives[0])
    marks: list[Mark] = []
    legend: list[tuple[str, str]] = []
    longest = max(map(len, curves))
    ends = [curve[len(curve) // 10 :] for curve in curves]
    note = ""
    if known.population is not None:
        whole = collect(max(found, key=lambda each: len(each.over)).result, known.population)
        marks, legend, note = _random(whole)
        ends += [mark.mean[len(mark.mean) // 10 :] for mark in ([whole.random.spread] if whole.random else [])]
        if whole.optimum is not None and not volume:
            marks.append(Level(whole.optimum, "optimum"))
            legend.append(("optimum", "optimum"))
            ends.append(np.array([whole.optimum]))
    for at, ((name, _), curve) in enumerate(zip(every, curves, strict=True)):
        steps, shown = np.arange(1, len(curve) + 1, dtype=np.float64), turns(curve)
        marks.append(Line(steps[shown], curve[shown], f"l{at % COLOURS}", steps=True))
        legend.append((f"l{at % COLOURS}", f"{name}: {figure(float(curve[-1]))}"))
    values = np.concatenate(ends)
    finals = ", ".join(f"{name} {figure(float(curve[-1]))}" for (name, _), curve in zip(every, curves, strict=True))
    axes = Axes(
        "evaluations",
        label,
        f"{label} by evaluations of {len(every)} searches; at the end {finals}",
        (0.0, max(longest, 2.0)),
        padded(values[np.isfinite(values)]),
    )
    title = "Hypervolume after each evaluation" if volume else "Best after each evaluation"
    return Panel(title, chart(marks, axes), tuple(legend), note)


def _random(data: SearchData) -> tuple[list[Mark], list[tuple[str, str]], str]:
    if data.random is None:
        return [], [], ""
    drawn = data.random.spread
    across = np.arange(1, len(drawn.mean) + 1, dtype=np.float64)
    marks: list[Mark] = [Band(across, drawn.low, drawn.high, "random"), Line(across, drawn.mean, "random")]
    legend = [("random", "random search, mean"), ("random band", "its quartiles")]
    return marks, legend, f"Random search: {data.random.how}."


def small(found: Snapshot) -> str:
    """The best so far as a small curve; nothing before there is one."""
    goodness = goodness_of(found.over, found.study.directions)
    if len(goodness) < 2 or np.isnan(goodness[:, 0]).all():
        return ""
    curve = best_so_far(goodness[:, 0])
    later = curve[~np.isnan(curve)]
    low = float(np.quantile(later, 0.02)) if len(later) > 20 else float(later[0])
    high = float(later[-1])
    width, height = _SMALL
    rows = turns(curve)
    x = width * rows / max(len(curve) - 1, 1)
    y = height - 3 - (height - 6) * (np.maximum(curve[rows], low) - low) / ((high - low) or 1.0)
    return (
        f'<svg class="small-curve" viewBox="0 0 {num(width)} {num(height)}" aria-hidden="true">'
        f'<path class="line own" d="{_steps(x, y)}"/></svg>'
    )


def _steps(x: Floats, y: Floats) -> str:
    there = ~np.isnan(y)
    pairs = list(zip(x[there].tolist(), y[there].tolist(), strict=True))
    first, *rest = pairs
    return f"M{num(first[0])} {num(first[1])}" + "".join(f"H{num(across)}V{num(down)}" for across, down in rest)


def _told(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
