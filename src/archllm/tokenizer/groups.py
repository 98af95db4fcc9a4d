"""Which nodes each code speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs

PACKED_NODES = 48
"""Node positions whose in-edges and label fit into one number."""


@dataclass(frozen=True)
class NodeGroups:
    """Consecutive node positions, split into as many groups as there are codes."""

    nodes: NDArray[np.int64]
    """`length x width` node positions, -1 where a group has fewer nodes than the widest."""

    @property
    def length(self) -> int:
        """Number of groups."""
        return len(self.nodes)

    @staticmethod
    def of(graphs: Graphs, length: int) -> NodeGroups:
        """Splits the nodes that differ between the graphs evenly; each constant node joins the group beside it.

        Raises:
            InvalidInput: there are fewer varying nodes than groups.
        """
        varying = np.flatnonzero(varying_nodes(graphs))
        if not 1 <= length <= max(1, len(varying)):
            raise InvalidInput(
                f"tokenizer.code_length must be 1 to {len(varying)}, the nodes that vary between architectures, "
                f"got {length}"
            )
        starts = [int(part[0]) for part in np.array_split(varying, length)] if len(varying) else [0]
        bounds = [0, *starts[1:], graphs.nodes]
        groups = [list(range(a, b)) for a, b in pairwise(bounds)]
        width = max(map(len, groups))
        return NodeGroups(np.array([group + [-1] * (width - len(group)) for group in groups]))


def varying_nodes(graphs: Graphs) -> NDArray[np.bool_]:
    """`v` booleans: which positions have more than one combination of label and in-edges among the graphs."""
    same_label = (graphs.ops == graphs.ops[:1]).all(0)
    if graphs.edgeless:
        return np.asarray(~same_label, dtype=np.bool_)
    same_edges = (graphs.adjacency == graphs.adjacency[:1]).all((0, 1))
    varying: NDArray[np.bool_] = ~(same_label & same_edges)
    return varying


def node_tokens(graphs: Graphs) -> NDArray[np.int64]:
    """`n x v` numbers that stand for a node's label and set of in-edges (at most `PACKED_NODES` node positions).

    Raises:
        InvalidInput: there are more node positions.
    """
    if graphs.edgeless:
        return (graphs.ops.astype(np.int64) + 1) << 48
    if graphs.nodes > PACKED_NODES:
        raise InvalidInput(f"node tokens hold at most {PACKED_NODES} node positions, got {graphs.nodes}")
    packed = np.packbits(graphs.adjacency, axis=1, bitorder="little")  # n x bytes x v
    tokens = (graphs.ops.astype(np.int64) + 1) << 48
    for byte in range(packed.shape[1]):
        tokens |= packed[:, byte].astype(np.int64) << (8 * byte)
    return tokens


def graphs_of_tokens(tokens: NDArray[np.int64], linked: bool = True) -> Graphs:
    """The inverse of `node_tokens`; of graphs that are not linked, without edges."""
    if not linked:
        return Graphs.unlinked(((tokens >> 48) - 1).astype(np.int8))
    nodes = tokens.shape[1]
    sources = (tokens[:, None, :] >> np.arange(nodes)[None, :, None]) & 1
    return Graphs((tokens >> 48) - 1, sources.astype(np.bool_))
