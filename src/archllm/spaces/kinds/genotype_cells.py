"""GenotypeCells: cells of one shape, `inner x arity` sources and operations, as digits and as canonical numbers."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from archllm.spaces.fingerprints import EXACT_BELOW
from archllm.spaces.kinds.inner_nodes import AnySources, InnerNode, Numbers, Wired, sorted_pairs

_AT_ONCE = 20_000
"""Orders of cells that are numbered together: enough that each pass is long, and few enough for the cache."""


class GenotypeCells:
    """Cells whose inner nodes each have so many pairs of a source, cell inputs first, and an operation.

    Args:
        cell_inputs: inputs of a cell.
        inner: inner nodes.
        arity: pairs per inner node.
        ops: how many operations there are.
        repeat: whether an inner node may read a source several times.

    Example:
        >>> cells = GenotypeCells(2, 2, 2, 3)
        >>> cells.radices, cells.size
        ([1, 3, 3, 3, 3, 3], 243)
        >>> cells.pairs(np.array([[0, 2, 1, 2, 0, 0]]))[0].tolist()
        [[[0, 1], [1, 2]]]
    """

    def __init__(self, cell_inputs: int, inner: int, arity: int, ops: int, repeat: bool = False) -> None:
        self.cell_inputs, self.inner, self.arity, self.repeat = cell_inputs, inner, arity, repeat
        sources = range(cell_inputs, cell_inputs + inner)
        self.wired = [Wired(n, arity, ops, repeat) for n in sources]
        self.nodes: list[InnerNode] = [AnySources(n, arity, ops) for n in sources] if repeat else [*self.wired]
        self.radices = [radix for node in self.nodes for radix in node.radices]
        self.size = math.prod(self.radices)
        self._orders = np.array(list(permutations(range(inner))), dtype=np.int64)  # `inner! x inner` new positions

    def digits(self, sources: Numbers, ops: Numbers) -> Numbers:
        """`n x digits` of `n` cells."""
        return _digits(self.nodes, sources, ops)

    def pairs(self, digits: Numbers) -> tuple[Numbers, Numbers]:
        """The inverse of `digits`; the pairs of a node are sorted."""
        return _pairs(self.nodes, digits)

    def wired_digits(self, sources: Numbers, ops: Numbers) -> Numbers:
        """`n x inner * (1 + arity)` digits: for each inner node which sources it reads, then its operations."""
        return _digits(self.wired, sources, ops)

    def wired_pairs(self, digits: Numbers) -> tuple[Numbers, Numbers]:
        """The inverse of `wired_digits`; where sources may repeat, several digits are those of one cell."""
        return _pairs(self.wired, digits)

    def legal_orders(self, sources: Numbers) -> NDArray[np.bool_]:
        """`n x orders`: which new positions of the inner nodes keep every source before its reader."""
        inputs = np.broadcast_to(np.arange(-self.cell_inputs, 0), (len(self._orders), self.cell_inputs))
        positions = np.concatenate([inputs, self._orders], axis=1)  # of each source, in each order
        legal = np.ones((len(sources), len(self._orders)), dtype=np.bool_)
        for k in range(self.inner):
            for slot in range(self.arity):
                legal &= (positions[:, sources[:, k, slot]] < self._orders[:, [k]]).T
        return legal

    def random_order(self, sources: Numbers, rng: np.random.Generator) -> Numbers:
        """`n` numbers of orders that are legal, uniform over them."""
        legal = self.legal_orders(sources)
        choice: Numbers = np.where(legal, rng.random(legal.shape), -1.0).argmax(1)
        return choice

    def reordered(self, sources: Numbers, ops: Numbers, choice: Numbers) -> tuple[Numbers, Numbers]:
        """Cells with inner node `k` moved to position `orders[choice][k]`."""
        orders = self._orders[choice]
        position = np.concatenate(
            [np.tile(np.arange(self.cell_inputs), (len(orders), 1)), orders + self.cell_inputs], axis=1
        )
        moved = np.take_along_axis(position, sources.reshape(len(sources), self.inner * self.arity), 1)
        moved = moved.reshape(sources.shape)
        back = orders.argsort(1)[:, :, None]
        return np.take_along_axis(moved, back, 1), np.take_along_axis(ops, back, 1)

    def canonical(self, sources: Numbers, ops: Numbers) -> Numbers:
        """`n x w`: smallest numbers over all orders of a cell's inner nodes that keep edges pointing forward."""
        # key(G) = min over legal p in S_k of number(p.G). The minimum over an orbit is the same for all its members and
        # a member itself, so keys are equal iff genotypes are isomorphic. Cells are written in all of their k! <= 720
        # orders at once, as many cells at a time as `_AT_ONCE` allows.
        found = np.empty((len(sources), self._word_of[-1] + 1), dtype=np.int64)
        step = max(_AT_ONCE // len(self._orders), 1)
        for start in range(0, len(sources), step):
            part = slice(start, start + step)
            found[part] = self._smallest(sources[part], ops[part])
        return found

    def _smallest(self, sources: Numbers, ops: Numbers) -> Numbers:
        row, order = np.nonzero(self.legal_orders(sources))  # row by row; the order as written is always legal
        numbers = self._numbers(*self.reordered(sources[row], ops[row], order))
        first = np.searchsorted(row, np.arange(len(sources)))
        smallest = np.empty((len(sources), numbers.shape[1]), dtype=np.int64)
        for word in range(numbers.shape[1]):  # the first word is the most significant: ties are told by the next
            smallest[:, word] = np.minimum.reduceat(numbers[:, word], first)
            numbers[numbers[:, word] > smallest[row, word], word + 1 :] = np.iinfo(np.int64).max
        return smallest

    @cached_property
    def _word_of(self) -> list[int]:
        """For each inner node the number of the word that it is part of: as many as 64 bits hold are in one."""
        word, room, found = 0, EXACT_BELOW, []
        for node in self.nodes:
            if node.size > room:
                word, room = word + 1, EXACT_BELOW
            room //= node.size
            found.append(word)
        return found

    def _numbers(self, sources: Numbers, ops: Numbers) -> Numbers:
        """`n x w` mixed-radix numbers of cells as they are written."""
        # 0 <= number < prod_k size_k = size, in one word where size < 2^63. Node k has size_k = C(inputs + k, arity)
        # |ops|^arity contents if its sources differ. DARTS: prod_{k=0..3} C(2 + k, 2) 7^2 = (1 * 3 * 6 * 10) 7^8 =
        # 1,037,664,180, two cells 1.08e18 (Liu et al.).
        sources, ops = sorted_pairs(sources, ops)
        numbers = np.zeros((len(sources), self._word_of[-1] + 1), dtype=np.int64)
        for k, node in enumerate(self.nodes):
            word = self._word_of[k]
            numbers[:, word] = numbers[:, word] * node.size + node.numbers(sources[:, k], ops[:, k])
        return numbers


def _digits(nodes: list[InnerNode] | list[Wired], sources: Numbers, ops: Numbers) -> Numbers:
    sources, ops = sorted_pairs(sources, ops)
    return np.concatenate([node.digits(sources[:, k], ops[:, k]) for k, node in enumerate(nodes)], axis=1)


def _pairs(nodes: list[InnerNode] | list[Wired], digits: Numbers) -> tuple[Numbers, Numbers]:
    ends = np.cumsum([len(node.radices) for node in nodes])[:-1]
    found = [node.pairs(part) for node, part in zip(nodes, np.split(digits, ends, axis=1), strict=True)]
    return np.stack([sources for sources, _ in found], axis=1), np.stack([ops for _, ops in found], axis=1)
