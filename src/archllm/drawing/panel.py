"""Panel: one cell as a piece of SVG."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Literal

from archllm.drawing import looks
from archllm.drawing.cell import Cell, Node
from archllm.drawing.layout import ARROW, Box, Curve, Layout, lay_out

_SUBSCRIPT = re.compile(r"([^_{}]+)_\{([^{}]+)\}")
_NOT_XML = re.compile("[^\t\n\r\u0020-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Panel:
    """A drawn cell, its upper left corner at the origin."""

    width: float
    height: float
    body: str
    """SVG elements."""


def panel(cell: Cell) -> Panel:
    """Draws one cell without its title."""
    plan = lay_out(cell)
    faint = [looks.carries_nothing(node) for node in cell.nodes]
    strong = [not any(faint[end] for end in edge) for edge in cell.edges]
    drawn: set[Curve] = set()  # a shared piece is drawn once, for drawn twice it would look bolder
    parts = []
    for index in sorted(range(len(cell.edges)), key=lambda index: not strong[index]):
        parts.append(_edge(cell.edges[index], plan.routes[index], drawn, strong[index]))
    parts += [_arrowhead(cell, plan, target) for target in range(len(cell.nodes))]
    parts += [_node(node, box, index) for index, (node, box) in enumerate(zip(cell.nodes, plan.boxes, strict=True))]
    return Panel(plan.width, plan.height, "".join(parts))


def text(
    content: str,
    x: float,
    y: float,
    font_size: float,
    colour: str,
    weight: str = "normal",
    full: str = "",
    anchor: Literal["start", "middle", "end"] = "middle",
) -> str:
    """One line of text.

    Args:
        content: what is written; `a_{b}` writes b as a subscript.
        x: its horizontal middle, or what `anchor` says.
        y: its vertical middle.
        font_size: in drawing units.
        colour: a CSS colour.
        weight: a CSS font weight.
        full: a tooltip.
        anchor: what of it stands at `x`.
    """
    match = _SUBSCRIPT.fullmatch(content)
    inner = xml(content)
    if match is not None:
        inner = f'{xml(match[1])}<tspan dy="{num(0.25 * font_size)}" font-size="75%">{xml(match[2])}</tspan>'
    tooltip = f"<title>{xml(full)}</title>" if full else ""
    bold = "" if weight == "normal" else f' font-weight="{weight}"'
    # A shifted base line instead of `dominant-baseline`, which several viewers ignore.
    return (
        f'<text x="{num(x)}" y="{num(y + 0.35 * font_size)}" font-size="{num(font_size)}" text-anchor="{anchor}" '
        f'fill="{colour}" stroke="none"{bold}>{tooltip}{inner}</text>'
    )


def num(value: float) -> str:
    """A coordinate, as short as it can be written."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def xml(content: str) -> str:
    """Escaped text; what XML can't hold, and marks that turn the direction of writing, are replaced."""
    return escape(_NOT_XML.sub("\ufffd", content), quote=False).replace('"', "&quot;")


def attribute(content: str) -> str:
    """A quoted attribute value."""
    escaped = xml(content)
    for character in "\t\n\r":  # which an XML reader would else turn into spaces
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return f'"{escaped}"'


def _edge(edge: tuple[int, int], route: tuple[Curve, ...], drawn: set[Curve], strong: bool) -> str:
    look = ' stroke-width="1.5"' if strong else ' stroke-width="1.1" stroke-dasharray="3 3" opacity="0.6"'
    path = f'<path class="archllm-edge" data-edge="{edge[0]}-{edge[1]}" d="{_path(route, drawn)}"'
    return f'{path} fill="none" stroke="{looks.LINE}"{look}/>'


def _path(route: tuple[Curve, ...], drawn: set[Curve]) -> str:
    """Path commands for the pieces of a route that are not yet drawn; straight ones are joined."""
    commands: list[str] = []
    pen = None
    for index, piece in enumerate(route):
        if piece in drawn:
            continue
        drawn.add(piece)
        start, first, second, end = piece
        if start != pen:
            commands.append(f"M{num(start[0])} {num(start[1])}")
        if start[0] == end[0]:
            # The last line ends inside its arrowhead, whose tip it would blunt.
            line = f"V{num(end[1] - (0.6 * ARROW if index == len(route) - 1 else 0.0))}"
            if start == pen and commands[-1].startswith("V"):
                commands.pop()
            commands.append(line)
        else:
            commands.append("C" + " ".join(f"{num(x)} {num(y)}" for x, y in (first, second, end)))
        pen = end
    return "".join(commands)


def _arrowhead(cell: Cell, plan: Layout, target: int) -> str:
    """All edges of a node arrive at one point, so they share an arrowhead."""
    sources = [s for s, t in cell.edges if t == target]
    if not sources:
        return ""
    nodes = cell.nodes
    faint = looks.carries_nothing(nodes[target]) or all(looks.carries_nothing(nodes[s]) for s in sources)
    x, y = plan.boxes[target].centre, plan.boxes[target].y
    half = 0.5 * ARROW
    look = ' opacity="0.6"' if faint else ""
    corners = f"M{num(x)} {num(y)}L{num(x - half)} {num(y - ARROW)}H{num(x + half)}Z"
    return f'<path class="archllm-arrow" d="{corners}" fill="{looks.LINE}"{look}/>'


def _node(node: Node, box: Box, index: int) -> str:
    family = looks.family(node)
    colours = looks.LIGHT[family]
    short = looks.short_label(node)
    middle = box.y + 0.5 * box.height
    if node.role == "sum":
        shape = f'<circle cx="{num(box.centre)}" cy="{num(middle)}" r="{num(0.5 * box.width)}"/>'
    else:
        radius = 0.5 * looks.BOX_HEIGHT if family == "port" else 6.0
        shape = (
            f'<rect x="{num(box.x)}" y="{num(box.y)}" width="{num(box.width)}" height="{num(box.height)}" '
            f'rx="{num(radius)}"/>'
        )
    dashed = ' stroke-dasharray="3 3"' if family == "none" else ""
    upper = middle - (0.5 * looks.PLACE_HEIGHT if node.place else 0.0)
    label = text(short, box.centre, upper, looks.FONT_SIZE - (1.0 if node.role == "sum" else 0.0), colours.text)
    if node.place:
        label += text(node.place, box.centre, middle + 0.7 * looks.PLACE_HEIGHT, looks.PLACE_SIZE, colours.text)
    whole = f"{node.label}, {node.place}" if node.place else node.label
    return (
        f'<g class="archllm-node archllm-{family}" data-node="{index}" fill="{colours.fill}" '
        f'stroke="{colours.stroke}" stroke-width="1.4"{dashed}><title>{xml(whole)}</title>{shape}{label}</g>'
    )
