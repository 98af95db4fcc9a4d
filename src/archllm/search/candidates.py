"""What a predictor is asked about where a domain is too large to look at all of it: draws and neighbours."""

from __future__ import annotations

from collections.abc import Container, Sequence
from contextlib import suppress

import numpy as np

from archllm.errors import BudgetExhausted
from archllm.graphs import Graphs, concatenate
from archllm.search.domain import Domain
from archllm.spaces import Architecture


def around(
    domain: Domain, parents: Sequence[Architecture], random: int, known: Container[int], rng: np.random.Generator
) -> Graphs:
    """Members that are not known, each once: neighbours of the parents, and random ones.

    Args:
        domain: where they come from.
        parents: what is worth varying.
        random: how many random members are drawn, known and repeated ones among them.
        known: keys that are left out.
        rng: where the draws come from.
    """
    parts = [near.graph for parent in parents for near in domain.neighbours(parent)]
    if random:
        with suppress(BudgetExhausted):  # a narrow constraint: what neighbours there are must do
            parts.append(domain.sample(random, rng))
    if not parts:
        return Graphs(np.zeros((0, 1), dtype=np.int8), np.zeros((0, 1, 1), dtype=np.bool_))
    graphs = concatenate(parts)
    keys, first = np.unique(domain.space.keys(graphs), return_index=True)
    new = [int(row) for key, row in zip(keys.tolist(), first, strict=True) if key not in known]
    return domain.space.normalise(graphs[np.array(new, dtype=np.int64)])
