"""Cell: what to draw, free of any search space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from archllm.graphs import ABSENT, Graphs

Role = Literal["input", "op", "sum", "output"]
"""What a node is for; it decides shape and colour."""


@dataclass(frozen=True)
class Node:
    """One node of a drawing."""

    label: str
    """Text written in the node; for an operation its full name, which also decides its colour."""

    role: Role
    """What the node is for."""


@dataclass(frozen=True)
class Cell:
    """One labelled DAG to draw. Nodes stand in a topological order."""

    nodes: tuple[Node, ...]
    """The nodes."""

    edges: tuple[tuple[int, int], ...]
    """Pairs `(source, target)` of node indices, `source < target`."""

    title: str = ""
    """A heading, where a drawing shows several cells."""


def cell_of_graph(graph: Graphs, op_names: Sequence[str], title: str = "") -> Cell:
    """The cell that draws a batch of one graph, node for node.

    Args:
        graph: a batch of one.
        op_names: the name of each label; `input` and `output` get their own roles.
        title: heading of the drawing.
    """
    used = [int(label) for label in graph.ops[0] if label != ABSENT]
    roles: dict[str, Role] = {"input": "input", "output": "output"}
    nodes = tuple(Node(op_names[label], roles.get(op_names[label], "op")) for label in used)
    edges = tuple((int(i), int(j)) for i, j in np.argwhere(graph.adjacency[0, : len(used), : len(used)]))
    return Cell(nodes, edges, title)
