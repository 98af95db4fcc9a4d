"""What cells compute: operations that pass nothing on are cut out, those that change nothing are bridged.

Cells that are written differently can compute the same. The 15,625 strings of NAS-Bench-201 stand for 4,930
computations; a predictor that knows which are alike needs fewer labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import ABSENT, Graphs
from archllm.spaces import SearchSpace
from archllm.spaces.fingerprints import mixed


@dataclass(frozen=True)
class Computation:
    """`n` cells without what has no effect: only nodes on a path from an input to an output are linked.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> cell = space.parse("|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|")
        >>> int(computation(space, cell.graph).edges.sum())  # input -> 3x3 -> output: the skip is bridged
        2
    """

    ops: NDArray[np.int8]
    """`n x v` labels as in `Graphs`."""

    edges: NDArray[np.int64]
    """`n x v x v`; `edges[g, i, j]` says how many times the output of node `i` is added into the input of node `j`."""

    inputs: NDArray[np.bool_]
    """`n x v`; the nodes by which values enter."""

    outputs: NDArray[np.int64]
    """`n x m` positions of output nodes, one for each cell that stands in a graph."""

    def __len__(self) -> int:
        return len(self.ops)


def computation(space: SearchSpace, graphs: Graphs) -> Computation:
    """What members compute, by what operations do; in slots, that is not known.

    Args:
        space: the space.
        graphs: members.
    """
    normal = space.normalise(graphs).padded(space.max_nodes)
    edges = normal.adjacency.astype(np.int64)
    backward = edges.transpose(0, 2, 1)  # a view
    inputs = (normal.ops != ABSENT) & ~normal.adjacency.any(1)
    output = normal.ops == len(space.op_names) - 1
    zero, identity = (np.isin(normal.ops, labels) for labels in (space.labels_of("zero"), space.labels_of("identity")))
    edges[zero] = backward[zero] = 0
    for node in np.flatnonzero(identity.any(0)):  # in the order of the nodes, along the edges
        rows = np.flatnonzero(identity[:, node])
        edges[rows] += edges[rows, :, node, None] * edges[rows, node, None, :]
        edges[rows, node] = edges[rows, :, node] = 0
    alive = _reached(edges, inputs) & _reached(backward[:, ::-1, ::-1], output[:, ::-1])[:, ::-1]
    edges *= alive[:, :, None] & alive[:, None, :]
    cells = int(output[0].sum()) if len(normal) else 1
    return Computation(normal.ops, edges, inputs, np.nonzero(output)[1].reshape(len(normal), cells))


def computation_keys(space: SearchSpace, graphs: Graphs) -> NDArray[np.uint64]:
    """`n` keys, equal for members that compute the same once sums are written out.

    Hashes of 64 bits: of different computations two may share one, with a chance of less than one in a million for a
    million cells. Nodes that do the same to the same count as one that is read several times, as in the structures of
    NAS-Bench-201.
    """
    # A hash of the expression tree, node by node along the edges, with a mixing bijection m and arithmetic modulo 2^64:
    #     h(v) = m(m(sum over edges (u, v), with multiplicity, of m(h(u))) + label(v) + [v is an input] 2^32)
    # The sum forgets the order of what is added, so members have equal keys if their sums agree term by term.
    cells = computation(space, graphs)
    values = np.zeros(cells.ops.shape, dtype=np.uint64)
    for node in range(cells.ops.shape[1]):
        read = (cells.edges[:, :node, node].astype(np.uint64) * mixed(values[:, :node])).sum(1, dtype=np.uint64)
        entering = cells.inputs[:, node].astype(np.uint64) << np.uint64(32)
        values[:, node] = mixed(mixed(read) + (cells.ops[:, node].astype(np.int64) + 2).astype(np.uint64) + entering)
    whole = np.zeros(len(cells), dtype=np.uint64)
    for output in cells.outputs.T:
        whole = mixed(whole + values[np.arange(len(cells)), output])
    return whole


def computes_nothing(space: SearchSpace, graphs: Graphs) -> NDArray[np.bool_]:
    """`n` booleans: members in which nothing gets from an input to an output.

    Args:
        space: the space.
        graphs: `n` members.
    """
    if space.sequential:
        return np.zeros(len(graphs), dtype=np.bool_)  # members without a path from input to output are none
    return np.asarray(~computation(space, graphs).edges.any((1, 2)), dtype=np.bool_)


@lru_cache(maxsize=4)
def silent_members(space: SearchSpace) -> Graphs:
    """All members in which nothing gets from an input to an output, looked for once.

    Args:
        space: a space that can be enumerated.
    """
    graphs = space.enumerate()
    return graphs[computes_nothing(space, graphs)]


@dataclass(frozen=True)
class Paths:
    """Counts over all paths of `n` cells from an input to each of `m` outputs, for `k` groups of operations.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> cell = space.parse("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|")
        >>> found = paths(space, cell.graph, [[4], [3]])
        >>> found.paths.tolist(), found.most.tolist(), found.counts.tolist()
        ([[2.0]], [[[2.0, 1.0, 3.0]]], [[2, 1]])
    """

    paths: NDArray[np.float64]
    """`n x m`: how many there are."""

    total: NDArray[np.float64]
    """`n x m x (k + 1)`: how often operations of a group, and any at all, occur on all paths together."""

    most: NDArray[np.float64]
    """`n x m x (k + 1)`: on the path that has most of it; minus infinity without a path."""

    least: NDArray[np.float64]
    """`n x m x (k + 1)`: on the path that has least; infinity without a path."""

    counts: NDArray[np.int64]
    """`n x k`: nodes of a group that are on a path."""


def paths(space: SearchSpace, graphs: Graphs, groups: Sequence[Sequence[int]]) -> Paths:
    """Counts over all paths that have an effect.

    Args:
        space: the space.
        graphs: `n` members.
        groups: labels of operations that are counted together.
    """
    cells = computation(space, graphs)
    n, v = cells.ops.shape
    outputs = np.zeros((n, v), dtype=np.bool_)
    outputs[np.arange(n)[:, None], cells.outputs] = True
    inner = ~cells.inputs & ~outputs
    is_op = np.stack([np.isin(cells.ops, group) & ~cells.inputs for group in groups], axis=2)  # n x v x k
    step = np.concatenate([is_op, is_op.any(2, keepdims=True)], axis=2).astype(np.float64)  # last: any operation
    # Sums over all paths without listing them, by the distributive law along the order of the nodes (u before v):
    #     paths(v) = sum_u a_uv paths(u),      total(v) = sum_u a_uv total(u) + paths(v) step(v),
    #     most(v) = max_{u: a_uv > 0} most(u) + step(v),      and least(v) with a minimum,
    # a_uv being the multiplicity of an edge, and step(v) which operation node v counts as.
    routes = cells.inputs.astype(np.float64)
    total = np.zeros(step.shape)
    most, least = (np.where(cells.inputs[:, :, None], 0.0, bound * np.ones(step.shape)) for bound in (-np.inf, np.inf))
    for node in range(v):
        edges = cells.edges[:, :node, node].astype(np.float64)
        linked = (edges > 0)[:, :, None]
        routes[:, node] += (edges * routes[:, :node]).sum(1)
        total[:, node] = (edges[:, :, None] * total[:, :node]).sum(1) + routes[:, node, None] * step[:, node]
        longest = np.where(linked, most[:, :node], -np.inf).max(1, initial=-np.inf) + step[:, node]
        shortest = np.where(linked, least[:, :node], np.inf).min(1, initial=np.inf) + step[:, node]
        most[:, node] = np.maximum(most[:, node], longest)
        least[:, node] = np.minimum(least[:, node], shortest)
    at = np.arange(n)[:, None], cells.outputs
    alive = inner & cells.edges.any(2)
    counts = (is_op & alive[:, :, None]).sum(1)
    return Paths(routes[at], total[at], most[at], least[at], counts)


def weighted_paths(space: SearchSpace, graphs: Graphs, gains: Sequence[float]) -> NDArray[np.float64]:
    """`n x m`: the sum over all paths to each output of the product of the gains of their operations.

    With gains of 1 that counts paths; with 0 for some operations, those without them.

    Args:
        space: the space.
        graphs: `n` members.
        gains: of each label.
    """
    cells = computation(space, graphs)
    by_label = np.asarray(gains, dtype=np.float64)
    values = cells.inputs.astype(np.float64)
    for node in range(cells.ops.shape[1]):
        read = (cells.edges[:, :node, node] * values[:, :node]).sum(1)
        values[:, node] += read * by_label[cells.ops[:, node]]
    return values[np.arange(len(cells))[:, None], cells.outputs]


def path_statistics(space: SearchSpace, graphs: Graphs) -> NDArray[np.float32]:
    """`n x d` counts over all paths from input to output that have an effect, output by output.

    The number of paths, the length of the longest and of the shortest (-1 without any), and for each operation how
    often it occurs on all paths together, and on the paths that have most and least of it.
    """
    silent = space.labels_of("zero", "identity")
    found = paths(space, graphs, [[label] for label in range(len(space.op_names) - 1) if label not in silent])
    parts = []
    for output in range(found.paths.shape[1]):
        three = [each[:, output] for each in (found.total, found.most, found.least)]
        each = np.concatenate([found.paths[:, output, None], *three], axis=1)
        parts.append(np.where(np.isfinite(each), each, -1.0))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _reached(edges: NDArray[np.int64], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`n x v`: which nodes are on a path that begins at a start; edges go from earlier to later nodes."""
    reached = start.copy()
    for node in range(1, edges.shape[1]):
        reached[:, node] |= ((edges[:, :node, node] > 0) & reached[:, :node]).any(1)
    return reached
