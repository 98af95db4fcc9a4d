"""The form in which the benchmark itself writes a cell.

Isomorphic cells can differ in size: where channels can't be shared evenly, the order of the vertices says who gets one
more. The benchmark listed all adjacency matrices as numbers, all labels of each, and kept the first of every
isomorphism class (its script `generate_graphs.py`); networks were made, trained and counted in that form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import ABSENT, Graphs
from archllm.spaces.kinds.permutations import NodePermutations


class OfficialForm:
    """Puts cells into official form.

    Args:
        max_nodes: most vertices.
        ops: number of operations.
    """

    def __init__(self, max_nodes: int, ops: int) -> None:
        self._permutations = {v: _OfficialOrder(v, ops) for v in range(2, max_nodes + 1)}

    def __call__(self, graphs: Graphs) -> Graphs:
        """The members, pruned and without gaps, each in official form; unused positions stay behind the output."""
        ops, adjacency = graphs.ops.copy(), graphs.adjacency.copy()
        used = (ops != ABSENT).sum(1)
        for v, permutations in self._permutations.items():
            at = np.flatnonzero(used == v)
            if len(at):
                keys = permutations.canonical(ops[at, :v], adjacency[at, :v, :v])
                official = permutations.unpack(keys).padded(graphs.nodes)
                ops[at], adjacency[at] = official.ops, official.adjacency
        return Graphs(ops, adjacency)


class _OfficialOrder(NodePermutations):
    """Keys that order cells as the benchmark lists them: by matrix, the last vertex' in-edges first, then by labels."""

    def _layout(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        width = int(self.ops).bit_length()
        number = self.source + self.target * (self.target - 1) // 2
        edges = number + self.inner * width
        ops = width * (self.inner - 1 - np.arange(self.inner))
        return edges.astype(np.int64), ops.astype(np.int64)
