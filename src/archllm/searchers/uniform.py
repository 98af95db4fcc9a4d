"""Random search: the baseline of all baselines."""

from __future__ import annotations

import numpy as np

from archllm.searchers.base import Searcher
from archllm.spaces import Architecture


class RandomSearch(Searcher):
    """Asks for members at random, uniform over those not asked for yet; learns nothing.

    Example:
        >>> from archllm.searchers.domain import Domain
        >>> from archllm.spaces import load_space
        >>> searcher = RandomSearch(Domain(load_space("nasbench201")), seed=0)
        >>> len({arch.key for arch in searcher.ask(5)})
        5
    """

    name = "random"
    remembers = False

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        return self._random(rng)
