"""Canonical forms of cells too large for look-up tables: colour refinement with individualisation.

A colour says what a vertex is like: first its operation, then, again and again, also the colours around it. Where all
vertices of a cell end with colours of their own, these give the order of its canonical form. Where some stay alike, one
of them after the other is given a colour of its own, and the smallest of all forms that this leads to is the canonical
one; what a symmetry of the cell shows to lead to the same is left out (McKay & Piperno, 2014, "Practical graph
isomorphism, II").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidArchitecture
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.fingerprints import mixed
from archllm.spaces.kinds.paths import reordered, topological_order

MOST_VERTICES = 64
"""Most vertices of a cell: the links of one are a 64-bit word."""

MOST_REFINEMENTS = 3_000
"""Refinements that a cell may take, which is a second or two: some highly symmetric ones would take years."""

_CHUNK_BYTES = 32 << 20  # of the largest temporary
_SEEN, _READ, _TWIN, _CHOSEN = (np.uint64(word) for word in (0x5BF0, 0x0F3C, 0x1D87, 0x7A21))


def canonical(graphs: Graphs) -> Graphs:
    """The cells with their vertices in canonical order: equal for two cells exactly if they are isomorphic.

    Args:
        graphs: `n` cells on at most 64 vertices, edges going forward, with nothing that dangles.

    Raises:
        InvalidArchitecture: a cell has so many symmetries that its form is not found in bounded time.

    Example:
        >>> one, two = np.zeros((2, 1, 4, 4), dtype=bool)
        >>> one[0, [0, 0, 1, 2], [1, 2, 3, 3]] = two[0, [0, 0, 1, 2], [1, 2, 3, 3]] = True
        >>> forms = [canonical(Graphs(np.array([ops]), one)).ops.tolist() for ops in ([0, 1, 2, 3], [0, 2, 1, 3])]
        >>> forms[0] == forms[1]
        True
    """
    each = 8 * graphs.nodes**2
    step = max(1, _CHUNK_BYTES // max(each, 1))
    orders = [_orders(graphs[np.arange(at, min(at + step, len(graphs)))], at) for at in range(0, len(graphs), step)]
    return reordered(graphs, np.concatenate(orders)) if orders else graphs


def _orders(graphs: Graphs, first: int) -> NDArray[np.int64]:
    """`n x v`: vertices in canonical order."""
    colours = refined(graphs, mixed(graphs.ops.astype(np.uint64) + mixed(_twins(graphs) + _TWIN)))
    order = _ordered(graphs, colours)
    sorted_colours = np.take_along_axis(colours, order, 1)
    sorted_colours.sort(1)
    alike = np.flatnonzero((np.diff(sorted_colours, axis=1) == 0).any(1))
    for row in alike:
        used = int((graphs.ops[row] != ABSENT).sum())
        cell = Graphs(graphs.ops[row, None, :used], graphs.adjacency[row, None, :used, :used])
        search = _Search(cell)
        if not search.run(colours[row, :used]):
            raise InvalidArchitecture(
                f"graph {first + row} has so many symmetries that it can't be told from its relabelled copies in "
                f"bounded time ({MOST_REFINEMENTS:,} refinements); use fewer vertices that are alike"
            )
        order[row, :used] = search.order
    return order


def refined(graphs: Graphs, colours: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`n x v` colours that tell apart what differs in the colours around, at any distance.

    Absent vertices get colours of their own, so that they never count as alike.
    """
    # c'(v) = m(c(v) + m(sum over u -> v of m(c(u) + s)) + m(sum over v -> w of m(c(w) + r) + s)), modulo 2^64, until
    # the number of colours of a cell does not grow: the stable partition (Weisfeiler & Leman, 1968). Sums forget
    # the order of vertices, so isomorphic cells get equal colours; that two colours meet by chance only costs time.
    absent = graphs.ops == ABSENT
    own = mixed(np.arange(graphs.nodes, dtype=np.uint64) + (np.uint64(1) << np.uint64(40)))
    colours = np.where(absent, own, colours)
    count, growing = _distinct(colours), np.arange(len(graphs))
    while len(growing):
        links, now = graphs.adjacency[growing], colours[growing]
        read = np.where(links, mixed(now + _SEEN)[:, :, None], np.uint64(0)).sum(1, dtype=np.uint64)
        seen = np.where(links, mixed(now + _READ)[:, None, :], np.uint64(0)).sum(2, dtype=np.uint64)
        now = np.where(absent[growing], own, mixed(now + mixed(read) + mixed(seen + _SEEN)))
        new = _distinct(now)
        finer = new > count[growing]  # each cell stops by itself, so that its colours are those that it gets alone
        growing, now, new = growing[finer], now[finer], new[finer]
        colours[growing], count[growing] = now, new
    return colours


