"""KeySet: which of many canonical keys were seen before, in 8 bytes a key."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class KeySet:
    """A growing set of 64-bit keys, held in sorted arrays.

    A batch that is added becomes an array of its own; arrays of similar sizes are merged, so that there are few of them
    and each key is moved a logarithmic number of times. A set of `n` keys takes `8 n` bytes, and as much again for a
    moment while the largest arrays are merged; a Python set of integers takes some ten times as much.

    Args:
        keys: keys that count as seen.

    Example:
        >>> seen = KeySet(np.array([7, 3]))
        >>> seen.add(np.array([3, 5, 5, 9]))
        array([False,  True, False,  True])
        >>> len(seen)
        4
    """

    def __init__(self, keys: NDArray[np.int64] | None = None) -> None:
        self._runs: list[NDArray[np.int64]] = []  # sorted, the largest first
        if keys is not None and len(keys):
            self._runs.append(np.unique(keys))

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def contains(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`n` booleans: which keys are in the set."""
        found = np.zeros(len(keys), dtype=np.bool_)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            found |= run[at] == keys
        return found

    def add(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Adds `n` keys.

        Returns:
            `n` booleans: which were not in the set, the first of each where a key is given several times.
        """
        # Runs with |run_i| >= 2 |run_{i+1}| number at most log2 n + 1: a look-up is O(log^2 n), a key moves O(log n)
        # times, since its run grows by half at least each time (the logarithmic method, Bentley & Saxe, 1980).
        distinct, first = np.unique(keys, return_index=True)
        fresh = ~self.contains(distinct)
        new = np.zeros(len(keys), dtype=np.bool_)
        new[first[fresh]] = True
        if fresh.any():
            self._runs.append(distinct[fresh])
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) > len(self._runs[-2]):
            small, large = self._runs.pop(), self._runs.pop()
            merged = np.concatenate([large, small])
            del small, large
            merged.sort(kind="stable")  # a merge sort, which finds the two sorted parts
            self._runs.append(merged)
        return new
