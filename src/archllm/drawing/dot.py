"""DOT: cells in Graphviz' language, for those who want to style or lay them out themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from archllm.drawing import looks
from archllm.drawing.cell import Cell, Node
from archllm.drawing.nested import Chain, Leaf, Nested
from archllm.drawing.panel import xml
from archllm.drawing.svg import Drawing
from archllm.drawing.table import Table
from archllm.errors import InvalidInput
from archllm.operations import Operation

_UNSEEN = re.compile("[\x01-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What steers a terminal or turns the direction of writing."""


def to_dot(cells: Sequence[Drawing]) -> str:
    """A `digraph` of the cells, one cluster for each if there are several; a table is one node.

    Args:
        cells: what to write.

    Raises:
        InvalidInput: there are no cells.

    Example:
        >>> print(to_dot([Cell((Node("input", "input"), Node("output", "output")), ((0, 1),))]))
        digraph {
          node [fontname="Helvetica", style="filled,rounded", shape="box"];
          n0_0 [label="input", fillcolor="#4a525c", color="#4a525c", fontcolor="#ffffff"];
          n0_1 [label="output", fillcolor="#4a525c", color="#4a525c", fontcolor="#ffffff"];
          n0_0 -> n0_1;
        }
        <BLANKLINE>
    """
    if not cells:
        raise InvalidInput("a drawing needs at least one cell, got none")
    lines = ["digraph {", '  node [fontname="Helvetica", style="filled,rounded", shape="box"];']
    for index, cell in enumerate(cells):
        body = _described(cell, index)
        if len(cells) > 1:
            inner = [f"label={_quoted(cell.title)};", *body]
            body = [f"subgraph cluster_{index} {{", *(f"  {line}" for line in inner), "}"]
        lines += [f"  {line}" for line in body]
    return "\n".join([*lines, "}", ""])


def _described(drawing: Drawing, index: int) -> list[str]:
    if isinstance(drawing, Table):
        return [_table(drawing, index)]
    return _nested(drawing, index) if isinstance(drawing, Nested) else _body(drawing, index)


def _nested(nested: Nested, index: int) -> list[str]:
    """Blocks as nodes, joins as clusters that end in a node of their own."""
    lines: list[str] = []
    count = 0

    def node(label: str, role: Literal["input", "op", "sum", "output"], operation: Operation | None = None) -> str:
        nonlocal count
        count += 1
        lines.append(f"n{index}_{count} [{_look(Node(label, role, operation=operation))}];")
        return f"n{index}_{count}"

    def chain(part: Chain, source: str) -> str:
        for each in part.parts:
            if isinstance(each, Leaf):
                target = node(each.label, "op", each.operation)
                lines.append(f"{source} -> {target};")
            else:
                lines.append(f"subgraph cluster_{index}_{count} {{ label={_quoted(each.label)};")
                ends = [chain(branch, source) for branch in each.branches]
                target = node(each.label, "op")
                through = [' [label="identity"]' if end == source else "" for end in ends]
                lines.extend(f"{end} -> {target}{look};" for end, look in zip(ends, through, strict=True))
                lines.append("}")
            source = target
        return source

    last = chain(nested.chain, node("input", "input"))
    lines.append(f"{last} -> {node('output', 'output')};")
    return lines


def _table(table: Table, index: int) -> str:
    rows = "".join(
        f"<TR><TD>{xml(slot.name)}</TD><TD>{xml('' if slot.value is None else slot.value)}</TD></TR>"
        for slot in table.slots
    )
    return f'n{index} [shape="plain", label=<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0">{rows}</TABLE>>];'


def _body(cell: Cell, index: int) -> list[str]:
    nodes = [f"n{index}_{i} [{_look(node)}];" for i, node in enumerate(cell.nodes)]
    edges = []
    for source, target in cell.edges:
        faint = looks.carries_nothing(cell.nodes[source]) or looks.carries_nothing(cell.nodes[target])
        look = ' [style="dashed"]' if faint else ""
        edges.append(f"n{index}_{source} -> n{index}_{target}{look};")
    return nodes + edges


def _look(node: Node) -> str:
    colours = looks.LIGHT[looks.family(node)]
    label = f"{node.label}\n{node.place}" if node.place else node.label
    attributes = {"label": label, "fillcolor": colours.fill, "color": colours.stroke, "fontcolor": colours.text}
    if looks.carries_nothing(node):
        attributes |= {"style": "dashed,rounded", "fillcolor": "transparent"}
    if node.role == "sum":
        attributes |= {"shape": "circle", "style": "filled"}
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    """A DOT string; a backslash is doubled, since Graphviz would read it as the start of an escape."""
    text = _UNSEEN.sub("\ufffd", text.encode(errors="replace").decode())
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "").replace("\0", "")
    return f'"{escaped}"'
