"""Inner nodes of genotypes: pairs of a source and an operation, which have no order, as digits.

`Wired` nodes have a digit that says which sources they read, and one more for each what is done with it.
`AnySources` counts nodes whose pairs may be any, also the same one several times; all of them together are one digit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def sorted_pairs(sources: Numbers, ops: Numbers) -> tuple[Numbers, Numbers]:
    """Sources and operations (`… x arity`) with the pairs of each node in order: by source, then by operation."""
    order = np.lexsort((ops, sources), axis=-1)
    return np.take_along_axis(sources, order, -1), np.take_along_axis(ops, order, -1)


class InnerNode(ABC):
    """The contents that one inner node can have, as digits.

    Args:
        sources: how many earlier nodes there are.
        arity: pairs of the node.
        ops: how many operations there are.
    """

    radices: list[int]
    """How many values each digit has."""

    op_digits: list[int]
    """Positions of the digits that operations depend on."""

    def __init__(self, sources: int, arity: int, ops: int) -> None:
        self.sources, self.arity, self.ops = sources, arity, ops

    @property
    def size(self) -> int:
        """How many contents there are."""
        return math.prod(self.radices)

    @abstractmethod
    def digits(self, sources: Numbers, ops: Numbers) -> Numbers:
        """`… x digits` of contents whose pairs (`… x arity`) are sorted."""

    @abstractmethod
    def pairs(self, digits: Numbers) -> tuple[Numbers, Numbers]:
        """The inverse of `digits`: sources and operations, sorted."""

    def ops_of(self, digits: Numbers) -> Numbers:
        """Operations (`… x arity`) of the contents of those digits, of which those at `op_digits` are looked at."""
        return self.pairs(digits)[1]

    def numbers(self, sources: Numbers, ops: Numbers) -> Numbers:
        """`…` numbers below `size` of contents whose pairs are sorted."""
        found = np.zeros(sources.shape[:-1], dtype=np.int64)
        for digit, radix in zip(np.moveaxis(self.digits(sources, ops), -1, 0), self.radices, strict=True):
            found = found * radix + digit
        return found


class Wired(InnerNode):
    """Digits for which sources are read, and then for each operation.

    Args:
        sources: how many earlier nodes there are.
        arity: pairs of the node.
        ops: how many operations there are.
        repeat: whether a source may be read several times; then pairs that are not sorted have digits, too.

    Example:
        >>> Wired(3, 2, 4).wirings.tolist(), Wired(3, 2, 4).radices
        ([[0, 1], [0, 2], [1, 2]], [3, 4, 4])
    """

    def __init__(self, sources: int, arity: int, ops: int, repeat: bool = False) -> None:
        super().__init__(sources, arity, ops)
        choose = combinations_with_replacement if repeat else combinations
        found: Iterable[tuple[int, ...]] = choose(range(sources), arity)
        self.wirings = np.array(list(found), dtype=np.int64)
        self.radices = [len(self.wirings), *[ops] * arity]
        self.op_digits = list(range(1, 1 + arity))

    def digits(self, sources: Numbers, ops: Numbers) -> Numbers:
        wiring = self._ranks[tuple(np.moveaxis(sources, -1, 0))]
        return np.concatenate([wiring[..., None], ops], axis=-1)

    def pairs(self, digits: Numbers) -> tuple[Numbers, Numbers]:
        return self.wirings[digits[..., 0]], self.ops_of(digits)

    def ops_of(self, digits: Numbers) -> Numbers:
        return digits[..., 1:]

    @cached_property
    def _ranks(self) -> Numbers:
        """Sources, ascending -> the number of the wiring."""
        ranks = np.full((self.sources,) * self.arity, -1, dtype=np.int64)
        ranks[tuple(self.wirings.T)] = np.arange(len(self.wirings))
        return ranks


class AnySources(InnerNode):
    """One digit for each multiset of pairs.

    Example:
        >>> node = AnySources(2, 2, 1)  # 0 and 0, 0 and 1, 1 and 1
        >>> node.radices, node.pairs(np.array([[0], [1], [2]]))[0].tolist()
        ([3], [[0, 0], [0, 1], [1, 1]])
    """

    # Pairs x = source |ops| + op, sorted x_1 <= ... <= x_a, become y_i = x_i + i - 1, strictly ascending below
    # p + a - 1 with p pairs in all; the combinatorial number system (Knuth, TAOCP 4A, 7.2.1.3) ranks them:
    #     rank = sum_i C(y_i, i),   0 <= rank < C(p + a - 1, a).

    def __init__(self, sources: int, arity: int, ops: int) -> None:
        super().__init__(sources, arity, ops)
        most = sources * ops + arity - 1
        self.radices, self.op_digits = [math.comb(most, arity)], [0]
        self._combinations = [
            np.array([math.comb(y, i) for y in range(most + 1)], dtype=np.int64) for i in range(1, arity + 1)
        ]

    def digits(self, sources: Numbers, ops: Numbers) -> Numbers:
        steps = sources * self.ops + ops + np.arange(self.arity)
        ranks = np.stack([table[steps[..., i]] for i, table in enumerate(self._combinations)], axis=-1)
        rank: Numbers = ranks.sum(axis=-1, keepdims=True)
        return rank

    def pairs(self, digits: Numbers) -> tuple[Numbers, Numbers]:
        rank, found = digits[..., 0], np.empty((*digits.shape[:-1], self.arity), dtype=np.int64)
        for i in range(self.arity - 1, -1, -1):  # the largest y with C(y, i) <= rank
            step = np.searchsorted(self._combinations[i], rank, side="right") - 1
            rank = rank - self._combinations[i][step]
            found[..., i] = step - i
        return found // self.ops, found % self.ops
