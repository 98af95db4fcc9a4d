"""Nested: blocks one below the other, and joins as boxes around their branches side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archllm.drawing import looks
from archllm.drawing.cell import Node
from archllm.drawing.panel import Panel, num, text, xml
from archllm.errors import InvalidInput
from archllm.operations import Operation

_GAP = 12.0
_PADDING = 8.0
_HEADING = 18.0
_WIRE = 10.0  # height of a branch that holds nothing


@dataclass(frozen=True)
class Leaf:
    """A block.

    Example:
        >>> Leaf("conv").label
        'conv'
    """

    label: str
    """Its name."""

    operation: Operation | None = None
    """What it does, which decides its colour; by default as its name says."""


@dataclass(frozen=True)
class Group:
    """What joins branches.

    Example:
        >>> len(Group("add", (Chain(()), Chain((Leaf("conv"),)))).branches)
        2
    """

    label: str
    """How it joins them."""

    branches: tuple[Chain, ...]
    """The branches."""


@dataclass(frozen=True)
class Chain:
    """Blocks and joins in a row; an empty one gives what it is given.

    Example:
        >>> list(Chain((Leaf("conv"), Group("add", (Chain(()), Chain((Leaf("pool"),)))))).labels())
        ['conv', 'add', 'pool']
    """

    parts: tuple[Leaf | Group, ...]
    """From the input on."""

    def labels(self) -> Iterator[str]:
        """Names of all blocks and joins, from the input on."""
        for part in self.parts:
            yield part.label
            if isinstance(part, Group):
                for branch in part.branches:
                    yield from branch.labels()


@dataclass(frozen=True)
class Nested:
    """A nested drawing.

    Raises:
        InvalidInput: it holds nothing.

    Example:
        >>> list(Nested(Chain((Leaf("conv"), Group("add", (Chain(()), Chain((Leaf("conv"),))))))).chain.labels())
        ['conv', 'add', 'conv']
    """

    chain: Chain
    """What to draw."""

    title: str = ""
    """A heading, where a drawing shows several."""

    def __post_init__(self) -> None:
        if not self.chain.parts:
            raise InvalidInput("a nested drawing needs at least one block")


def nested_panel(nested: Nested) -> Panel:
    """Draws a nested drawing without its title."""
    return _chain(nested.chain)


def _chain(chain: Chain) -> Panel:
    drawn = [_part(part) for part in chain.parts]
    if not drawn:
        return _wire(_WIRE)
    width = max(each.width for each in drawn)
    parts, y = [], 0.0
    for number, each in enumerate(drawn):
        if number:
            parts.append(f'<path d="M{num(width / 2)} {num(y)}v{num(_GAP)}" stroke="{looks.LINE}" fill="none"/>')
            y += _GAP
        parts.append(f'<g transform="translate({num((width - each.width) / 2)} {num(y)})">{each.body}</g>')
        y += each.height
    return Panel(width, y, "".join(parts))


def _wire(length: float) -> Panel:
    """A branch that gives what it is given: a line past the others."""
    line = f'<path d="M{num(_WIRE / 2)} 0V{num(length)}" stroke="{looks.LINE}" fill="none"/>'
    return Panel(_WIRE, length, f"<g><title>identity</title>{line}</g>")


def _part(part: Leaf | Group) -> Panel:
    if isinstance(part, Leaf):
        node = Node(part.label, "op", operation=part.operation)
        family = looks.family(node)
        colours = looks.LIGHT[family]
        width, height = looks.size(node)
        shape = f'<rect width="{num(width)}" height="{num(height)}" rx="6"/>'
        label = text(looks.short_label(node), width / 2, height / 2, looks.FONT_SIZE, colours.text)
        return Panel(
            width,
            height,
            f'<g class="archllm-node archllm-{family}" fill="{colours.fill}" stroke="{colours.stroke}" '
            f'stroke-width="1.4"><title>{xml(part.label)}</title>{shape}{label}</g>',
        )
    drawn = [_chain(branch) for branch in part.branches]
    inner = max(each.height for each in drawn)
    drawn = [each if branch.parts else _wire(inner) for each, branch in zip(drawn, part.branches, strict=True)]
    width = max(sum(each.width for each in drawn) + _GAP * (len(drawn) - 1), looks.text_width(part.label))
    x = (width - sum(each.width for each in drawn) - _GAP * (len(drawn) - 1)) / 2 + _PADDING
    box = f'width="{num(width + 2 * _PADDING)}" height="{num(inner + _HEADING + _PADDING)}"'
    parts = [
        f'<rect {box} rx="6" fill="none" stroke="{looks.LINE}"/>',
        text(part.label, width / 2 + _PADDING, _HEADING / 2, looks.FONT_SIZE, looks.LINE, weight="600"),
    ]
    for each in drawn:
        top = _HEADING + (inner - each.height) / 2
        parts.append(f'<g transform="translate({num(x)} {num(top)})">{each.body}</g>')
        x += each.width + _GAP
    return Panel(width + 2 * _PADDING, inner + _HEADING + _PADDING, "".join(parts))
