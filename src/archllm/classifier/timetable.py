"""Timetable: what the minutes of a fit are spent on, and how many are left."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since some point in time, never going back."""

SEARCH = 0.25
"""Share of the time for search and full training that is spent on the search."""


class Timetable:
    """The time of a fit: of it, some was spent by earlier calls, and some is reserved for its end.

    The phases take what there is: looking at the data and measuring the machine take what they take; search and full
    training divide what is left but for the reserve; so the whole ends on time on a slow machine, too.

    Args:
        seconds: time of all calls together.
        spent: seconds that earlier calls took.
        clock: what time it is.

    Example:
        >>> now = 100.0
        >>> table = Timetable(360.0, clock=lambda: now)
        >>> now = 110.0
        >>> table.reserve = 50.0
        >>> table.elapsed, table.left, table.open, table.search_ends()
        (10.0, 350.0, 300.0, 85.0)
    """

    def __init__(self, seconds: float, spent: float = 0.0, clock: Clock = time.monotonic) -> None:
        self.seconds, self.clock = seconds, clock
        self.reserve = 0.0
        """Seconds that the end needs: testing, files and report."""
        self._began = clock() - spent

    @property
    def elapsed(self) -> float:
        """Seconds spent so far, those of earlier calls included."""
        return self.clock() - self._began

    @property
    def left(self) -> float:
        """Seconds until the whole is to be done; negative if it is late."""
        return self.seconds - self.elapsed

    @property
    def open(self) -> float:
        """Seconds left for search and full training."""
        return self.left - self.reserve

    def search_ends(self) -> float:
        """`elapsed` at which a search that begins now is to end."""
        return self.elapsed + SEARCH * max(0.0, self.open)

    def training_ends(self) -> float:
        """`elapsed` at which full training is to end."""
        return self.seconds - self.reserve
