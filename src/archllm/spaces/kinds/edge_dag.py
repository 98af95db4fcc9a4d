"""edge_dag: one operation on every edge of the complete DAG on a few nodes.

As a graph, every edge of the cell becomes a node that carries its operation, between one input and one output; which
nodes are linked (the skeleton) is the same for all members, so a member is a tuple of choices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput, NotEnumerable, shown
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.base import MOST_OPS, SearchSpace

_LARGEST_LISTED = 5_000_000


class EdgeDag(SearchSpace):
    """A space of cells with one operation per edge.

    Labels are `0` input, `1 … k` the operations, `k + 1` output. Edges come target by target, and within a target by
    source: (1←0), (2←0), (2←1), (3←0), …

    Args:
        name: what the space is called.
        ops: names of the `k` operations.
        cell_nodes: nodes of the cell, the first being its input and the last its output.
    """

    kind = "edge_dag"

    def __init__(self, name: str, ops: tuple[str, ...], cell_nodes: int) -> None:
        if not 2 <= cell_nodes <= 8:
            raise InvalidInput(f"{name}: cell_nodes must be 2 to 8, got {cell_nodes}")
        if not 1 <= len(ops) <= MOST_OPS or len(set(ops)) != len(ops):
            raise InvalidInput(f"{name}: ops must be 1 to {MOST_OPS} different names, got {shown(ops)}")
        self.name = name
        self.op_names = ("input", *ops, "output")
        self.cell_edges = tuple((source, target) for target in range(1, cell_nodes) for source in range(target))
        self.max_nodes = len(self.cell_edges) + 2
        self.choices_per_edge = len(ops)
        self.size = len(ops) ** len(self.cell_edges)
        if self.size >= 2**63:
            raise InvalidInput(f"{name}: the space has {self.size:.3g} members, more than 64-bit keys can tell apart")
        self.enumerable = self.size <= _LARGEST_LISTED
        self.code_length = (len(self.cell_edges) + 1) // 2
        self.skeleton = self._skeleton(cell_nodes)

    def _skeleton(self, cell_nodes: int) -> NDArray[np.bool_]:
        """`v x v` links: an edge node is fed by the edge nodes that end where it starts."""
        adjacency = np.zeros((self.max_nodes, self.max_nodes), dtype=np.bool_)
        for at, (source, target) in enumerate(self.cell_edges, start=1):
            if source == 0:
                adjacency[0, at] = True
            for before, (_, end) in enumerate(self.cell_edges, start=1):
                adjacency[before, at] |= end == source
            if target == cell_nodes - 1:
                adjacency[at, -1] = True
        return adjacency

    def graphs_of(self, choices: NDArray[np.integer]) -> Graphs:
        """Graphs of `n x e` choices, each `0 … k - 1`, edges in the order of `cell_edges`."""
        ops = np.empty((len(choices), self.max_nodes), dtype=np.int8)
        ops[:, 0], ops[:, -1] = 0, self.choices_per_edge + 1
        ops[:, 1:-1] = choices + 1
        return Graphs(ops, np.repeat(self.skeleton[None], len(choices), axis=0))

    def choices_of(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n x e` choices of members."""
        return graphs.ops[:, 1 : self.max_nodes - 1].astype(np.int64) - 1

    def _rank(self, choices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position of members in the order of `enumerate`; here lexicographic, the first edge most significant."""
        return choices @ (self.choices_per_edge ** np.arange(len(self.cell_edges) - 1, -1, -1, dtype=np.int64))

    def _unrank(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The inverse of `_rank`."""
        powers = self.choices_per_edge ** np.arange(len(self.cell_edges) - 1, -1, -1, dtype=np.int64)
        return ranks[:, None] // powers % self.choices_per_edge

    def enumerate(self) -> Graphs:
        if not self.enumerable:
            raise NotEnumerable(f"{self.name} has {self.size:,} members, too many to list; use sample(n, rng)")
        return self.graphs_of(self._unrank(np.arange(self.size)))

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        self._check_count(n)
        return self.graphs_of(rng.integers(self.choices_per_edge, size=(n, len(self.cell_edges))))

    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        if graphs.nodes < self.max_nodes:
            graphs = graphs.padded(self.max_nodes)
        ops = graphs.ops[:, : self.max_nodes]
        inner = (ops[:, 1:-1] > 0) & (ops[:, 1:-1] <= self.choices_per_edge)
        ends = (ops[:, 0] == 0) & (ops[:, -1] == self.choices_per_edge + 1)
        rest = (graphs.ops[:, self.max_nodes :] == ABSENT).all(1)
        skeleton = np.zeros((graphs.nodes, graphs.nodes), dtype=np.bool_)
        skeleton[: self.max_nodes, : self.max_nodes] = self.skeleton
        valid: NDArray[np.bool_] = ends & inner.all(1) & rest & (graphs.adjacency == skeleton).all((1, 2))
        return valid

    def explain(self, graph: Graphs) -> str | None:
        if self.validate(graph)[0]:
            return None
        used = int((graph.ops[0] != ABSENT).sum())
        if used != self.max_nodes:
            return f"a cell has {self.max_nodes} nodes (input, {len(self.cell_edges)} edges, output), found {used}"
        expected = ("input", *["an operation"] * len(self.cell_edges), "output")
        for at, label in enumerate(graph.ops[0, : self.max_nodes]):
            if label == ABSENT:
                return f"node {at} is absent though later nodes exist"
            name = self.op_names[label] if 0 <= label < len(self.op_names) else f"unknown label {int(label)}"
            role = "an operation" if 0 < label <= self.choices_per_edge else name
            if role != expected[at]:
                return f"node {at} must be {expected[at]}, found {name}"
        wide = np.zeros_like(graph.adjacency[0])
        wide[: self.max_nodes, : self.max_nodes] = self.skeleton
        i, j = np.argwhere(graph.adjacency[0] != wide)[0]
        return f"the link {i} -> {j} is {'missing' if wide[i, j] else 'not part of the skeleton'}"

    def normalise(self, graphs: Graphs) -> Graphs:
        if graphs.nodes > self.max_nodes and self.validate(graphs).all():
            return graphs.padded(self.max_nodes)
        return graphs.padded(max(graphs.nodes, self.max_nodes))

    def relabel(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        return graphs  # every node of the skeleton has a role of its own: there is no other order

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._rank(self.choices_of(graphs))

    def _neighbours(self, graph: Graphs) -> Graphs:
        own = self.choices_of(graph)[0]
        variants = np.repeat(own[None], len(own) * self.choices_per_edge, axis=0)
        edge, op = np.divmod(np.arange(len(variants)), self.choices_per_edge)
        variants[np.arange(len(variants)), edge] = op
        return self.graphs_of(variants)
