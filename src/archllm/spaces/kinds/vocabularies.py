"""What the constraints of each kind may speak of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.config import did_you_mean
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.constraints import Term
from archllm.spaces.definition import Value, text_of
from archllm.spaces.kinds.inner_nodes import InnerNode

_DEPTH = 8
"""Steps per possible edge that the longest path takes, where counting edges takes one."""


_READING = 100
"""Steps that reading the text of a network takes."""


class EdgeVocabulary:
    """`count("op")`, and `edge(source, target)`, the operation on an edge."""

    def __init__(self, ops: tuple[str, ...], edges: tuple[tuple[int, int], ...]) -> None:
        self.ops, self.edges = ops, edges

    def name(self, parts: tuple[str, ...]) -> Term:
        raise LookupError('an edge_dag is described by count("operation") and edge(source, target)')

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        if function == "count" and len(arguments) == 1:
            if arguments[0] not in self.ops:
                raise _unknown("operation", arguments[0], self.ops)
            op = self.ops.index(str(arguments[0]))
            return Term("number", partial(_count, op), reads=frozenset(range(len(self.edges))))
        if function == "edge" and len(arguments) == 2:
            if arguments not in self.edges:
                source, target = arguments
                raise LookupError(
                    f"there is no edge from {source} to {target}; edges go from a lower to a higher node, "
                    f"0 to {self.edges[-1][1]}"
                )
            edge = self.edges.index(arguments)
            return Term("text", lambda batch: batch[:, edge], self.ops, frozenset({edge}))
        raise LookupError('an edge_dag is described by count("operation") and edge(source, target)')


def _count(op: int, choices: Any) -> Any:
    return (choices == op).sum(1).astype(np.float64)


VERTICES, OUTPUT_READS, INPUT_READ, REST = range(4)
"""What terms of a `node_dag` read: the number of vertices, edges into the output, edges out of the input, all else."""


class NodeVocabulary:
    """What constraints say of a cell without dangling vertices.

    `count("op")`, `vertices`, `edges`, `depth` (edges of a longest path), `in_degree("output")`, `out_degree("input")`.
    """

    def __init__(self, ops: tuple[str, ...], most_vertices: int) -> None:
        self.ops, self.most_vertices = ops, most_vertices

    def name(self, parts: tuple[str, ...]) -> Term:
        measures = {"vertices": _vertices, "edges": _edges, "depth": _depth}
        if len(parts) != 1 or parts[0] not in measures:
            further = ('count("operation")', 'in_degree("output")', 'out_degree("input")')
            raise _unknown("name", ".".join(parts), [*measures, *further])
        passes = {"vertices": 1, "edges": self.most_vertices, "depth": _DEPTH * self.most_vertices}
        reads = frozenset({VERTICES if parts[0] == "vertices" else REST})
        return Term("number", measures[parts[0]], reads=reads, steps=passes[parts[0]] * self.most_vertices)

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        if function in ("in_degree", "out_degree") and len(arguments) == 1:
            return self._degree(function, arguments[0])
        if function != "count" or len(arguments) != 1:
            return self.name((f"{function}(...)",))
        if arguments[0] not in self.ops:
            raise _unknown("operation", arguments[0], self.ops)
        label = self.ops.index(str(arguments[0])) + 1
        count = partial(_count_label, label)
        return Term("number", count, reads=frozenset({REST}), steps=self.most_vertices)

    def _degree(self, function: str, vertex: float | str | bool) -> Term:
        if (function, vertex) == ("in_degree", "output"):
            reads, steps = frozenset({OUTPUT_READS}), self.most_vertices**2
            return Term("number", partial(_output_reads, len(self.ops) + 1), reads=reads, steps=steps)
        if (function, vertex) == ("out_degree", "input"):
            return Term("number", _input_read, reads=frozenset({INPUT_READ}), steps=self.most_vertices)
        raise LookupError('the degrees that have a name are in_degree("output") and out_degree("input")')


def _count_label(label: int, cells: Graphs) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (cells.ops == label).sum(1).astype(np.float64)
    return found


def _output_reads(output: int, cells: Graphs) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (cells.adjacency & (cells.ops == output)[:, None]).sum((1, 2)).astype(np.float64)
    return found


def _input_read(cells: Graphs) -> NDArray[np.float64]:
    found: NDArray[np.float64] = cells.adjacency[:, 0].sum(1).astype(np.float64)
    return found


def _vertices(cells: Graphs) -> NDArray[np.float64]:
    count: NDArray[np.float64] = (cells.ops != ABSENT).sum(1).astype(np.float64)
    return count


def _edges(cells: Graphs) -> NDArray[np.float64]:
    count: NDArray[np.float64] = cells.adjacency.sum((1, 2)).astype(np.float64)
    return count


def _depth(cells: Graphs) -> NDArray[np.float64]:
    """Edges of a longest path from the first to the last vertex, in upper-triangular graphs without dangling ones."""
    # d_0 = 0, d_j = max over edges i -> j of d_i + 1, in topological order.
    longest = np.zeros(cells.ops.shape)
    for vertex in range(1, cells.nodes):
        reached = np.where(cells.adjacency[:, :vertex, vertex], longest[:, :vertex] + 1, 0)
        longest[:, vertex] = reached.max(1)
    depth: NDArray[np.float64] = longest.max(1)
    return depth


class GenotypeVocabulary:
    """`count("op")` in all cells, `count("op", "cell")` in one."""

    def __init__(self, ops: tuple[str, ...], cells: tuple[str, ...], nodes: Sequence[InnerNode]) -> None:
        self.ops, self.cells = ops, cells
        self.nodes: dict[str, list[tuple[int, InnerNode]]] = {cell: [] for cell in cells}
        at = 0
        for cell in cells:
            for node in nodes:
                self.nodes[cell].append((at, node))
                at += len(node.radices)

    def name(self, parts: tuple[str, ...]) -> Term:
        raise LookupError('a genotype is described by count("operation") and count("operation", "cell")')

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        if function != "count" or not 1 <= len(arguments) <= 2:
            return self.name(())
        if arguments[0] not in self.ops:
            raise _unknown("operation", arguments[0], self.ops)
        if len(arguments) == 2 and arguments[1] not in self.cells:
            raise _unknown("cell", arguments[1], self.cells)
        op, cells = self.ops.index(str(arguments[0])), arguments[1:] or self.cells
        nodes = [each for cell in cells for each in self.nodes[str(cell)]]
        reads = frozenset(at + digit for at, node in nodes for digit in node.op_digits)
        steps = sum(node.arity for _, node in nodes)
        return Term("number", partial(_count_pairs, op, nodes), reads=reads, steps=steps)


def _count_pairs(op: int, nodes: list[tuple[int, InnerNode]], digits: Any) -> NDArray[np.float64]:
    counts = [(node.ops_of(digits[:, at : at + len(node.radices)]) == op).sum(1) for at, node in nodes]
    found: NDArray[np.float64] = np.sum(counts, axis=0).astype(np.float64)
    return found


class ChoiceVocabulary:
    """`slot.NAME`, the value of a slot, and `count(value)`, how many slots have it."""

    def __init__(self, slots: dict[str, tuple[Value, ...]]) -> None:
        self.slots, self.names = slots, tuple(slots)

    def name(self, parts: tuple[str, ...]) -> Term:
        if len(parts) != 2 or parts[0] != "slot":
            hint = f" Did you mean slot.{parts[0]}?" if parts[0] in self.names and len(parts) == 1 else ""
            raise LookupError(f"slots are called slot.NAME, such as slot.{self.names[0]}.{hint}")
        if parts[1] not in self.slots:
            raise _unknown("slot", parts[1], self.names)
        at, values = self.names.index(parts[1]), self.slots[parts[1]]
        own = frozenset({at})
        if isinstance(values[0], str):
            return Term("text", lambda batch: batch[:, at], tuple(map(str, values)), own, own)
        if isinstance(values[0], bool):
            table = np.array(values, dtype=np.bool_)
            return Term("truth", lambda batch: table[batch[:, at]], (), own, own)
        numbers = numbers_of(values)
        return Term("number", lambda batch: numbers[batch[:, at]], (), own, own)

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        if function != "count" or len(arguments) != 1:
            raise LookupError("choices are described by slot.NAME and count(value)")
        (value,) = arguments
        equal = [np.array([_same(own, value) for own in values] + [False]) for values in self.slots.values()]
        having = [slot for slot, table in enumerate(equal) if table.any()]
        if not having:
            raise LookupError(f"no slot has the value {text_of(value)}")

        def count(batch: Any) -> NDArray[np.float64]:
            found: NDArray[np.float64] = np.stack([equal[slot][batch[:, slot]] for slot in having]).sum(0).astype(float)
            return found

        return Term("number", count, reads=frozenset(having))


class GrammarVocabulary:
    """`count("block")`, how often a text names a block; `blocks`, repeats included; `depth`, joins within one another.

    Args:
        ops: names of the blocks.
        count: counts a block in `n` members.
        measured: `n` sizes or depths of members.
    """

    def __init__(
        self,
        ops: tuple[str, ...],
        count: Callable[[str, Graphs], NDArray[np.float64]],
        measured: Callable[[Literal["size", "depth"], Graphs], NDArray[np.float64]],
    ) -> None:
        self.ops, self._count, self._measured = ops, count, measured

    def name(self, parts: tuple[str, ...]) -> Term:
        if parts == ("blocks",):
            return Term("number", partial(self._measured, "size"), reads=frozenset({0}), steps=_READING)
        if parts == ("depth",):
            return Term("number", partial(self._measured, "depth"), reads=frozenset({0}), steps=_READING)
        raise _unknown("name", ".".join(parts), ("blocks", "depth", 'count("block")'))

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        if function != "count" or len(arguments) != 1:
            return self.name((f"{function}(...)",))
        if arguments[0] not in self.ops:
            raise _unknown("block", arguments[0], self.ops)
        return Term("number", partial(self._count, str(arguments[0])), reads=frozenset({0}))


def numbers_of(values: Sequence[Value]) -> NDArray[np.float64]:
    """The values, and NaN for `INACTIVE`, which is -1."""
    return np.array([*map(float, values), math.nan])


def _same(own: Value, value: Value) -> bool:
    return isinstance(own, bool) == isinstance(value, bool) and own == value


def _unknown(what: str, word: Any, known: Sequence[Any]) -> LookupError:
    """The error of a name that a constraint may not use."""
    near = did_you_mean(word, [str(each) for each in known])
    hint = f"; {near}" if near else "."
    return LookupError(f"there is no {what} {word!r}{hint} Known: {', '.join(map(str, known))}")