def _distinct(colours: NDArray[np.uint64]) -> NDArray[np.int64]:
    ordered = np.sort(colours, axis=1)
    count: NDArray[np.int64] = (ordered[:, 1:] != ordered[:, :-1]).sum(1)
    return count


def _twins(graphs: Graphs) -> NDArray[np.uint64]:
    """`n x v`: how many earlier vertices have the same operation, sources and readers.

    Such twins can change places, so that numbering them is no choice.
    """
    bit = np.uint64(1) << np.arange(graphs.nodes, dtype=np.uint64)
    sources = np.where(graphs.adjacency, bit[:, None], np.uint64(0)).sum(1, dtype=np.uint64)
    readers = np.where(graphs.adjacency, bit[None, :], np.uint64(0)).sum(2, dtype=np.uint64)
    same = np.ones(graphs.adjacency.shape, dtype=np.bool_)
    for word in (graphs.ops, sources, readers):
        same &= word[:, :, None] == word[:, None, :]
    found: NDArray[np.uint64] = np.triu(same, 1).sum(1).astype(np.uint64)
    return found


def _ordered(graphs: Graphs, colours: NDArray[np.uint64]) -> NDArray[np.int64]:
    """`n x v`: topological orders, of the vertices that could come next always the one with the smallest colour."""
    return topological_order(graphs, colours.argsort(1).argsort(1))


class _Search:
    """The tree of choices for one cell in which refinement leaves vertices alike.

    Args:
        cell: a batch of one, without absent vertices.
    """

    def __init__(self, cell: Graphs) -> None:
        self.cell = cell
        self.order: NDArray[np.int64] = np.arange(cell.nodes)
        self._best: bytes | None = None
        self._left = MOST_REFINEMENTS
        self._leaves: dict[bytes, tuple[NDArray[np.int64], list[int]]] = {}
        self._symmetries: list[NDArray[np.int64]] = []

    def run(self, colours: NDArray[np.uint64]) -> bool:
        """Finds the canonical order; whether it was found in bounded time."""
        self._visit(colours, [])
        return self._left >= 0

    def _visit(self, colours: NDArray[np.uint64], chosen: list[int]) -> int:
        """Looks at all forms below a node of the tree; the depth of the node to go back to."""
        self._left -= 1
        if self._left < 0:
            return -1
        colours = refined(self.cell, colours[None])[0]
        _, inverse, counts = np.unique(colours, return_inverse=True, return_counts=True)
        alike = np.flatnonzero(counts > 1)
        if not len(alike):
            return self._leaf(colours, chosen)
        cell = np.flatnonzero(inverse == alike[counts[alike].argmin()])  # the smallest, and of these the first
        done: list[int] = []
        for vertex in map(int, cell):
            if done and self._leads_to(done, vertex, chosen):
                continue
            child = colours.copy()
            child[vertex] = mixed(child[vertex, None] + _CHOSEN)[0]
            back = self._visit(child, [*chosen, vertex])
            if back < len(chosen):
                return back
            done.append(vertex)
        return len(chosen)

    def _leaf(self, colours: NDArray[np.uint64], chosen: list[int]) -> int:
        order = _ordered(self.cell, colours[None])[0]
        place = np.argsort(order)
        form = self.cell.ops[0, order].tobytes() + np.packbits(self.cell.adjacency[0][np.ix_(order, order)]).tobytes()
        whole = form + place[chosen].astype(np.int8).tobytes()
        if whole in self._leaves:
            # Equal forms with the chosen vertices in equal places: x -> y, vertices in the same place, is a symmetry
            # that fixes what was chosen alike. So all below the first different choice was seen from the other one.
            known, before = self._leaves[whole]
            self._symmetries.append(order[np.argsort(known)])
            return next(depth for depth, (one, other) in enumerate(zip(before, chosen, strict=True)) if one != other)
        self._leaves[whole] = order, chosen
        if self._best is None or form < self._best:
            self._best, self.order = form, order
        return len(chosen)

    def _leads_to(self, done: list[int], vertex: int, chosen: list[int]) -> bool:
        """Whether symmetries that leave what was chosen in its place map a vertex seen before to this one."""
        home = list(range(self.cell.nodes))
        for symmetry in self._symmetries:
            if all(int(symmetry[each]) == each for each in chosen):
                for one, other in enumerate(map(int, symmetry)):
                    first, second = sorted((home[one], home[other]))
                    if first != second:
                        home = [first if at == second else at for at in home]
        return home[vertex] in {home[each] for each in done}
