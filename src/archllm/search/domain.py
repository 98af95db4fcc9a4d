"""Domain: the architectures that a search may ask for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

Allowed = Callable[[Graphs], NDArray[np.bool_]]
"""From `n` members to `n` booleans: which may be asked for."""


class Domain:
    """A whole space, or a closed pool of its members, narrowed by a constraint."""

    def __init__(self, space: SearchSpace, pool: Graphs | None = None, allowed: Allowed | None = None) -> None:
        self.space, self.pool, self.allowed = space, pool, allowed
