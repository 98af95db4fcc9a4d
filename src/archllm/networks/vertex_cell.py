"""Cells of operations on vertices, as plain values and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archllm.graphs import ABSENT, Graphs


@dataclass(frozen=True)
class VertexCell:
    """One cell with an operation on each vertex.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench101")
        >>> text = '{"matrix": [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]}'
        >>> VertexCell.of(space.parse(text).graph, space.op_names).notes()
        ['vertex 1 = maxpool3x3(input)']
    """

    matrix: tuple[tuple[int, ...], ...]
    """`matrix[i][j]` is 1 where vertex `i` feeds vertex `j`."""

    ops: tuple[str, ...]
    """Names of the operations, `input` first and `output` last."""

    names: tuple[str, ...]
    """What notes call the vertices."""

    @staticmethod
    def of(graph: Graphs, op_names: tuple[str, ...]) -> VertexCell:
        """The cell of a single graph whose unused positions are behind the output."""
        used = int((graph.ops[0] != ABSENT).sum())
        matrix = graph.adjacency[0, :used, :used].astype(int).tolist()
        names = ("input", *(f"vertex {vertex}" for vertex in range(1, used - 1)), "output")
        return VertexCell(tuple(map(tuple, matrix)), tuple(op_names[label] for label in graph.ops[0, :used]), names)

    def sources(self, vertex: int) -> list[str]:
        """Names of the vertices that feed a vertex."""
        return [self.names[i] for i in np.flatnonzero(np.array(self.matrix)[:, vertex])]

    def notes(self) -> list[str]:
        """What each inner vertex computes, a line each."""
        inner = range(1, len(self.ops) - 1)
        return [f"{self.names[j]} = {self.ops[j]}({' + '.join(self.sources(j))})" for j in inner]
