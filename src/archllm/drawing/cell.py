"""Cell: what to draw, free of any search space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs
from archllm.operations import Operation

Role = Literal["input", "op", "sum", "output"]
"""What a node is for; it decides shape and colour."""


@dataclass(frozen=True)
class Node:
    """One node of a drawing.

    Example:
        >>> Node("conv3x3", "op").role
        'op'
    """

    label: str
    """Text written in the node; for an operation its full name."""

    role: Role
    """What the node is for."""

    place: str = ""
    """Where it stands in the text of the architecture, such as `0 → 2`; written below the label."""

    operation: Operation | None = None
    """What an operation does, which decides its colour; by default as its name says."""


@dataclass(frozen=True)
class Cell:
    """One labelled DAG to draw. Nodes stand in a topological order.

    Raises:
        InvalidInput: there is no node, or an edge runs backwards, leaves the nodes or stands twice.

    Example:
        >>> nodes = (Node("input", "input"), Node("conv3x3", "op"), Node("output", "output"))
        >>> Cell(nodes, ((0, 1), (1, 2))).nodes[1].label
        'conv3x3'
    """

    nodes: tuple[Node, ...]
    """In topological order; edges count them from 0."""

    edges: tuple[tuple[int, int], ...]
    """Pairs `(source, target)` of node indices, `source < target`."""

    title: str = ""
    """A heading, where a drawing shows several cells."""

    def __post_init__(self) -> None:
        if not self.nodes:
            raise InvalidInput("a cell needs at least one node to be drawn")
        for source, target in self.edges:
            if not 0 <= source < target < len(self.nodes):
                raise InvalidInput(
                    f"edges of a cell of {len(self.nodes)} nodes run from a lower to a higher node index, "
                    f"got ({source}, {target})"
                )
        if len(set(self.edges)) < len(self.edges):
            raise InvalidInput("a cell holds every edge once, got repeated edges")


def cell_of_graph(
    graph: Graphs, op_names: Sequence[str], title: str = "", operations: Mapping[str, Operation] | None = None
) -> Cell:
    """The cell that draws a batch of one graph, node for node.

    Args:
        graph: a batch of one.
        op_names: the name of each label; `input` and `output` get their own roles.
        title: heading of the drawing.
        operations: what operations do, by name; by default as their names say.

    Raises:
        InvalidInput: the graph is empty, has an edge against the node order, or a label without a name.
    """
    if len(graph) != 1:
        raise InvalidInput(f"one graph is needed, got a batch of {len(graph)}")
    used = np.flatnonzero(graph.ops[0] != ABSENT)
    labels = [int(label) for label in graph.ops[0, used]]
    if any(not 0 <= label < len(op_names) for label in labels):
        raise InvalidInput(f"labels of the graph lie between 0 and {len(op_names) - 1}, got {labels}")
    roles: dict[str, Role] = {"input": "input", "output": "output"}
    known = operations or {}
    names = [op_names[label] for label in labels]
    nodes = tuple(Node(name, roles.get(name, "op"), operation=known.get(name)) for name in names)
    edges = tuple((int(i), int(j)) for i, j in np.argwhere(graph.adjacency[0][np.ix_(used, used)]))
    return Cell(nodes, edges, title)
