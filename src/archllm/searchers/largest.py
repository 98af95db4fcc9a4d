"""Largest first: no model at all, only the size of the network."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.config import Settings
from archllm.errors import NotApplicable
from archllm.graphs import Graphs, concatenate
from archllm.searchers.base import Searcher
from archllm.searchers.candidates import around
from archllm.searchers.domain import Domain
from archllm.spaces import Architecture

_SAMPLE = 1_000
_PARENTS = 10


class LargestFirst(Searcher):
    """Asks for members in the order of their parameter counts, the largest first; equal ones in random order.

    Where the domain can't be enumerated, a climb from the largest of 1,000 random members to larger neighbours gives
    the first one, and each next one is the largest of the neighbours of the largest known ones. Scores play no part.

    Example:
        >>> from archllm.searchers.domain import Domain
        >>> from archllm.spaces import load_space
        >>> (largest,) = LargestFirst(Domain(load_space("nasbench201")), seed=0).ask()
        >>> largest.text
        '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
    """

    name = "largest"

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        super().__init__(domain, seed, objectives, options)
        if domain.space.networks is None:
            raise NotApplicable(f"no network is made of architectures of {domain.space.name}, so none is the largest")
        self._counts: dict[int, int] = {}  # parameters by key

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        if self.domain.enumerable:
            unknown = self._unknown_rows()
            return self._member(int(unknown[self._places[unknown].argmin()])) if len(unknown) else None
        if self._peak.key not in self.known:
            return self._peak
        parents = sorted(self.known.values(), key=self._params, reverse=True)[:_PARENTS]
        near = around(self.domain, parents, 0, self.known, rng)
        return self._largest(near, rng) if len(near) else self._random(rng)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Place of each member in the order of asking."""
        sizes = self.domain.params
        ties = np.random.default_rng(self.seed).random(len(sizes))
        return np.argsort(np.lexsort((ties, -sizes)))

    @cached_property
    def _peak(self) -> Architecture:
        """Where climbing in size ends."""
        rng = np.random.default_rng(self.seed)
        arch = self._largest(self.domain.sample(_SAMPLE, rng), rng)
        while near := self.domain.neighbours(arch):
            sizes = self.domain.params_of(concatenate([other.graph for other in near]))  # many at once, which is fast
            if sizes.max() <= self._params(arch):
                break
            arch = near[int(sizes.argmax())]
        return arch

    def _params(self, arch: Architecture) -> int:
        if arch.key not in self._counts:
            self._counts[arch.key] = int(self.domain.params_of(arch.graph)[0])
        return self._counts[arch.key]

    def _largest(self, graphs: Graphs, rng: np.random.Generator) -> Architecture:
        sizes = self.domain.params_of(graphs)
        return self.domain.space.architecture(graphs[int(rng.choice(np.flatnonzero(sizes == sizes.max())))])
