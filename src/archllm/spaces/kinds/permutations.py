"""Node permutations: exact canonical forms of small cells with operations on vertices, through look-up tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs

KEY_BITS = 56
"""Bits of a key that describe edges and operations; the number of vertices stands above them."""

_INPUT = 0
_BAD = np.int64(1) << 62  # marks a permutation that is not upper-triangular; larger than any key
_CHUNK = 16_384  # graphs per pass over the permutations, so that the temporaries stay in cache
_MASKS = 1 << 21  # raw edge masks at a time
_MOST_TABLED = 4_096  # labellings of which a table is kept


class NodePermutations:
    """All orders of the inner vertices of a `v`-vertex cell, as look-up tables from raw bits to packed keys.

    A key packs, from the most significant bits down: the number of vertices, then vertex by vertex its in-edges and
    its operation. The canonical key is the smallest over all permutations that keep edges pointing forward, so a
    canonical cell is the lexicographically smallest sentence about itself, read in vertex order.
    """

    def __init__(self, vertices: int, ops: int) -> None:
        self.vertices, self.ops = vertices, ops
        self.source, self.target = np.array([(i, j) for j in range(1, vertices) for i in range(j)], dtype=np.int64).T
        self.inner = vertices - 2
        self.edge_shift, self.op_shift = self._layout()
        self.version = np.int64(vertices) << KEY_BITS
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

    # Canonical form: with G = (A, l) and S the permutations of the v - 2 inner vertices,
    #     canon(G) = min { code(p.A, p.l) : p in S, p.A strictly upper-triangular },   so canon(G) = canon(H) iff G ~ H
    # (a minimum over the orbit is a complete invariant; exhaustive search is the base case of McKay & Piperno, 2014).
    # code() gives every edge and operation its own bits, so code(p.A) = OR over edges e of bit(p(e)), and an OR over a
    # subset of edges is a look-up: two tables, of the low and the high edges, instead of e shifts for each permutation.
    # An edge that p turns back sets the bit `_BAD`, above all keys, and so loses every minimum.
    @cached_property
    def tables(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Per permutation: key bits of the low raw edges and of the high raw edges, and shifts of the operations."""
        orders = np.array([(0, *p, self.vertices - 1) for p in permutations(range(1, self.vertices - 1))])
        raw_index = np.full((self.vertices, self.vertices), -1, dtype=np.int64)
        raw_index[self.source, self.target] = np.arange(len(self.source))
        moved = raw_index[orders[:, self.source], orders[:, self.target]]  # p x e, -1 where the edge turns back
        bits = np.where(moved >= 0, np.int64(1) << self.edge_shift[moved], _BAD)
        low = _subset_or(bits[:, : self.low_bits])
        high = _subset_or(bits[:, self.low_bits :])
        return low, high, self.op_shift[orders[:, 1:-1] - 1]

    @property
    def labellings(self) -> int:
        """Ways to put operations on the inner vertices."""
        count: int = self.ops**self.inner
        return count

    @cached_property
    def _names(self) -> NDArray[np.int64] | None:
        """`p x labellings` key bits of the operations, where there are few labellings."""
        if self.labellings > _MOST_TABLED:
            return None
        operations = self._operations(np.arange(self.labellings))
        return np.stack([self._name_bits(p, operations) for p in range(len(self.tables[2]))])

    def _name_bits(self, p: int, operations: NDArray[np.int64]) -> NDArray[np.int64]:
        """Key bits under a permutation of `inner x n` operations, counted from 1."""
        bits = np.zeros(operations.shape[1], dtype=np.int64)
        for vertex in range(self.inner):
            bits |= operations[vertex] << self.tables[2][p, vertex]
        return bits

    def _operations(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """`inner x n` operations of labellings given as numbers."""
        return np.stack([labels // self.ops**vertex % self.ops + 1 for vertex in range(self.inner)] or [labels])

    def _naming(self, labels: NDArray[np.int64]) -> Callable[[int], NDArray[np.int64]]:
        """From a permutation to the key bits of labellings given as numbers."""
        if self._names is not None:
            names = self._names
            return lambda p: names[p][labels]
        operations = self._operations(labels)
        return lambda p: self._name_bits(p, operations)

    def _edge_bits(self, p: int, masks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Key bits of raw edge masks under a permutation."""
        low, high, _ = self.tables
        found: NDArray[np.int64] = low[p][masks & ((1 << self.low_bits) - 1)] | high[p][masks >> self.low_bits]
        return found

    def canonical(self, ops: NDArray[np.int8], adjacency: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Canonical keys of pruned cells with exactly `v` vertices (`n x v`, `n x v x v`)."""
        masks = adjacency[:, self.source, self.target] @ (np.int64(1) << np.arange(len(self.source)))
        labels = (ops[:, 1:-1].astype(np.int64) - 1) @ (self.ops ** np.arange(self.inner, dtype=np.int64))
        return self._canonical(masks, labels)

    def _canonical(self, masks: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.concatenate(
            [self._smallest(masks[i : i + _CHUNK], labels[i : i + _CHUNK]) for i in range(0, len(masks), _CHUNK)]
            or [np.zeros(0, dtype=np.int64)]
        )

    def _smallest(self, masks: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        low, high, shifts = self.tables
        below, above = masks & ((1 << self.low_bits) - 1), masks >> self.low_bits
        named = self._naming(labels)
        best = low[0][below] | high[0][above] | named(0)
        for p in range(1, len(shifts)):
            np.minimum(best, low[p][below] | high[p][above] | named(p), out=best)
        keys: NDArray[np.int64] = best | self.version
        return keys

    def enumerate(self, shapes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Canonical keys of all cells of those shapes, ascending."""
        # One shape stands for its orbit, so of all p only automorphisms and moves to other upper-triangular copies of
        # it matter: min over p of code(p.A) | code(p.l), for all labellings l at once; equal minima are one cell.
        named = self._naming(np.arange(self.labellings))
        best = np.full((len(shapes), self.labellings), _BAD, dtype=np.int64)
        for p in range(len(self.tables[2])):
            edges = self._edge_bits(p, shapes)
            at = np.flatnonzero(edges < _BAD)
            best[at] = np.minimum(best[at], edges[at, None] | named(p))
        keys: NDArray[np.int64] = np.unique(best) | self.version
        return keys

    def count(self, shapes: NDArray[np.int64]) -> int:
        """Cells of those shapes: labellings that no automorphism of their shape joins (Burnside's lemma)."""
        # Cells of a shape A are the orbits of labellings under Aut(A). With k operations and c(p) cycles of p,
        #     |orbits| = (1 / |Aut(A)|) * sum over p in Aut(A) of k^c(p)          (Cauchy-Frobenius, "Burnside's lemma")
        # since p fixes just the labellings that are constant on its cycles (Polya, 1937).
        own = self._edge_bits(0, shapes)
        automorphisms = np.zeros(len(shapes), dtype=np.int64)
        total = np.zeros(len(shapes), dtype=object)
        for p in range(len(self.tables[2])):
            same = self._edge_bits(p, shapes) == own
            automorphisms += same
            total[same] += int(self.ops) ** self._cycles(p)
        return int(sum(int(t) // int(a) for t, a in zip(total, automorphisms, strict=True)))

    def _cycles(self, p: int) -> int:
        """Cycles of a permutation of the inner vertices."""
        to = {int(shift): vertex for vertex, shift in enumerate(self.op_shift)}
        order = [to[int(shift)] for shift in self.tables[2][p]]
        seen: set[int] = set()
        cycles = 0
        for vertex in range(self.inner):
            cycles += vertex not in seen
            while vertex not in seen:
                seen.add(vertex)
                vertex = order[vertex]
        return cycles

    def draw(self, shapes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Canonical keys of cells of `n` given shapes, some left out so that all cells of a shape are equally likely.

        Of the labellings that automorphisms of a shape join, the smallest stands for all.
        """
        # Orbits differ in size, so a uniform labelling is no uniform cell. Accepting l only where it is the smallest of
        # its orbit, l = min { p.l : p in Aut(A) }, keeps one labelling of each: P(cell | kept) = 1 / |orbits|.
        labels = rng.integers(self.labellings, size=len(shapes))
        named, own = self._naming(labels), self._edge_bits(0, shapes)
        first = np.ones(len(shapes), dtype=np.bool_)
        for p in range(1, len(self.tables[2])):
            first &= (self._edge_bits(p, shapes) != own) | (named(p) >= named(0))
        return self._canonical(shapes[first], labels[first])

    def shapes(
        self, max_edges: int, max_in: int | None = None, max_out: int | None = None, chain: bool = False
    ) -> NDArray[np.int64]:
        """One raw edge mask per unlabelled shape within the limits in which every vertex lies on a path."""
        found = [
            self._connected(np.arange(first, min(first + _MASKS, 1 << len(self.source))), max_edges, max_in, max_out)
            for first in range(0, 1 << len(self.source), _MASKS)
        ]
        # Orderly generation (Read, 1978): keep A iff code(A) <= code(p.A) for all p, which is one member of each orbit.
        masks = np.concatenate(found)
        if chain:  # every vertex reads the one before it, in this order and in no other
            steps = int((np.int64(1) << np.flatnonzero(self.target == self.source + 1)).sum())
            masks = masks[masks & steps == steps]
        own = self._edge_bits(0, masks)
        for p in range(1, len(self.tables[2])):  # drop a mask as soon as one permutation of it is smaller
            smaller = self._edge_bits(p, masks) < own
            masks, own = masks[~smaller], own[~smaller]
        return masks

    def _connected(
        self, masks: NDArray[np.int64], max_edges: int, max_in: int | None, max_out: int | None
    ) -> NDArray[np.int64]:
        masks = masks[np.bitwise_count(masks) <= max_edges]
        for vertex in range(self.vertices):  # every vertex has a way in (but the input) and out (but the output)
            for ends, exempt, most in ((self.target, 0, max_in), (self.source, self.vertices - 1, max_out)):
                if vertex != exempt:
                    own = masks & int((np.int64(1) << np.flatnonzero(ends == vertex)).sum())
                    good = own != 0
                    if most is not None:
                        good &= np.bitwise_count(own) <= most
                    masks = masks[good]
        return masks

    def unpack(self, keys: NDArray[np.int64]) -> Graphs:
        """Graphs (on exactly `v` positions) that the keys describe."""
        n, v = len(keys), self.vertices
        ops = np.empty((n, v), dtype=np.int8)
        ops[:, 0], ops[:, -1] = _INPUT, self.ops + 1
        ops[:, 1:-1] = (keys[:, None] >> self.op_shift) & ((1 << int(self.ops).bit_length()) - 1)
        adjacency = np.zeros((n, v, v), dtype=np.bool_)
        adjacency[:, self.source, self.target] = (keys[:, None] >> self.edge_shift) & 1
        return Graphs(ops, adjacency)


def _subset_or(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """`p x 2^e`: the OR of every subset of the `e` values in each row."""
    # T[S + {e}] = T[S] | b_e: each of the e steps doubles the table, 2^e operations in all instead of e 2^e.
    table = np.zeros((len(bits), 1), dtype=np.int64)
    for column in bits.T:
        table = np.concatenate([table, table | column[:, None]], axis=1)
    return table
