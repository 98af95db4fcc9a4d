"""Share: how many random draws are accepted, where what is accepted is too much to be gone through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ENOUGH = 2_000
"""Accepted draws after which a share is known well enough."""


@dataclass(frozen=True)
class Share:
    """Draws, and those that were accepted."""

    # a of n uniform draws out of N accepted: |accepted| ~ s N with s = a/n, relative error sqrt((1 - s)/(n s)), at most
    # 1/sqrt(a): 2.2 % once a = `ENOUGH`. A member then costs 1/s draws.

    accepted: int
    """Draws that were accepted."""

    drawn: int
    """All draws."""

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.accepted / self.drawn

    def of(self, size: int) -> int:
        """So much of a whole number, rounded; at least one. No float holds all sizes."""
        return max(1, (2 * size * self.accepted + self.drawn) // (2 * self.drawn))

    def __str__(self) -> str:
        return f"{self.accepted:,} of {self.drawn:,}"


def accepted_share(attempt: Callable[[int, np.random.Generator], int], at_a_time: int, most: int) -> Share:
    """Draws until `ENOUGH` are accepted; always the same draws.

    Args:
        attempt: makes so many draws, and says how many were accepted.
        at_a_time: draws at a time.
        most: draws at most.

    Example:
        >>> accepted_share(lambda n, rng: int((rng.random(n) < 0.5).sum()), 1_000, 10_000)
        Share(accepted=2031, drawn=4000)
    """
    rng = np.random.default_rng(0)
    accepted = drawn = 0
    while drawn < most and accepted < ENOUGH:
        accepted += attempt(at_a_time, rng)
        drawn += at_a_time
    return Share(accepted, drawn)
