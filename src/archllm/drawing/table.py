"""Table: what is chosen for each of many names, as bars in aligned rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from archllm.drawing import looks
from archllm.drawing.cell import Node
from archllm.drawing.panel import Panel, num, text, xml
from archllm.errors import InvalidInput

LEGEND = "bar: place of a number among its values; dashed: inactive"
"""What the parts of a table mean."""

ROW = 24.0
"""Height of a row."""

_BAR = 20.0
_NARROWEST = 46.0
_GAP = 6.0
_MOST_COLUMNS = 10
_NUMBERED = re.compile(r"(.+?)_?(\d+)")
_NUMBER = "conv3"  # the family whose colours bars of numbers have
_TRACK = "skip"


@dataclass(frozen=True)
class Slot:
    """One choice.

    Example:
        >>> Slot("width1", "16", share=0.5).value
        '16'
    """

    name: str
    """What is chosen."""

    value: str | None
    """The value; `None` where nothing is to be chosen."""

    share: float | None = None
    """Length of the bar, 0 to 1; `None` for a value without an order."""


@dataclass(frozen=True)
class Table:
    """Choices to draw. Slots whose names end in different numbers, such as `width1` and `width2`, share a row.

    Raises:
        InvalidInput: there are no slots.

    Example:
        >>> Table((Slot("width1", "16", 0.5), Slot("width2", "32", 1.0))).title
        ''
    """

    slots: tuple[Slot, ...]
    """In the order to show them in."""

    title: str = ""
    """A heading, where a drawing shows several."""

    def __post_init__(self) -> None:
        if not self.slots:
            raise InvalidInput("a table needs at least one choice to be drawn")


def table_panel(table: Table) -> Panel:
    """Draws a table without its title."""
    alone, numbered = _rows(table.slots)
    label = max(looks.text_width(name) for name in [*alone, *numbered])
    width = max(_NARROWEST, *(looks.text_width(slot.value or "") + 12.0 for slot in table.slots))
    left = label + _GAP
    parts: list[str] = []
    y = 0.0
    for name, slot in alone.items():
        parts += [_label(name, label, y), _bar(slot, left, y, width)]
        y += ROW
    numbers = sorted({number for row in numbered.values() for number in row})
    for first in range(0, len(numbers), _MOST_COLUMNS):
        columns = numbers[first : first + _MOST_COLUMNS]
        y += 0.2 * ROW
        parts += [
            text(str(number), left + (at + 0.5) * (width + _GAP) - 0.5 * _GAP, y + 6.0, 11.0, looks.LINE)
            for at, number in enumerate(columns)
        ]
        y += 0.6 * ROW
        for name, row in numbered.items():
            if not row.keys() & set(columns):
                continue
            parts.append(_label(name, label, y))
            parts += [
                _bar(row[number], left + at * (width + _GAP), y, width)
                for at, number in enumerate(columns)
                if number in row
            ]
            y += ROW
    widest = max(1, min(len(numbers), _MOST_COLUMNS))
    return Panel(left + widest * (width + _GAP) - _GAP, y - (ROW - _BAR), "".join(parts))


def _rows(slots: Sequence[Slot]) -> tuple[dict[str, Slot], dict[str, dict[int, Slot]]]:
    """Slots that stand alone, and rows of slots by their numbers."""
    found: dict[str, dict[int, Slot]] = {}
    for slot in slots:
        match = _NUMBERED.fullmatch(slot.name)
        if match is not None:
            found.setdefault(match[1], {})[int(match[2])] = slot
    alone: dict[str, Slot] = {}
    numbered: dict[str, dict[int, Slot]] = {}
    for slot in slots:
        match = _NUMBERED.fullmatch(slot.name)
        row = found[match[1]] if match is not None else {}
        if match is not None and len(row) > 1 and row[int(match[2])] is slot:
            numbered[match[1]] = row
        else:
            alone[slot.name] = slot
    return alone, numbered


def _label(name: str, right: float, y: float) -> str:
    return text(name, right, y + 0.5 * _BAR, looks.FONT_SIZE, looks.LINE, anchor="end")


def _bar(slot: Slot, x: float, y: float, width: float) -> str:
    """One choice: a track, on it a bar as long as the value is large, and the value."""
    tooltip = f"<title>{xml(f'{slot.name} = {slot.value}' if slot.value is not None else slot.name)}</title>"
    if slot.value is None:
        return f'{_group("none")} stroke-dasharray="3 3">{tooltip}{_rectangle(x, y, width)}</g>'
    family = looks.family(Node(slot.value, "op")) if slot.share is None else _NUMBER
    length = width * (1.0 if slot.share is None else slot.share)
    colours = looks.LIGHT[family if length else _TRACK]
    middle = text(slot.value, x + 0.5 * width, y + 0.5 * _BAR, looks.FONT_SIZE, colours.text)
    track = f"{_group(_TRACK)}>{tooltip}{_rectangle(x, y, width)}" + ("" if length else middle) + "</g>"
    edge = ' stroke="none"' if slot.share is not None else ""  # a line would cross the number
    return track + (f"{_group(family)}>{_rectangle(x, y, length, edge)}{middle}</g>" if length else "")


def _group(family: str) -> str:
    colours = looks.LIGHT[family]
    return f'<g class="archllm-{family}" fill="{colours.fill}" stroke="{colours.stroke}"'


def _rectangle(x: float, y: float, width: float, look: str = "") -> str:
    return f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(_BAR)}" rx="4"{look}/>'
