"""SVG: whole documents, readable on light and dark pages, alone or many to a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from archllm.drawing import looks
from archllm.drawing.cell import Cell
from archllm.drawing.nested import Nested, nested_panel
from archllm.drawing.panel import Panel, attribute, num, panel, text, xml
from archllm.drawing.table import LEGEND, Table, table_panel
from archllm.errors import InvalidInput

Drawing = Cell | Table | Nested
"""What can be drawn."""

MARGIN = 8.0
"""Free space around a document."""

HEADING = 22.0
"""Height of the line that holds a cell's title."""

_BETWEEN = 28.0
_LEGEND_SIZE = 11.0
_NARROWEST = 200.0  # a plain chain would else be blown up to a tower where pages stretch pictures to their width
_FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def to_svg(cells: Sequence[Drawing]) -> str:
    """One self-contained SVG document that shows the cells side by side, with their titles if there are several.

    Below tables stands what their parts mean.

    It holds no ids and needs no style sheet, so any number of drawings can stand on one page; under a dark colour
    scheme its own style rules darken the boxes.

    Args:
        cells: what to draw, from left to right.

    Raises:
        InvalidInput: there are no cells.
    """
    if not cells:
        raise InvalidInput("a drawing needs at least one cell, got none")
    content = row_of_panels(cells)
    if any(isinstance(cell, Table) for cell in cells):
        content = _with_legend(content, LEGEND)
    return document(content, summary(cells))


def _with_legend(content: Panel, legend: str) -> Panel:
    """A panel above a line that says what its parts mean."""
    width = max(content.width, looks.text_width(legend, _LEGEND_SIZE))
    middle = 0.5 * (width - content.width)
    line = text(legend, 0.5 * width, content.height + 0.6 * HEADING, _LEGEND_SIZE, looks.LINE)
    body = f'<g transform="translate({num(middle)} 0)">{content.body}</g>{line}'
    return Panel(width, content.height + HEADING, body)


def row_of_panels(cells: Sequence[Drawing]) -> Panel:
    """Cells side by side, headed by their titles if there are several."""
    headed = len(cells) > 1 and any(cell.title for cell in cells)
    top = HEADING if headed else 0.0
    parts = []
    x = height = 0.0
    for cell in cells:
        drawn = _panel(cell)
        title = looks.clipped(cell.title, 40)
        width = max(drawn.width, looks.text_width(title) if headed else 0.0)
        if headed and title:
            parts.append(text(title, x + 0.5 * width, 0.4 * HEADING, looks.FONT_SIZE, looks.LINE, weight="600"))
        left = x + 0.5 * (width - drawn.width)
        parts.append(f'<g transform="translate({num(left)} {num(top)})">{drawn.body}</g>')
        x += width + _BETWEEN
        height = max(height, top + drawn.height)
    return Panel(x - _BETWEEN, height, "".join(parts))


def _panel(drawing: Drawing) -> Panel:
    if isinstance(drawing, Table):
        return table_panel(drawing)
    return nested_panel(drawing) if isinstance(drawing, Nested) else panel(drawing)


def document(content: Panel, title: str) -> str:
    """A complete SVG document around `content`, centred if it is narrow.

    Args:
        content: what to show.
        title: what a screen reader says about it.
    """
    width = max(content.width + 2 * MARGIN, _NARROWEST)
    height = content.height + 2 * MARGIN
    left = 0.5 * (width - content.width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="archllm-drawing" viewBox="0 0 {num(width)} {num(height)}" '
        f'width="{num(width)}" height="{num(height)}" style="max-width:100%;height:auto" role="img" '
        f'aria-label={attribute(title)} font-family="{_FONTS}">'
        f"<title>{xml(title)}</title><style>{_dark_rules()}</style>"
        f'<g transform="translate({num(left)} {num(MARGIN)})">{content.body}</g></svg>'
    )


def summary(cells: Sequence[Drawing]) -> str:
    """What the cells are, in words."""
    parts = []
    for cell in cells:
        if isinstance(cell, Table):
            chosen = (f"{slot.name} {'inactive' if slot.value is None else slot.value}" for slot in cell.slots)
            parts.append(f"Choices: {', '.join(chosen)}")
            continue
        if isinstance(cell, Nested):
            parts.append(f"Nested blocks: {', '.join(cell.chain.labels())}")
            continue
        ops = ", ".join(node.label for node in cell.nodes if node.role == "op") or "no operations"
        name = f"{cell.title} cell" if cell.title else "Cell"
        parts.append(f"{name} of {len(cell.nodes)} nodes and {len(cell.edges)} edges: {ops}")
    return "; ".join(parts)


@cache
def _dark_rules() -> str:
    rules = []
    for family, colours in looks.DARK.items():
        group = f".archllm-drawing .archllm-{family}"
        rules.append(f"{group}{{fill:{colours.fill};stroke:{colours.stroke}}}{group} text{{fill:{colours.text}}}")
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"
