"""Sheet: many architectures on one page, each with a caption."""

from __future__ import annotations

from collections.abc import Sequence

from archllm.drawing import looks
from archllm.drawing.panel import Panel, num, text
from archllm.drawing.svg import Drawing, document, row_of_panels
from archllm.errors import InvalidInput

_CAPTION = 20.0
_PAD = 12.0
_CAPTION_SIZE = 11.0
_NARROWEST = 130.0


def sheet(items: Sequence[tuple[str, Sequence[Drawing]]], columns: int = 4) -> str:
    """One SVG document with a grid of architectures, row by row, each below its caption.

    All are drawn to one scale; a caption that is wider than its column is cut, and whole in its tooltip.

    Args:
        items: caption and cells of each architecture.
        columns: how many stand side by side.

    Raises:
        InvalidInput: there is nothing to show, an architecture without cells, or no column.
    """
    if columns < 1:
        raise InvalidInput(f"a sheet needs at least one column, got {columns}")
    if not items:
        raise InvalidInput("a sheet needs at least one architecture, got none")
    for index, (caption, cells) in enumerate(items):
        if not cells:
            raise InvalidInput(f"architecture {index} of the sheet ({caption!r}) has no cells to draw")
    panels = [row_of_panels(cells) for _, cells in items]
    columns = min(columns, len(items))
    width = max(_NARROWEST, *(drawn.width for drawn in panels)) + 2 * _PAD
    parts = []
    y = 0.0
    for first in range(0, len(items), columns):
        row = range(first, min(first + columns, len(items)))
        height = max(panels[index].height for index in row) + _CAPTION + 2 * _PAD
        for index in row:
            parts.append(_tile(items[index][0], panels[index], (index - first) * width, y, width, height))
        y += height
    return document(Panel(columns * width, y, "".join(parts)), f"{len(items)} architectures")


def _tile(caption: str, drawn: Panel, x: float, y: float, width: float, height: float) -> str:
    room = width - 2 * _PAD
    line = " ".join(caption.split())
    shown = looks.clipped(line, int(room / looks.text_width("x", _CAPTION_SIZE)))
    head = text(shown, x + 0.5 * width, y + _PAD + 0.3 * _CAPTION, _CAPTION_SIZE, looks.LINE, full=line)
    left = x + 0.5 * (width - drawn.width)
    frame = (
        f'<rect x="{num(x + 3)}" y="{num(y + 3)}" width="{num(width - 6)}" height="{num(height - 6)}" rx="8" '
        f'fill="none" stroke="{looks.LINE}" stroke-opacity="0.25"/>'
    )
    return f'{frame}{head}<g transform="translate({num(left)} {num(y + _PAD + _CAPTION)})">{drawn.body}</g>'
