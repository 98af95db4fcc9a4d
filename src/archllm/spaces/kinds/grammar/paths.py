"""Paths: a graph whose paths are counted and numbered, each edge standing for many interchangeable choices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from math import isqrt
from typing import Any

START: Hashable = None
"""The node at which all paths begin."""


class Paths:
    """Paths from one node, numbered `0 … count - 1` at each node where they end; counts are integers of any length.

    An edge with a letter stands for `choices` different ways to take it. Nodes must be entered in an order in which all
    edges into a node are added before any out of it.

    Example:
        >>> paths = Paths()
        >>> paths.add(START, "a", 2, "middle")
        >>> paths.add("middle", "b", 3, "end")
        >>> paths.count("end"), paths.unrank("end", 4)
        (6, [('a', 1), ('b', 1)])
        >>> paths.rank([(START, "a", "middle", 1), ("middle", "b", "end", 1)])
        4
    """

    # Number of a path = offset of its last edge + (number of the path up to there) * choices + choice, where offsets
    # add up (count of the edge's source) * choices over the edges into a node: mixed radix, which `unrank` divides.

    def __init__(self) -> None:
        self._counts: dict[Hashable, int] = {START: 1}
        self._offsets: dict[Hashable, list[int]] = {}
        self._edges: dict[Hashable, list[tuple[Hashable, Any, int]]] = {}
        self._places: dict[tuple[Hashable, Hashable, Any], tuple[int, int]] = {}

    def add(self, source: Hashable, letter: Any, choices: int, node: Hashable) -> None:
        """Adds an edge; one of the same letter between the same nodes must not be there."""
        before = self._counts.get(node, 0)
        self._offsets.setdefault(node, []).append(before)
        self._edges.setdefault(node, []).append((source, letter, choices))
        self._places[source, node, letter] = before, choices
        self._counts[node] = before + self._counts[source] * choices

    def count(self, node: Hashable) -> int:
        """How many paths end at a node."""
        return self._counts.get(node, 0)

    def unrank(self, node: Hashable, number: int) -> list[tuple[Any, int]]:
        """Letters of the path of that number, each with which of its choices it takes."""
        letters = []
        while node is not START:
            offsets = self._offsets[node]
            at = bisect_right(offsets, number) - 1
            source, letter, choices = self._edges[node][at]
            number, choice = divmod(number - offsets[at], choices)
            letters.append((letter, choice))
            node = source
        letters.reverse()
        return letters

    def rank(self, steps: Sequence[tuple[Hashable, Any, Hashable, int]]) -> int:
        """The number of a path: for each edge its source, letter, node and choice."""
        number = 0
        for source, letter, node, choice in steps:
            offset, choices = self._places[source, node, letter]
            number = offset + number * choices + choice
        return number


def multisets(kinds: int, size: int) -> int:
    """How many multisets of that size there are of so many kinds.

    Example:
        >>> multisets(3, 2)
        6
    """
    total = 1
    for k in range(size):
        total = total * (kinds + k) // (k + 1)
    return total


def rank_multiset(numbers: Sequence[int]) -> int:
    """The number of a multiset of kinds, `0 …`, among those of its size.

    Example:
        >>> [rank_multiset(each) for each in ([0, 0], [0, 1], [1, 1], [0, 2])]
        [0, 1, 2, 3]
    """
    # The combinatorial number system (Knuth, TAOCP 4A, 7.2.1.3) with repetition: ascending c_1 <= ... <= c_k become the
    # strictly ascending c_i + i - 1, and the number is the sum of binomials (c_i + i - 1 choose i).
    return sum(multisets(number, place) for place, number in enumerate(sorted(numbers), start=1))


def unrank_multiset(number: int, size: int) -> list[int]:
    """The inverse of `rank_multiset`, ascending.

    Example:
        >>> unrank_multiset(3, 2)
        [0, 2]
    """
    found = []
    for place in range(size, 0, -1):
        found.append(_largest(number, place))
        number -= multisets(found[-1], place)
    return found[::-1]


def _largest(number: int, place: int) -> int:
    """The largest `n` for which there are at most `number` multisets of that size of `n` kinds."""
    if place == 1:
        return number
    if place == 2:  # n (n + 1) / 2 <= number, solved for n
        return (isqrt(8 * number + 1) - 1) // 2
    low, high = 0, 1
    while multisets(high, place) <= number:
        low, high = high, 2 * high
    while high - low > 1:  # multisets(low) <= number < multisets(high)
        middle = (low + high) // 2
        low, high = (middle, high) if multisets(middle, place) <= number else (low, middle)
    return low
