"""Choosing few points that are far apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def farthest_first(points: NDArray[np.floating], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of `n` points, or of all: a random one, then always the one farthest from those chosen (Gonzalez, 1985).

    Args:
        points: `k x d`.
        n: how many.
        rng: chooses the first.

    Example:
        >>> farthest_first(np.array([[0.0], [0.1], [1.0]]), 2, np.random.default_rng(0)).tolist()
        [2, 0]
    """
    chosen = [int(rng.integers(len(points)))]
    distance = np.square(points - points[chosen[0]]).sum(1)
    while len(chosen) < min(n, len(points)):
        distance[chosen] = -1.0
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.square(points - points[chosen[-1]]).sum(1))
    return np.array(chosen)
