"""Several objectives at once: what dominates what. More is better in every objective."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def non_dominated(values: ArrayLike) -> NDArray[np.bool_]:
    """`n` booleans: the Pareto front of `n x m` points, that is those that no other point dominates."""
    points = np.asarray(values, dtype=np.float64)
    at_least = (points[:, None] >= points[None]).all(2)
    better = (points[:, None] > points[None]).any(2)
    front: NDArray[np.bool_] = ~(at_least & better).any(0)
    return front
