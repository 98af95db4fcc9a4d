"""node_dag: operations on nodes, free edges between them, between one input and one output.

A member is a DAG on at most `max_nodes` vertices with at most `max_edges` edges in which every vertex lies on a path
from input to output. A graph with dangling vertices stands for the member that is left when they are pruned.
"""

from __future__ import annotations

from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput, shown
from archllm.graphs import ABSENT, Graphs, concatenate
from archllm.spaces.base import MOST_OPS, SearchSpace

INPUT = 0
"""Label of the input vertex."""

_BAD = np.int64(1) << 62  # marks a relabelling that is not upper-triangular; larger than any key
_KEY_BITS = 56  # of a key describe edges and operations; the number of vertices stands above them
_CHUNK = 16_384  # graphs per pass over the relabellings, so that the temporaries stay in cache


class NodeDag(SearchSpace):
    """A space of cells with one operation per vertex.

    Labels are `0` input, `1 … k` the operations, `k + 1` output.

    Args:
        name: what the space is called.
        ops: names of the `k` operations.
        max_nodes: most vertices, input and output included (2 to 8).
        max_edges: most edges.
    """

    kind = "node_dag"
    enumerable = True

    def __init__(self, name: str, ops: tuple[str, ...], max_nodes: int, max_edges: int) -> None:
        if not 2 <= max_nodes <= 8:
            raise InvalidInput(f"{name}: max_nodes must be 2 to 8 for exact canonical keys, got {max_nodes}")
        if not 1 <= len(ops) <= MOST_OPS or len(set(ops)) != len(ops):
            raise InvalidInput(f"{name}: ops must be 1 to {MOST_OPS} different names, got {shown(ops)}")
        if max_edges < 1:
            raise InvalidInput(f"{name}: max_edges must be at least 1, got {max_edges}")
        bits = max_nodes * (max_nodes - 1) // 2 + (max_nodes - 2) * len(ops).bit_length()
        if bits > _KEY_BITS:
            raise InvalidInput(
                f"{name}: {len(ops)} ops on {max_nodes} nodes need {bits}-bit keys, more than {_KEY_BITS}"
            )
        self.name = name
        self.op_names = ("input", *ops, "output")
        self.max_nodes = max_nodes
        self.max_edges = max_edges
        self.code_length = max_nodes - 1
        self.output = len(ops) + 1
        self._relabellings = {v: Relabellings(v, len(ops)) for v in range(2, max_nodes + 1)}

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of members, by enumeration."""
        return len(self._all)

    def enumerate(self) -> Graphs:
        return Graphs(self._all.ops.copy(), self._all.adjacency.copy())

    @cached_property
    def _all(self) -> Graphs:
        keys = [r.enumerate(self.max_edges) for r in self._relabellings.values()]
        return concatenate([self._unpack(k, v) for v, k in zip(self._relabellings, keys, strict=True)]).padded(
            self.max_nodes
        )

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        self._check_count(n)
        return self._all[rng.integers(len(self._all), size=n)]

    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        return self._prune(graphs)[1]

    def explain(self, graph: Graphs) -> str | None:
        ops, adjacency = graph.ops[0], graph.adjacency[0]
        used = int((ops != ABSENT).sum())
        if used < 2:
            return f"at least 2 vertices (input and output) are needed, found {used}"
        if (ops[:used] == ABSENT).any():
            return f"vertex {int(np.argmax(ops == ABSENT))} is absent though later vertices exist"
        if ops[0] != INPUT:
            return f"the first vertex must be {self.op_names[INPUT]!r}, found {self._name(ops[0])!r}"
        if ops[used - 1] != self.output:
            return f"the last vertex must be {self.op_names[self.output]!r}, found {self._name(ops[used - 1])!r}"
        lower = np.argwhere(np.tril(adjacency))
        if len(lower):
            i, j = lower[0]
            return f"the matrix must be strictly upper-triangular (edges go forward), found the edge {i} -> {j}"
        outside = np.argwhere(adjacency[:, used:])
        if len(outside):
            return f"vertex {int(outside[0, 1]) + used} has an edge but no operation"
        keep = _on_a_path(graph.adjacency, np.array([used - 1]))[0]
        if not keep[0]:
            return "no path leads from input to output"
        for vertex in np.flatnonzero(keep[: used - 1])[1:]:
            if not INPUT < ops[vertex] < self.output:
                legal = ", ".join(self.op_names[1:-1])
                return f"vertex {vertex} has the operation {self._name(ops[vertex])!r}; legal are {legal}"
        if keep.sum() > self.max_nodes:
            return f"at most {self.max_nodes} vertices are allowed, found {int(keep.sum())} after pruning"
        edges = int(adjacency[np.ix_(keep, keep)].sum())
        if edges > self.max_edges:
            return f"at most {self.max_edges} edges are allowed, found {edges} after pruning"
        return None

    def normalise(self, graphs: Graphs) -> Graphs:
        pruned, valid = self._prune(graphs)
        nodes = max(self.max_nodes, graphs.nodes)
        ops = graphs.padded(nodes).ops.copy()
        adjacency = graphs.padded(nodes).adjacency.copy()
        rows = np.flatnonzero(valid)
        keys = self._keys_of_pruned(pruned[rows])
        for v, at in _by_vertices(pruned[rows]).items():
            normal = self._unpack(keys[at], v).padded(nodes)
            ops[rows[at]], adjacency[rows[at]] = normal.ops, normal.adjacency
        result = Graphs(ops, adjacency)
        spare = (ops[:, self.max_nodes :] == ABSENT).all() and not adjacency[:, self.max_nodes :].any()
        return result.padded(self.max_nodes) if spare and not adjacency[:, :, self.max_nodes :].any() else result

    def relabel(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        return _permute(graphs, _topological_order(graphs, rng.random(graphs.ops.shape)))

    def official_hash(self, graph: Graphs) -> str | None:
        return None

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._keys_of_pruned(self._prune(graphs)[0])

    def _keys_of_pruned(self, graphs: Graphs) -> NDArray[np.int64]:
        keys = np.empty(len(graphs), dtype=np.int64)
        for v, at in _by_vertices(graphs).items():
            keys[at] = self._relabellings[v].canonical(graphs.ops[at, :v], graphs.adjacency[at, :v, :v])
        return keys

    def _unpack(self, keys: NDArray[np.int64], vertices: int) -> Graphs:
        """The normalised graphs behind canonical keys of cells with so many vertices."""
        return self._relabellings[vertices].unpack(keys)

    def _prune(self, graphs: Graphs) -> tuple[Graphs, NDArray[np.bool_]]:
        """Removes vertices that are on no path from input to output, and says which results are members."""
        graphs = graphs.padded(max(graphs.nodes, 1))
        ops, adjacency = graphs.ops, graphs.adjacency
        rows = np.arange(len(graphs))
        present = ops != ABSENT
        used = present.sum(1)
        last = np.maximum(used - 1, 0)
        well_formed = (
            (used >= 2)
            & (present.cumsum(1)[rows, last] == used)  # no gap before the last vertex
            & (ops[:, 0] == INPUT)
            & (ops[rows, last] == self.output)
            & ~np.tril(adjacency).any((1, 2))
            & ~(adjacency & ~present[:, None, :]).any((1, 2))
        )
        keep = _on_a_path(np.triu(adjacency, 1), last) & present
        order = np.argsort(~keep, axis=1, kind="stable")
        pruned_ops = np.where(np.take_along_axis(keep, order, 1), np.take_along_axis(ops, order, 1), ABSENT)
        linked = adjacency & keep[:, :, None] & keep[:, None, :]
        linked = linked[rows[:, None, None], order[:, :, None], order[:, None, :]]
        inner = keep & (np.arange(ops.shape[1]) > 0) & (np.arange(ops.shape[1]) < last[:, None])
        legal = (~inner | ((ops > INPUT) & (ops < self.output))).all(1)
        small = (keep.sum(1) <= self.max_nodes) & (linked.sum((1, 2)) <= self.max_edges)
        valid = well_formed & keep[:, 0] & legal & small
        return Graphs(pruned_ops, linked), valid

    def _neighbours(self, graph: Graphs) -> Graphs:
        used = int((graph.ops[0] != ABSENT).sum())
        ops, adjacency = graph.ops[0, :used], graph.adjacency[0, :used, :used]
        behind = _reachable(adjacency)
        pairs = [(i, j) for i in range(used - 1) for j in range(1, used) if i != j and not behind[j, i]]
        found: list[Graphs] = []
        for vertex in range(1, used - 1):  # another operation
            for op in range(1, self.output):
                changed = ops.copy()
                changed[vertex] = op
                found.append(Graphs(changed[None], adjacency[None]))
        for i, j in pairs:  # one edge more or less; a vertex cut off by it is pruned
            flipped = adjacency.copy()
            flipped[i, j] = ~flipped[i, j]
            found.append(Graphs(ops[None], flipped[None]))
        if used < self.max_nodes:  # a new vertex between two others
            found.extend(_with_vertex(ops, adjacency, i, j, op) for i, j in pairs for op in range(1, self.output))
        variants = concatenate(found)
        return _permute(variants, _topological_order(variants, np.tile(np.arange(variants.nodes), (len(found), 1))))

    def _name(self, label: int) -> str:
        return self.op_names[label] if 0 <= label < len(self.op_names) else f"unknown label {int(label)}"


class Relabellings:
    """All orders of the inner vertices of a `v`-vertex cell, as look-up tables from raw bits to packed keys.

    A key packs, from the most significant bits down: the number of vertices, then vertex by vertex its in-edges and
    its operation. The canonical key is the smallest over all relabellings that keep edges pointing forward, so a
    canonical cell is the lexicographically smallest sentence about itself, read in vertex order.
    """

    def __init__(self, vertices: int, ops: int) -> None:
        self.vertices, self.ops = vertices, ops
        self.source, self.target = np.array([(i, j) for j in range(1, vertices) for i in range(j)], dtype=np.int64).T
        self.inner = vertices - 2
        self.edge_shift, self.op_shift = self._layout()
        self.version = np.int64(vertices) << _KEY_BITS
        self.low_bits = min(len(self.source), 11)

    def _layout(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Bit position in the key of each edge (by raw index) and of each inner vertex' operation."""
        width = int(self.ops).bit_length()
        edges = np.zeros(len(self.source), dtype=np.int64)
        ops = np.zeros(self.inner, dtype=np.int64)
        position = 0
        for vertex in range(self.vertices - 1, 0, -1):
            if vertex <= self.inner:
                ops[vertex - 1] = position
                position += width
            for raw in np.flatnonzero(self.target == vertex):
                edges[raw] = position
                position += 1
        return edges, ops

    @cached_property
    def tables(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Per relabelling: key bits of the low raw edges, of the high raw edges, and of the operations."""
        orders = np.array([(0, *p, self.vertices - 1) for p in permutations(range(1, self.vertices - 1))])
        raw_index = np.full((self.vertices, self.vertices), -1, dtype=np.int64)
        raw_index[self.source, self.target] = np.arange(len(self.source))
        moved = raw_index[orders[:, self.source], orders[:, self.target]]  # p x e, -1 where the edge turns back
        bits = np.where(moved >= 0, np.int64(1) << self.edge_shift[moved], _BAD)
        low = _subset_or(bits[:, : self.low_bits])
        high = _subset_or(bits[:, self.low_bits :])
        codes = np.arange(self.ops**self.inner)
        labels = np.zeros((len(orders), len(codes)), dtype=np.int64)
        for vertex in range(self.inner):
            op = codes // self.ops**vertex % self.ops + 1
            labels |= op[None] << self.op_shift[orders[:, vertex + 1] - 1][:, None]
        return low, high, labels

    def canonical(self, ops: NDArray[np.int8], adjacency: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Canonical keys of pruned cells with exactly `v` vertices (`n x v`, `n x v x v`)."""
        masks = adjacency[:, self.source, self.target] @ (np.int64(1) << np.arange(len(self.source)))
        labels = (ops[:, 1:-1].astype(np.int64) - 1) @ (self.ops ** np.arange(self.inner, dtype=np.int64))
        return np.concatenate(
            [self._smallest(masks[i : i + _CHUNK], labels[i : i + _CHUNK]) for i in range(0, len(masks), _CHUNK)]
            or [np.zeros(0, dtype=np.int64)]
        )

    def _smallest(self, masks: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        low, high, names = self.tables
        below, above = masks & ((1 << self.low_bits) - 1), masks >> self.low_bits
        best = low[0][below] | high[0][above] | names[0][labels]
        for p in range(1, len(low)):
            np.minimum(best, low[p][below] | high[p][above] | names[p][labels], out=best)
        keys: NDArray[np.int64] = best | self.version
        return keys

    def enumerate(self, max_edges: int) -> NDArray[np.int64]:
        """Canonical keys of all cells with exactly `v` vertices, ascending."""
        low, high, labels = self.tables
        shapes = self._shapes(max_edges)
        below, above = shapes & ((1 << self.low_bits) - 1), shapes >> self.low_bits
        edges = low[:, below] | high[:, above]  # relabelling x shape
        best = np.full((len(shapes), labels.shape[1]), _BAD, dtype=np.int64)
        for p in range(len(low)):
            at = np.flatnonzero(edges[p] < _BAD)
            best[at] = np.minimum(best[at], edges[p, at, None] | labels[p])
        keys: NDArray[np.int64] = np.unique(best) | self.version
        return keys

    def _shapes(self, max_edges: int) -> NDArray[np.int64]:
        """One raw edge mask per unlabelled shape."""
        masks = np.arange(1 << len(self.source), dtype=np.int64)
        masks = masks[np.bitwise_count(masks) <= max_edges]
        for vertex in range(self.vertices):  # every vertex has a way in (but the input) and out (but the output)
            for ends, exempt in ((self.target, 0), (self.source, self.vertices - 1)):
                if vertex != exempt:
                    masks = masks[masks & int((np.int64(1) << np.flatnonzero(ends == vertex)).sum()) != 0]
        low, high, _ = self.tables
        own = low[0][masks & ((1 << self.low_bits) - 1)] | high[0][masks >> self.low_bits]
        for p in range(1, len(low)):  # drop a mask as soon as one relabelling of it is smaller
            moved = low[p][masks & ((1 << self.low_bits) - 1)] | high[p][masks >> self.low_bits]
            masks, own = masks[moved >= own], own[moved >= own]
        return masks

    def unpack(self, keys: NDArray[np.int64]) -> Graphs:
        """Graphs (on exactly `v` positions) that the keys describe."""
        n, v = len(keys), self.vertices
        ops = np.empty((n, v), dtype=np.int8)
        ops[:, 0], ops[:, -1] = INPUT, self.ops + 1
        ops[:, 1:-1] = (keys[:, None] >> self.op_shift) & ((1 << int(self.ops).bit_length()) - 1)
        adjacency = np.zeros((n, v, v), dtype=np.bool_)
        adjacency[:, self.source, self.target] = (keys[:, None] >> self.edge_shift) & 1
        return Graphs(ops, adjacency)


def _subset_or(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """`p x 2^e`: the OR of every subset of the `e` values in each row."""
    table = np.zeros((len(bits), 1), dtype=np.int64)
    for column in bits.T:
        table = np.concatenate([table, table | column[:, None]], axis=1)
    return table


def _by_vertices(graphs: Graphs) -> dict[int, NDArray[np.int64]]:
    used = (graphs.ops != ABSENT).sum(1)
    return {int(v): np.flatnonzero(used == v) for v in np.unique(used)}


def _on_a_path(adjacency: NDArray[np.bool_], last: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`n x v`: vertices reachable from vertex 0 from which `last` is reachable, in upper-triangular graphs."""
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


def _topological_order(graphs: Graphs, urgency: NDArray[np.integer | np.floating]) -> NDArray[np.int64]:
    """`n x v`: vertices so that edges go forward; input first, output last, absent ones behind.

    Where several vertices could come next, the one with the smallest urgency (`n x v`, not negative) does.
    """
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


def _reachable(adjacency: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`v x v`: from which vertex (row) a path leads to which (column)."""
    paths = adjacency.copy()
    for middle in range(len(paths)):
        paths |= paths[:, middle, None] & paths[None, middle]
    return paths


def _permute(graphs: Graphs, order: NDArray[np.int64]) -> Graphs:
    rows = np.arange(len(graphs))[:, None]
    return Graphs(graphs.ops[rows, order], graphs.adjacency[rows[:, :, None], order[:, :, None], order[:, None, :]])


def _with_vertex(ops: NDArray[np.int8], adjacency: NDArray[np.bool_], i: int, j: int, op: int) -> Graphs:
    """The graph of `v` vertices with a new one, second to last, that is fed by `i` and feeds `j`."""
    new = len(ops) - 1
    old = [*range(new), new + 1]
    wider = np.zeros((new + 2, new + 2), dtype=np.bool_)
    wider[np.ix_(old, old)] = adjacency
    wider[old[i], new] = wider[new, old[j]] = True
    return Graphs(np.insert(ops, new, op)[None], wider[None])
