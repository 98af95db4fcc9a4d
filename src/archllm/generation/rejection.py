"""Rejection sampling: draws until enough different members are found, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from archllm.data.keyset import KeySet
from archllm.errors import BudgetExhausted
from archllm.generation.config import SamplingOptions
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace
from archllm.spaces.sizes import written_size

_MOST_AT_ONCE = 65_536  # draws
_BATCH_BYTES = 32 << 20  # of their graphs


def most_at_once(space: SearchSpace) -> int:
    """Draws of one batch at most, so that their graphs stay small whatever the space."""
    return max(256, min(_MOST_AT_ONCE, _BATCH_BYTES // space.member_bytes))


class Distinct:
    """Valid, pairwise different members among random draws, in the order in which they come.

    Iterating draws them, batch by batch. In memory are one batch, and 8 bytes for each member that was found: ten
    million take no more than a few hundred megabytes.

    Args:
        space: the space.
        draw: gives so many raw draws.
        options: how many members, of how many draws at most.
        fulfilling: gives those of some members that are wanted.
        excluded: keys of members that are not.

    Raises:
        BudgetExhausted: the space holds fewer than `n`; while iterating: the draws did. The message says how many were
            found.
    """

    def __init__(
        self,
        space: SearchSpace,
        draw: Callable[[int], Graphs],
        options: SamplingOptions,
        fulfilling: Callable[[Graphs], Graphs],
        excluded: NDArray[np.int64] | None = None,
    ) -> None:
        n = options.n
        known = 0 if excluded is None else len(excluded)
        available = space.size - known
        if n > available:
            new = "" if excluded is None else "new "
            raise BudgetExhausted(
                f"{n:,} different architectures were asked for, but {space.name} holds only {written_size(available)} "
                f"{new}ones",
                found=0,
                drawn=0,
            )
        self.space, self.n, self.budget = space, n, options.most_draws
        self._draw, self._fulfilling = draw, fulfilling
        self._seen = KeySet(excluded)
        self.found = 0
        """Members found so far."""
        self.drawn = 0
        """Draws so far."""
        self.valid = 0
        """Draws that were members."""
        self.seconds = 0.0
        """Time that they took."""

    def __iter__(self) -> Iterator[Graphs]:
        """Batches of members, none of them empty."""
        while self.found < self.n:
            start = time.perf_counter()
            batch = self._next()
            self.seconds += time.perf_counter() - start
            if len(batch):
                yield batch

    def _next(self) -> Graphs:
        left = self.n - self.found
        share = max(self.found / self.drawn, 0.02) if self.drawn else 0.9
        batch = min(max(256, int(left / share * 1.1)), self.budget - self.drawn, most_at_once(self.space))
        if batch <= 0:
            raise BudgetExhausted(
                f"{self.found:,} of {self.n:,} architectures were found in {self.drawn:,} draws ({self.valid:,} "
                "valid); ask for fewer, loosen what is required, or allow more draws",
                found=self.found,
                drawn=self.drawn,
            )
        graphs = self._draw(batch)
        members = graphs[self.space.validate(graphs)]
        self.drawn, self.valid = self.drawn + batch, self.valid + len(members)
        members = self._fulfilling(members)
        if not len(members):
            return members
        members = members[np.flatnonzero(self._seen.add(self.space.keys(members)))[:left]]
        self.found += len(members)
        return members
