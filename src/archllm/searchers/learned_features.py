"""LearnedFeatures: what a predictor sees of a domain's architectures, kept where the domain can be listed."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np

from archllm.graphs import Graphs
from archllm.predictor import FeatureMaker, Features, Featurizer, makers
from archllm.predictor.recommended import averaged_where_listed, recommended_makers
from archllm.searchers.domain import Domain
from archllm.tokenizer import Tokenizer

_REFERENCE = 1_000

Kind = Literal["embedding+free", "embedding", "free", "hand"]


class LearnedFeatures:
    """Features of members of a domain, scaled by random members of its space.

    Args:
        domain: where the members come from.
        tokenizer: its embedding was learned without scores.
        kind: which features.
    """

    def __init__(self, domain: Domain, tokenizer: Tokenizer, kind: Kind) -> None:
        self.domain = domain
        reference = domain.space.sample(_REFERENCE, np.random.default_rng(0))
        self._make = Featurizer(domain.space, _makers(tokenizer, kind, reference), reference)
        names = [maker.name.split()[-1] for maker in self._make.makers]  # without "averaged"
        self.free = tuple(at for at, name in enumerate(names) if name == "free")
        """Which blocks are free to know: sizes, and statistics of paths."""
        self.learned = tuple(at for at, name in enumerate(names) if name == "tokenizer")
        """Which blocks are the tokenizer's embedding."""

    def __call__(self, graphs: Graphs) -> Features:
        """`n` rows of features."""
        if not self.domain.scanned:
            return self._make(graphs)
        rows = self.domain.index(self.domain.space.keys(graphs))
        if (rows < 0).any():  # told from outside of the domain
            return self._make(graphs)
        return self._all[rows]

    @cached_property
    def _all(self) -> Features:
        return self._make(self.domain.enumerate()[np.arange(len(self.domain.keys))])  # torch wants writable arrays


def _makers(tokenizer: Tokenizer, kind: Kind, reference: Graphs) -> list[FeatureMaker]:
    space = tokenizer.space
    if kind == "embedding+free":
        return recommended_makers(tokenizer)
    found = {
        "embedding": lambda: [makers.tokenizer(tokenizer)],
        "free": lambda: [makers.free(space)],
        "hand": lambda: [makers.one_hot(space), makers.path(space, reference), makers.free(space)],
    }[kind]()
    return averaged_where_listed(found, space)
