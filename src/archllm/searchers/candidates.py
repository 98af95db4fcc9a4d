"""What a predictor is asked about: draws, and neighbours of what is worth varying."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.errors import BudgetExhausted
from archllm.graphs import Graphs, concatenate
from archllm.predictor import Features
from archllm.searchers.domain import Domain
from archllm.spaces import Architecture, SearchSpace


class Candidates:
    """Members that may be asked for next, each once.

    Args:
        graphs: `k` members.
        keys: their keys.
        describe: makes their features, once they are needed.
    """

    def __init__(self, graphs: Graphs, keys: NDArray[np.int64], describe: Callable[[Graphs], Features]) -> None:
        self.graphs, self.keys, self._describe = graphs, keys, describe

    @cached_property
    def features(self) -> Features:
        """`k` rows of features."""
        return self._describe(self.graphs)

    @classmethod
    def of(cls, graphs: Graphs, space: SearchSpace, describe: Callable[[Graphs], Features]) -> Candidates:
        """Members, each once, in order."""
        keys = space.keys(graphs)
        first = np.sort(np.unique(keys, return_index=True)[1])
        return cls(graphs if len(first) == len(keys) else graphs[first], keys[first], describe)

    def without(self, others: Sequence[Candidates]) -> Candidates | None:
        """Those that are not among others; `None` if there are none."""
        new = ~np.isin(self.keys, np.concatenate([each.keys for each in others]))
        if new.all():
            return self
        return Candidates(self.graphs[new], self.keys[new], self._describe) if new.any() else None


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
