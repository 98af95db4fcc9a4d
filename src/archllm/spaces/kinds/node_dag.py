"""node_dag: operations on nodes, free edges between them, between one input and one output.

A member is a DAG on at most `max_nodes` vertices with at most `max_edges` edges in which every vertex lies on a path
from input to output. A graph with dangling vertices stands for the member that is left when they are pruned. Small
spaces are listed or counted network by network (`listed_dags`), others as `large_dags` says.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.errors import NotEnumerable
from archllm.graphs import ABSENT, Graphs, concatenate
from archllm.spaces.base import SearchSpace
from archllm.spaces.constraints import compile_constraints
from archllm.spaces.definition import NodeDagDefinition
from archllm.spaces.kinds.large_dags import LargeDags
from archllm.spaces.kinds.listed_dags import ListedDags, can_be_listed, fulfilled
from archllm.spaces.kinds.paths import (
    is_chain,
    on_a_path,
    reachable,
    reordered,
    topological_order,
    with_vertex,
    without_vertex,
)
from archllm.spaces.kinds.vocabularies import NodeVocabulary
from archllm.spaces.parameters import Parameter, Parameters
from archllm.spaces.sizes import written_size
from archllm.spaces.texts import matrices as texts

INPUT = 0
"""Label of the input vertex."""


class NodeDag(SearchSpace):
    """A space of cells with one operation per vertex.

    Labels are `0` input, `1 … k` the operations, `k + 1` output. A space of more than 8 vertices, or of too many graphs
    to go through, counts ways to write a cell with its vertices in one order, and draws are uniform over those; with a
    chain there is one way for each cell.

    Args:
        definition: operations, limits and constraints.

    Raises:
        DefinitionError: it defines no space that can be worked with.

    Example:
        >>> space = NodeDag(NodeDagDefinition(name="tiny", ops=("conv", "pool"), max_vertices=4, max_edges=5))
        >>> space.size
        39
    """

    kind = "node_dag"
    ops: tuple[str, ...]
    definition: NodeDagDefinition

    def __init__(self, definition: NodeDagDefinition) -> None:
        self._define(definition)
        self.ops = definition.ops
        self.op_names = ("input", *self.ops, "output")
        self.max_nodes, self.max_edges = definition.max_vertices, definition.max_edges
        self.max_in, self.max_out = definition.max_in_degree, definition.max_out_degree
        self.chain = definition.chain
        self.output = len(self.ops) + 1
        self.vocabulary = NodeVocabulary(self.ops, self.max_nodes)
        self.constraints = compile_constraints(definition.constraints, self.vocabulary, "constraints")
        self.counts_writings = not can_be_listed(definition) and not self.chain

    @cached_property
    def _cells(self) -> ListedDags | LargeDags:
        """What counts, draws and tells apart members."""
        if can_be_listed(self.definition):
            return ListedDags(self.definition, self.constraints)
        return LargeDags(self.definition, self.constraints)

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of members."""
        return self._cells.size

    @property
    def exact_size(self) -> bool:  # type: ignore[override]
        """Whether `size` was counted; a large constrained space is estimated."""
        return self._cells.exact

    @property
    def exact_keys(self) -> bool:  # type: ignore[override]
        """Whether keys hold all of a cell."""
        return self._cells.exact_keys

    @property
    def enumerable(self) -> bool:  # type: ignore[override]
        """Whether the whole space can be enumerated."""
        return self._cells.enumerated is not None

    def enumerate(self) -> Graphs:
        if self._cells.enumerated is None:
            size = written_size(self.size)
            raise NotEnumerable(f"{self.name} has {size} members, too many to enumerate; use sample(n, rng)")
        return Graphs(self._cells.enumerated.ops.copy(), self._cells.enumerated.adjacency.copy())

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        self._check_count(n)
        return self._cells.sample(n, rng)

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
        keep = on_a_path(graph.adjacency, np.array([used - 1]))[0]
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
        linked = adjacency & keep[:, None] & keep[None]
        for word, limit, degrees in (("into", self.max_in, linked.sum(0)), ("out of", self.max_out, linked.sum(1))):
            if limit is not None and degrees.max() > limit:
                vertex = int(degrees.argmax())
                return f"at most {limit} edges {word} a vertex are allowed, vertex {vertex} has {degrees[vertex]}"
        pruned = self._prune(graph)[0]
        if self.chain and not is_chain(pruned.ops, pruned.adjacency)[0]:
            return "every vertex must read the one before it, and one does not"
        for constraint in self.constraints:
            if not constraint.holds(pruned)[0]:
                return f"the constraint `{constraint.text}` does not hold"
        return None

    def normalise(self, graphs: Graphs) -> Graphs:
        pruned, valid = self._prune(graphs)
        nodes = max(self.max_nodes, graphs.nodes)
        ops = graphs.padded(nodes).ops.copy()
        adjacency = graphs.padded(nodes).adjacency.copy()
        rows = np.flatnonzero(valid)
        normal = self._cells.normal(pruned[rows].padded(self.max_nodes)).padded(nodes)
        ops[rows], adjacency[rows] = normal.ops, normal.adjacency
        result = Graphs(ops, adjacency)
        spare = (ops[:, self.max_nodes :] == ABSENT).all() and not adjacency[:, self.max_nodes :].any()
        return result.padded(self.max_nodes) if spare and not adjacency[:, :, self.max_nodes :].any() else result

    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        return reordered(graphs, topological_order(graphs, rng.random(graphs.ops.shape)))

    def keys(self, graphs: Graphs) -> NDArray[np.int64]:
        pruned, valid = self._prune(graphs)  # once for both questions
        self._refuse_others(graphs, valid)
        return self._cells.keys(pruned.padded(self.max_nodes))

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._cells.keys(self._prune(graphs)[0].padded(self.max_nodes))

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
        keep = on_a_path(np.triu(adjacency, 1), last) & present
        pruned_ops, linked = np.where(keep, ops, ABSENT), adjacency & keep[:, :, None] & keep[:, None, :]
        if (keep[:, 1:] > keep[:, :-1]).any():  # a vertex is kept behind one that is not: those that are move up
            order = np.argsort(~keep, axis=1, kind="stable")
            pruned_ops = np.take_along_axis(pruned_ops, order, 1)
            linked = linked[rows[:, None, None], order[:, :, None], order[:, None, :]]
        inner = keep & (np.arange(ops.shape[1]) > 0) & (np.arange(ops.shape[1]) < last[:, None])
        legal = (~inner | ((ops > INPUT) & (ops < self.output))).all(1)
        small = (keep.sum(1) <= self.max_nodes) & (linked.sum((1, 2)) <= self.max_edges)
        valid = well_formed & keep[:, 0] & legal & small
        for limit, axis in ((self.max_in, 1), (self.max_out, 2)):
            if limit is not None:
                valid &= linked.sum(axis).max(1) <= limit
        if self.chain:
            valid &= is_chain(pruned_ops, linked)
        pruned = Graphs(pruned_ops, linked)
        if self.constraints:
            rows = np.flatnonzero(valid)
            valid[rows] = fulfilled(self.constraints, pruned[rows])
        return pruned, valid

    def _neighbours(self, graph: Graphs) -> Graphs:
        used = int((graph.ops[0] != ABSENT).sum())
        ops, adjacency = graph.ops[0, :used], graph.adjacency[0, :used, :used]
        behind = reachable(adjacency)
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
            found.extend(with_vertex(ops, adjacency, i, j, op) for i, j in pairs for op in range(1, self.output))
        if self.chain:  # a vertex less, its neighbours in the chain joined
            found.extend(without_vertex(ops, adjacency, vertex) for vertex in range(1, used - 1))
        variants = concatenate(found)
        return reordered(variants, topological_order(variants, np.tile(np.arange(variants.nodes), (len(found), 1))))

    @cached_property
    def parameters(self) -> Parameters:
        last = self.max_nodes - 1
        ops = [Parameter(f"op_{vertex}", self.ops) for vertex in range(1, last)]
        source, target = np.triu_indices(self.max_nodes, 1)
        edges = [Parameter(f"edge_{i}_{j}", (False, True)) for i, j in zip(source, target, strict=True)]

        def graphs(choices: NDArray[np.int64]) -> Graphs:
            labels = np.zeros((len(choices), self.max_nodes), dtype=np.int8)
            labels[:, 1:last], labels[:, last] = choices[:, : last - 1] + 1, self.output
            adjacency = np.zeros((len(choices), self.max_nodes, self.max_nodes), dtype=np.bool_)
            adjacency[:, source, target] = choices[:, last - 1 :] == 1
            return Graphs(labels, adjacency)

        def choices(members: Graphs) -> NDArray[np.int64]:
            """The output moves to the last vertex; vertices that a smaller cell lacks have the first operation."""
            wide = members.padded(self.max_nodes)
            output = (wide.ops == self.output).argmax(1)
            adjacency, rows = wide.adjacency.copy(), np.arange(len(wide))
            into = adjacency[rows, :, output]
            adjacency[rows, :, output] = False
            adjacency[rows, :, last] = into
            inner = np.where(np.arange(self.max_nodes) < output[:, None], wide.ops, 1)[:, 1:last]
            found: NDArray[np.int64] = np.concatenate([inner - 1, adjacency[:, source, target]], 1).astype(np.int64)
            return found

        return Parameters((*ops, *edges), graphs, choices)

    def _parse(self, text: str) -> Graphs:
        return texts.parse_json(text, self.op_names)

    def _format(self, graph: Graphs) -> str:
        return texts.format_json(graph, self.op_names)

    def _name(self, label: int) -> str:
        return self.op_names[label] if 0 <= label < len(self.op_names) else f"unknown label {int(label)}"
