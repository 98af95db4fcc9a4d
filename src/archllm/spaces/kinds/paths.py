"""Paths and orders of vertices in batches of DAGs with labelled vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import ABSENT, Graphs


def by_vertices(graphs: Graphs) -> dict[int, NDArray[np.int64]]:
    """For each number of vertices, the positions of the graphs that have so many."""
    used = (graphs.ops != ABSENT).sum(1)
    return {int(v): np.flatnonzero(used == v) for v in np.unique(used)}


def on_a_path(adjacency: NDArray[np.bool_], last: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`n x v`: vertices reachable from vertex 0 from which `last` is reachable, in upper-triangular graphs."""
    # In topological order one pass is enough: f_j = OR_{i<j} f_i A_ij from the input, b_i = OR_{j>i} A_ij b_j from the
    # output; a vertex lies on a path iff f and b. This is the pruning of NAS-Bench-101's ModelSpec (Ying et al., 2019).
    n, v = adjacency.shape[:2]
    forward = np.zeros((n, v), dtype=np.bool_)
    backward = np.zeros((n, v), dtype=np.bool_)
    forward[:, 0] = True
    backward[np.arange(n), last] = True
    for j in range(1, v):
        forward[:, j] = (forward[:, :j] & adjacency[:, :j, j]).any(1)
    for i in range(v - 2, -1, -1):
        backward[:, i] |= (backward[:, i + 1 :] & adjacency[:, i, i + 1 :]).any(1)
    return forward & backward


def topological_order(graphs: Graphs, urgency: NDArray[np.integer | np.floating]) -> NDArray[np.int64]:
    """`n x v`: vertices so that edges go forward; input first, output last, absent ones behind.

    Where several vertices could come next, the one with the smallest urgency (`n x v`, not negative) does.
    """
    # Kahn (1962): repeat v times: among the vertices none of whose sources wait, take the most urgent. With random
    # urgencies every order that is topological has a positive chance; they are not equally likely.
    n, v = graphs.ops.shape
    rows = np.arange(n)
    waiting = graphs.ops != ABSENT
    last = waiting.sum(1) - 1
    urgency = urgency.astype(np.float64)
    urgency[rows, last] = np.finfo(np.float64).max
    urgency[:, :1] = -1.0
    order = np.tile(np.arange(v), (n, 1))
    for position in range(v):
        blocked = (graphs.adjacency & waiting[:, :, None]).any(1) | ~waiting
        chosen = np.where(blocked, np.inf, urgency).argmin(1)
        live = position <= last
        order[live, position] = chosen[live]
        waiting[rows[live], chosen[live]] = False
    return order


def reachable(adjacency: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`v x v`: from which vertex (row) a path leads to which (column)."""
    # Transitive closure (Warshall, 1962): after step m, P_ij says whether a path i -> j has inner vertices <= m only.
    paths = adjacency.copy()
    for middle in range(len(paths)):
        paths |= paths[:, middle, None] & paths[None, middle]
    return paths


def reordered(graphs: Graphs, order: NDArray[np.int64]) -> Graphs:
    """The graphs with their vertices in another order, `n x v`."""
    rows = np.arange(len(graphs))[:, None]
    return Graphs(graphs.ops[rows, order], graphs.adjacency[rows[:, :, None], order[:, :, None], order[:, None, :]])


def is_chain(ops: NDArray[np.int8], adjacency: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`n` booleans: in which cells, in topological order, each vertex but the first reads the one before it."""
    steps = np.diagonal(adjacency, 1, axis1=1, axis2=2)
    found: NDArray[np.bool_] = (steps | (ops[:, 1:] == ABSENT)).all(1)
    return found


def without_vertex(ops: NDArray[np.int8], adjacency: NDArray[np.bool_], vertex: int) -> Graphs:
    """The graph of `v` vertices without one, the vertices before and behind it joined."""
    rest = [k for k in range(len(ops)) if k != vertex]
    smaller = adjacency[np.ix_(rest, rest)].copy()
    smaller[vertex - 1, vertex] = True
    return Graphs(ops[None, rest], smaller[None])


def with_vertex(ops: NDArray[np.int8], adjacency: NDArray[np.bool_], i: int, j: int, op: int) -> Graphs:
    """The graph of `v` vertices with a new one, second to last, that is fed by `i` and feeds `j`."""
    new = len(ops) - 1
    old = [*range(new), new + 1]
    wider = np.zeros((new + 2, new + 2), dtype=np.bool_)
    wider[np.ix_(old, old)] = adjacency
    wider[old[i], new] = wider[new, old[j]] = True
    return Graphs(np.insert(ops, new, op)[None], wider[None])
