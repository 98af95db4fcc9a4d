"""Random search: the baseline of all baselines."""

from __future__ import annotations

import numpy as np

from archllm.searchers.base import Searcher
from archllm.spaces import Architecture


class RandomSearch(Searcher):
    """Asks for members at random, uniform over those not asked for yet; learns nothing."""

    name = "random"

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        return self._random(rng)
