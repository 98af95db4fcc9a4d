"""Charts as inline SVG whose colours are those of the page around them, by class.

A chart is made of marks in data units; it holds no ids, no text from outside that is not escaped, and no script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archllm.drawing import looks
from archllm.drawing.panel import attribute, num, xml

WIDTH, HEIGHT = 400.0, 290.0
"""Size of a chart in its own units; pages scale it."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 60.0, 14.0, 32.0, 48.0
_PAD = 0.05  # share of the range that is left free around the data

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """A line through `n` points; NaN interrupts it.

    Example:
        >>> Line(np.array([1.0, 2.0]), np.array([0.5, 0.7]), "incumbent").steps
        False
    """

    x: Floats
    y: Floats
    look: str
    """Class of the page's style sheet."""
    steps: bool = False
    """Whether a value holds until the next one."""


@dataclass(frozen=True, eq=False)
class Band:
    """The area between two lines."""

    x: Floats
    low: Floats
    high: Floats
    look: str


@dataclass(frozen=True, eq=False)
class Dots:
    """`n` dots."""

    x: Floats
    y: Floats
    look: str | Sequence[str]
    """One class, or one for each dot."""
    radius: float | Sequence[float] = 3.0
    titles: Sequence[str] = field(default_factory=tuple)
    """Tooltips."""


@dataclass(frozen=True)
class Level:
    """A horizontal line across the whole chart."""

    y: float
    look: str


Mark = Line | Band | Dots | Level


@dataclass(frozen=True)
class Axes:
    """Labels and ranges."""

    x: str
    """What runs to the right."""

    y: str
    """What runs upwards."""

    says: str
    """The chart in words, for those who can't see it."""

    x_range: tuple[float, float] | None = None
    """Shown range; by default that of the data."""

    y_range: tuple[float, float] | None = None
    """The same for the other axis; what lies outside is cut off."""

    bare: bool = False
    """Whether the units mean nothing, so that no numbers are written."""


