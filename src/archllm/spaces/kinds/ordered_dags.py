"""Ordered DAGs of many vertices, counted exactly and drawn uniformly, vertex by vertex.

What is counted are matrices: ways to write a cell with its vertices in one order. A cell that can be written in several
orders counts once for each.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import ABSENT, Graphs

MOST_STEPS = 6_000_000
"""Most steps from all states in which matrices with a limit of edges are counted: some seconds."""

ANY = -1
"""A number of vertices that is left open, where edges are not limited."""

State = tuple[int, int, int]
"""Inner vertices without a reader; whether the input has one, or how many; edges, where they are limited."""

Step = tuple[int, int, int]
"""What a vertex reads: the input or not; how many that had no reader; how many that had one, or `ANY`."""

Degrees = frozenset[int]
"""Numbers of edges that a vertex may have."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OrderedDags:
    """Strictly upper-triangular matrices in which every vertex lies on a path from the first to the last.

    That is the case exactly if every vertex but the first reads one, and every vertex but the last is read.

    Example:
        >>> OrderedDags(ops=3, max_vertices=4, max_edges=6).size  # 1 + 2 x 3 + 10 x 9: inner vertices 0, 1, 2
        97
    """

    ops: int
    """Operations that an inner vertex may have."""

    max_vertices: int
    """Most vertices."""

    max_edges: int
    """Most edges."""

    max_in: int | None = None
    """Most edges into a vertex."""

    chain: bool = False
    """Whether every vertex reads the one before it."""

    output_reads: Mapping[int, Degrees] = field(default_factory=dict)
    """Number of vertices -> how many the output may read, for numbers that have such a limit."""

    input_read: Mapping[int, Degrees] = field(default_factory=dict)
    """Number of vertices -> by how many the input may be read."""

    @cached_property
    def limited(self) -> bool:
        """Whether the limit of edges excludes anything."""
        return self.max_edges < sum(min(vertex, self.max_in or vertex) for vertex in range(1, self.max_vertices))

    @property
    def work(self) -> int:
        """About how many steps it takes to count; see `MOST_STEPS`."""
        if not self.limited:
            return 0
        found = 0
        for column in range(1, self.max_vertices):
            most = min(column, self.max_in or column, self.max_edges)
            for z in range(column):
                found += (min(z, most) + 1) * (min(column - 1 - z, most) + 1) * (self.max_edges + 1)
        return found

    @cached_property
    def size(self) -> int:
        """How many there are, with all operations."""
        return sum(self._ends.values())

    # Columns are filled from the left. All that the rest depends on is the state after column j: z inner vertices
    # without a reader, f readers of the input, e edges. Column j + 1 reads the input (i = 0 or 1), a of the z, and b of
    # the other j - z inner vertices:
    #     W_{j+1}(z - a + 1, f + i, e + i + a + b) += W_j(z, f, e) C(z, a) C(j - z, b),      1 <= i + a + b <= max_in,
    # and the last column, the output, reads all z. Where edges are not limited, the sum over b is one step. The steps
    # of a uniform matrix are drawn from the end, in proportion to these terms, and then, from the left, which a of z
    # and b of j - z vertices they read, all equally likely. A chain is the case a = z: nothing waits for a second one.
    @cached_property
    def _ways(self) -> list[dict[State, int]]:
        """After each column how many matrices lead to each state; column 0 is the input."""
        ways: list[dict[State, int]] = [{(0, 0, 0): 1}]
        for column in range(1, self.max_vertices - 1):
            after: defaultdict[State, int] = defaultdict(int)
            for state, count in ways[-1].items():
                for step in self._steps(column, state[0], self._room(state)):
                    after[self._after(state, step)] += count * self._choices(column, state[0], step, self._most(column))
            ways.append(dict(after))
        return ways

    @cached_property
    def _ends(self) -> dict[tuple[int, State, Step], int]:
        """Number of vertices, last state and what the output reads -> how many matrices with operations end so."""
        ends = {}
        for column, ways in enumerate(self._ways, start=1):
            vertices = column + 1
            degrees, read = self._output(vertices), self.input_read.get(vertices)
            for state, count in ways.items():
                for step in self._steps(column, state[0], self._room(state)):
                    readers = state[1] + step[0]
                    if step[1] == state[0] and readers and (read is None or readers in read):
                        labelled = count * self._choices(column, state[0], step, degrees) * self.ops ** (vertices - 2)
                        if labelled:
                            ends[vertices, state, step] = labelled
        return ends

    def _room(self, state: State) -> int:
        return self.max_edges - state[2] if self.limited else self.max_edges

    def _most(self, column: int) -> Degrees:
        return frozenset(range(1, min(column, self.max_in or column) + 1))

    def _output(self, vertices: int) -> Degrees:
        return self._most(vertices - 1) & self.output_reads.get(vertices, self._most(vertices - 1))

    def _steps(self, column: int, z: int, room: int) -> Iterator[Step]:
        """What a column may read, with so many vertices that have no reader and edges that are left."""
        most = min(column, self.max_in or column, room)
        for i in (1,) if column == 1 else (0, 1):
            for a in range(z if self.chain else 0, min(z, most - i) + 1):
                others = range(min(column - 1 - z, most - i - a) + 1) if self.limited else (ANY,)
                for b in others:
                    if i + a + b > 0 or b == ANY:
                        yield i, a, b

    def _choices(self, column: int, z: int, step: Step, degrees: Degrees) -> int:
        """In how many ways a column can read so, with one of these numbers of edges."""
        i, a, b = step
        others = column - 1 - z
        if b == ANY:
            return math.comb(z, a) * sum(math.comb(others, d - i - a) for d in degrees if d >= i + a)
        return math.comb(z, a) * math.comb(others, b) * (i + a + b in degrees)

    def _after(self, state: State, step: Step) -> State:
        z, f, e = state
        readers = f + step[0] if self.input_read else min(1, f + step[0])
        return z - step[1] + 1, readers, e + sum(step) if self.limited else 0

    def _before(self, column: int, state: State) -> tuple[list[tuple[State, Step]], NDArray[np.float64]]:
        """From where a column leads to a state, and how, each with its share."""
        if (column, state) in self._known:
            return self._known[column, state]
        z, f, e = state
        ways, found, counts = self._ways[column - 1], [], []
        for before in {f, f - 1} if self.input_read else {0, f}:
            for a in range(column - z + 1):
                least = e - a - column if self.limited else 0
                for spent in range(max(0, least), e + 1):
                    earlier = (z - 1 + a, before, spent)
                    if earlier not in ways:
                        continue
                    for step in self._steps(column, earlier[0], self._room(earlier)):
                        if step[1] == a and self._after(earlier, step) == state:
                            found.append((earlier, step))
                            counts.append(ways[earlier] * self._choices(column, earlier[0], step, self._most(column)))
        whole = sum(counts)
        self._known[column, state] = found, np.array([count / whole for count in counts])  # of integers of any length
        return self._known[column, state]

    @cached_property
    def _known(self) -> dict[tuple[int, State], tuple[list[tuple[State, Step]], NDArray[np.float64]]]:
        return {}

    def draw(self, n: int, rng: np.random.Generator) -> Graphs:
        """`n` uniform ones, with operations as labels `1 … ops`, input `0` and output `ops + 1`."""
        ends = list(self._ends)
        chosen = rng.choice(len(ends), size=n, p=_shares([self._ends[end] for end in ends]))
        vertices = np.array([end[0] for end in ends])[chosen]
        states = np.array([end[1] for end in ends])[chosen]
        steps = np.zeros((n, self.max_vertices, 3), dtype=np.int64)
        steps[np.arange(n), vertices - 1] = np.array([end[2] for end in ends])[chosen]
        for column in range(self.max_vertices - 2, 0, -1):
            rows = np.flatnonzero(vertices - 2 >= column)
            different, which = np.unique(states[rows], axis=0, return_inverse=True)
            for number, state in enumerate(different.tolist()):
                at = rows[which.ravel() == number]
                before, shares = self._before(column, tuple(state))
                picked = rng.choice(len(before), size=len(at), p=shares)
                states[at] = np.array([earlier for earlier, _ in before])[picked]
                steps[at, column] = np.array([step for _, step in before])[picked]
        return Graphs(self._labels(vertices, rng), self._links(vertices, steps, rng))

    def _labels(self, vertices: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int8]:
        labels = rng.integers(1, self.ops + 1, size=(len(vertices), self.max_vertices), dtype=np.int8)
        place = np.arange(self.max_vertices)
        labels[:, 0] = 0
        labels[place >= vertices[:, None]] = ABSENT
        labels[np.arange(len(vertices)), vertices - 1] = self.ops + 1
        return labels

    def _links(
        self, vertices: NDArray[np.int64], steps: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        n, v = len(vertices), self.max_vertices
        links = np.zeros((n, v, v), dtype=np.bool_)
        unread = np.zeros((n, v), dtype=np.bool_)
        for column in range(1, v):
            rows = np.flatnonzero(vertices > column)
            i, a, b = steps[rows, column].T
            waiting = unread[rows]
            served = ~waiting & (np.arange(v) > 0) & (np.arange(v) < column)
            b = self._others(column, vertices[rows], i + a, b, served.sum(1), rng)
            read = _some(waiting, a, rng) | _some(served, b, rng)
            read[:, 0] = i == 1
            links[rows, :, column] = read
            unread[rows] = waiting & ~read
            unread[rows, column] = True
        return links

    def _others(
        self,
        column: int,
        vertices: NDArray[np.int64],
        certain: NDArray[np.int64],
        b: NDArray[np.int64],
        served: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """How many vertices that have a reader already a column reads, where a step leaves it open."""
        b = b.copy()
        last = np.where(vertices - 1 == column, vertices, 0)
        open_ones = np.flatnonzero(b == ANY)
        cases, which = np.unique(np.stack([last, certain, served], axis=1)[open_ones], axis=0, return_inverse=True)
        for number, (ends, known, others) in enumerate(cases.tolist()):
            at = open_ones[which.ravel() == number]
            degrees = self._output(ends) if ends else self._most(column)
            counts = [math.comb(others, k) * (known + k in degrees) for k in range(others + 1)]
            b[at] = rng.choice(others + 1, size=len(at), p=_shares(counts))
        return b


def _shares(counts: Sequence[int]) -> NDArray[np.float64]:
    """Shares of integers of any length; they sum to 1."""
    whole = sum(counts)
    shares: NDArray[np.float64] = np.array([count / whole for count in counts])
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _some(among: NDArray[np.bool_], count: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """`n x v`: so many of the marked places of each row, all sets of them equally likely."""
    if (count == among.sum(1)).all():
        return among
    order = np.where(among, rng.random(among.shape), 2.0).argsort(1)
    chosen = np.zeros_like(among)
    np.put_along_axis(chosen, order, np.arange(among.shape[1]) < count[:, None], 1)
    return chosen
