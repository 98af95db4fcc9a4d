"""Symmetries: variables that may change places without changing what an assignment means.

A *unit* is one variable, or a few that belong together; the units of a group are interchangeable. Of all assignments
that differ in the order of units, one stands for all: the one whose units are in ascending order. These are multisets
of what a unit can be, of which there are

    C(m + k - 1, k)     for k units of m possibilities each (Knuth, TAOCP 4A, 7.2.1.3),

and a uniform multiset is a uniform k-subset of m + k - 1 numbers, ascending, the i-th less i.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.spaces.constraints import Constraint, Term
from archllm.spaces.parameters import INACTIVE


@dataclass(frozen=True, eq=False)
class Group:
    """Interchangeable units.

    Example:
        >>> group = Group(np.array([[0, 1], [2, 3]]), (3, 2))
        >>> group.possibilities, group.multisets
        (6, 21)
        >>> group.sorted(np.array([[2, 1, 0, 1]])).tolist()
        [[0, 1, 2, 1]]
    """

    units: NDArray[np.int64]
    """`k x w` variables."""

    radices: tuple[int, ...]
    """Choices of each of the `w` variables of a unit."""

    @property
    def possibilities(self) -> int:
        """Tuples of choices in a unit."""
        return math.prod(self.radices)

    @property
    def multisets(self) -> int:
        """Multisets of what the units can be."""
        return math.comb(self.possibilities + len(self.units) - 1, len(self.units))

    @property
    def variables(self) -> list[int]:
        """All variables of the units."""
        return [int(variable) for variable in self.units.ravel()]

    def numbers(self, choices: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n x k` numbers of what the units are, by which they are ordered; an inactive choice is as the first."""
        numbers = np.zeros((len(choices), len(self.units)), dtype=np.int64)
        for column, radix in zip(self.units.T, self.radices, strict=True):
            own = choices[:, column]
            numbers = numbers * radix + np.where(own == INACTIVE, 0, own)
        return numbers

    def sorted(self, choices: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n` assignments with the units in ascending order."""
        return self._reordered(choices, np.argsort(self.numbers(choices), axis=1, kind="stable"))

    def shuffled(self, choices: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """`n` assignments with the units in a random order."""
        return self._reordered(choices, rng.random((len(choices), len(self.units))).argsort(1))

    def swapped(self, choices: NDArray[np.int64], unit: int) -> NDArray[np.int64]:
        """`n` assignments with a unit and the next one in each other's places."""
        order = np.arange(len(self.units))
        order[[unit, unit + 1]] = order[[unit + 1, unit]]
        return self._reordered(choices, np.tile(order, (len(choices), 1)))

    def _reordered(self, choices: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
        found = choices.copy()
        for column in self.units.T:
            found[:, column] = np.take_along_axis(choices[:, column], order, axis=1)
        return found

    def orders(self) -> list[Constraint]:
        """What ascending order says of each unit and the next."""
        found = []
        for unit in range(len(self.units) - 1):
            reads = frozenset(int(variable) for variable in self.units[unit : unit + 2].ravel())
            term = Term("truth", partial(self._ascending, unit), reads=reads)
            found.append(Constraint(f"unit {unit} <= unit {unit + 1}", term, work=len(reads)))
        return found

    def _ascending(self, unit: int, choices: Any) -> NDArray[np.bool_]:
        two = Group(self.units[unit : unit + 2], self.radices).numbers(choices)
        ascending: NDArray[np.bool_] = two[:, 0] <= two[:, 1]
        return ascending

    def draw(self, choices: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Writes uniform multisets into the units, in ascending order."""
        n, k = len(choices), len(self.units)
        total = self.possibilities + k - 1
        # Uniform k-subsets of `total` numbers (Floyd, in Bentley, 1987): a number that is there already gives way to
        # the largest that may be.
        chosen = np.full((n, k), -1, dtype=np.int64)
        for at, largest in enumerate(range(total - k, total)):
            drawn = rng.integers(largest + 1, size=n)
            there = (chosen[:, :at] == drawn[:, None]).any(1)
            chosen[:, at] = np.where(there, largest, drawn)
        numbers = np.sort(chosen, axis=1) - np.arange(k)
        for column, radix in zip(reversed(self.units.T), reversed(self.radices), strict=True):
            numbers, choices[:, column] = np.divmod(numbers, radix)


def sorted_in_all(groups: Sequence[Group], choices: NDArray[np.int64]) -> NDArray[np.int64]:
    """`n` assignments with the units of all groups in ascending order."""
    for group in groups:
        choices = group.sorted(choices)
    return choices