def chart(marks: Sequence[Mark], axes: Axes) -> str:
    """One chart as an SVG element."""
    x_low, x_high = axes.x_range or _range([m.x for m in marks if not isinstance(m, Level)])
    y_low, y_high = axes.y_range or _range([part for mark in marks for part in _heights(mark)])
    across, down = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def place(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return across * (x - x_low) / (x_high - x_low), down * (y_high - y) / (y_high - y_low)

    parts = [] if axes.bare else _ticks(x_low, x_high, y_low, y_high, across, down)
    parts.append(f'<path class="axis" d="M{num(_LEFT)} {num(_TOP)}V{num(_TOP + down)}H{num(_LEFT + across)}"/>')
    # A nested drawing cuts off what lies outside.
    parts.append(f'<svg x="{num(_LEFT)}" y="{num(_TOP)}" width="{num(across)}" height="{num(down)}">')
    parts += [_drawn(mark, place, across) for mark in marks]
    parts.append("</svg>")
    names = (xml(_fitted(axes.x, 40)), xml(_fitted(axes.y, 46)))
    parts.append(f'<text class="name" x="{num(_LEFT + across / 2)}" y="{num(HEIGHT - 8)}">{names[0]}</text>')
    # What runs upwards stands above its axis: turned by a right angle, it would not fit on a phone.
    parts.append(f'<text class="name above" x="2" y="17">{names[1]}</text>')
    head = f'<svg class="chart" viewBox="0 0 {num(WIDTH)} {num(HEIGHT)}" role="img" aria-label={attribute(axes.says)}>'
    return head + "".join(parts) + "</svg>"


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers within a range, at most so many.

    Example:
        >>> ticks(0.0, 60.0)
        [0.0, 20.0, 40.0, 60.0]
    """
    rough = (high - low) / (most - 1)  # both ends may be round
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(count * step, 12) for count in range(first, last + 1)]


def short(value: float) -> str:
    """A number as an axis shows it.

    Example:
        >>> short(1_500_000.0), short(0.25), short(-3.0)
        ('1.5M', '0.25', '−3')
    """
    size = abs(value)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            factor = 1e3 if unit == "k" else limit
            return f"{value / factor:.6g}{unit}".replace("-", "−")
    if size and size < 1e-4:
        return f"{value:.1e}".replace("-", "−")
    return f"{value:.6g}".replace("-", "−")


def _fitted(name: str, most: int) -> str:
    """A name of at most so many characters; its unit, behind the last comma, stays."""
    what, comma, unit = name.rpartition(", ")
    if len(name) <= most or not comma or len(unit) > most // 2:
        return looks.clipped(name, most)
    return f"{looks.clipped(what, most - len(unit) - 2)}, {unit}"


def _range(parts: Sequence[Floats]) -> tuple[float, float]:
    values = np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in parts] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = _PAD * (high - low) or 0.1 * abs(low) or 1.0
    return low - room, high + room


def _heights(mark: Mark) -> list[Floats]:
    if isinstance(mark, Band):
        return [mark.low, mark.high]
    return [np.array([mark.y])] if isinstance(mark, Level) else [mark.y]


def _ticks(x_low: float, x_high: float, y_low: float, y_high: float, across: float, down: float) -> list[str]:
    parts = []
    for value in ticks(x_low, x_high):
        x = _LEFT + across * (value - x_low) / (x_high - x_low)
        parts.append(f'<path class="grid" d="M{num(x)} {num(_TOP)}V{num(_TOP + down)}"/>')
        parts.append(f'<text class="tick" x="{num(x)}" y="{num(_TOP + down + 18)}">{short(value)}</text>')
    for value in ticks(y_low, y_high, 5):
        y = _TOP + down * (y_high - value) / (y_high - y_low)
        parts.append(f'<path class="grid" d="M{num(_LEFT)} {num(y)}H{num(_LEFT + across)}"/>')
        parts.append(f'<text class="tick side" x="{num(_LEFT - 6)}" y="{num(y + 4.5)}">{short(value)}</text>')
    return parts


def _drawn(mark: Mark, place: Callable[[Floats, Floats], tuple[Floats, Floats]], across: float) -> str:
    if isinstance(mark, Level):
        level = num(float(place(np.zeros(1), np.array([mark.y]))[1][0]))
        return f'<path class="{mark.look}" d="M0 {level}H{num(across)}"/>'
    if isinstance(mark, Line):
        return f'<path class="line {mark.look}" d="{_path(*place(mark.x, mark.y), mark.steps)}"/>'
    if isinstance(mark, Band):
        known = ~np.isnan(mark.low)
        x, high = place(mark.x[known], mark.high[known])
        low = place(mark.x[known], mark.low[known])[1]
        there, back = _path(x, high, False), _path(x[::-1], low[::-1], False).replace("M", "L", 1)
        return f'<path class="band {mark.look}" d="{there}{back}Z"/>' if there else ""
    x, y = place(mark.x, mark.y)
    parts = []
    for row in range(len(x)):
        if not (math.isfinite(x[row]) and math.isfinite(y[row])):
            continue
        look = mark.look if isinstance(mark.look, str) else mark.look[row]
        radius = mark.radius if isinstance(mark.radius, float) else mark.radius[row]
        title = f"<title>{xml(mark.titles[row])}</title>" if len(mark.titles) else ""
        shape = f'<circle class="dot {look}" cx="{num(x[row])}" cy="{num(y[row])}" r="{num(radius)}"'
        parts.append(f"{shape}>{title}</circle>" if title else f"{shape}/>")
    return "".join(parts)


def _path(x: Floats, y: Floats, steps: bool) -> str:
    commands: list[str] = []
    pen = False
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if math.isnan(down):
            pen = False
            continue
        if not pen:
            commands.append(f"M{num(across)} {num(down)}")
        elif steps:
            commands.append(f"H{num(across)}V{num(down)}")
        else:
            commands.append(f"L{num(across)} {num(down)}")
        pen = True
    return "".join(commands)
