"""DomainFeatures: what predictors see of a domain's architectures, made once where the domain is small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs, concatenate
from archllm.predictor.features import FeatureMaker, Features, Featurizer
from archllm.searchers.domain import Domain
from archllm.spaces import Architecture

REFERENCE = 1_000
"""Random members of the space by which features are scaled."""


class DomainFeatures:
    """Features of members of a domain, scaled by random members of its space.

    Args:
        domain: where the members come from.
        choose: chooses the makers, given these random members.
    """

    def __init__(self, domain: Domain, choose: Callable[[Graphs], Sequence[FeatureMaker]]) -> None:
        self.domain = domain
        reference = domain.space.sample(REFERENCE, np.random.default_rng(0))
        self._make = Featurizer(domain.space, choose(reference), reference)
        self._kept: dict[int, NDArray[np.float32]] = {}

    def __call__(self, graphs: Graphs) -> Features:
        """`n` rows of features."""
        if not self.domain.scanned:
            return self._make(graphs)
        rows = self.domain.index(self.domain.space.keys(graphs))
        if (rows < 0).any():  # told from outside of the domain
            return self._make(graphs)
        return self.of_all[rows]

    def of(self, architectures: Sequence[Architecture]) -> Features:
        """`n` rows of features, which are kept."""
        new = [arch for arch in architectures if arch.key not in self._kept]
        if new:
            rows = self(concatenate([arch.graph for arch in new])).values
            self._kept.update(zip((arch.key for arch in new), rows, strict=True))
        return Features(np.stack([self._kept[arch.key] for arch in architectures]), self._make.blocks)

    @cached_property
    def of_all(self) -> Features:
        """Features of `domain.enumerate()`."""
        return self._make(self.domain.enumerate()[np.arange(len(self.domain.keys))])  # torch wants writable arrays

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self._make.blocks)

    def blocks(self, *makers: str) -> tuple[int, ...]:
        """Positions of the blocks that come from these makers, averaged or not."""
        names = [each.name.removeprefix("averaged ") for each in self._make.makers]
        return tuple(at for at, name in enumerate(names) if name in makers)
