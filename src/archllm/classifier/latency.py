"""Latency of a fit's files: predicted for any network near the limit, measured for a few."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

LEAST_SHARE = 0.1
"""Share of a limit that is the network's at least, whatever the file takes beside it."""


class FileLatency:
    """Milliseconds of the files of networks of a space, exact near a limit.

    Args:
        space: the space.
        setting: the network setting.
        limit: milliseconds that a file may take.
        overhead: milliseconds that a file takes beyond its network.
        also: members that are of interest beside random ones.
    """

    def __init__(
        self, space: SearchSpace, setting: Any, limit: float, overhead: float, also: Graphs | None = None
    ) -> None:
        from archllm.objectives.latency import machine_latency
        from archllm.objectives.latency.kept import KeptTimings

        self.limit, self.overhead = limit, overhead
        near = max(limit - overhead, LEAST_SHARE * limit)
        self._model = machine_latency(space, setting, limit=near, also=also)
        self._timings = KeptTimings(space, setting)

    def predicted(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n` milliseconds; half of those at the limit exceed it, which is found out before training."""
        return self._model.predict(graphs).ms + self.overhead

    def measured(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n` milliseconds, of members that were not measured before by measuring them now."""
        return self._timings.of(graphs) + self.overhead
