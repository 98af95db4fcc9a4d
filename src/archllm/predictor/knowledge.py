"""Knowledge from other tasks: what scores of a source say about members before any of them is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.predictor.computation import computation_keys
from archllm.predictor.config import PredictorConfig
from archllm.predictor.equivalence import has_synonyms
from archllm.predictor.feature_sets import feature_set
from archllm.predictor.features import FeatureMaker, Features, Featurizer
from archllm.predictor.meanings import check_common, common_features
from archllm.predictor.registry import build_predictor
from archllm.predictor.targets import targets
from archllm.spaces import SearchSpace

LEAST_SCORES = 5
"""Scores without which a source says nothing."""

_BEST_LEARNED, _MOST_LEARNED = 150, 450  # scores of a source, its best first, from which others are predicted
_KEPT_FROM = 1_000
_REFERENCE = 1_000


Expects = Callable[[Graphs], NDArray[np.float64]]
"""From `n` members to what is expected of each, in any unit; more is better."""


class Knows(Protocol):
    """What knowledge comes from: scores of a task, or a model of many."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def origin(self) -> str:
        """The space, or the spaces, whose scores it has seen."""

    @property
    def known(self) -> int:
        """Architectures of which it has seen a score."""

    @property
    def seconds(self) -> float | None:
        """What these have cost; `None` where no cost is recorded."""

    @property
    def fingerprint(self) -> str:
        """A hash of what it knows."""

    def check(self, space: SearchSpace) -> None:
        """Raises `InvalidInput` if it says nothing about a space."""

    def learned(self, space: SearchSpace) -> Expects:
        """What it expects of members of a space."""


@dataclass(frozen=True, eq=False)
class Source:
    """Scores of architectures in another task.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> source = Source("sizes", space, space.enumerate()[:9], np.arange(9.0))
        >>> source.known
        9
    """

    name: str
    """What it is called."""

    space: SearchSpace
    """The space of its architectures; it may be another one than that which is searched."""

    graphs: Graphs
    """`n` members of that space."""

    scores: NDArray[np.float64]
    """`n` scores, higher is better; NaN and infinite ones count as missing."""

    seconds: float | None = None
    """What they have cost; `None` where no cost is recorded."""

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.graphs),):
            raise InvalidInput(f"{self.name}: {len(self.graphs)} architectures and scores of shape {self.scores.shape}")
        if self.known < LEAST_SCORES:
            raise InvalidInput(
                f"{self.name} has {self.known} finite score(s) of different architectures, and says something from "
                f"{LEAST_SCORES} on; leave it out"
            )
        finite = self.scores[np.isfinite(self.scores)]
        if finite.min() == finite.max():
            raise InvalidInput(f"{self.name} gives all its architectures the score {finite[0]:g}, which says nothing")

    @property
    def known(self) -> int:
        """Architectures that it knows a finite score of."""
        rows = np.flatnonzero(np.isfinite(self.scores))
        return len(np.unique(self.space.keys(self.graphs[rows]))) if len(rows) else 0

    @property
    def origin(self) -> str:
        """The space of its architectures."""
        return self.space.name

    def check(self, space: SearchSpace) -> None:
        """Makes sure that it says something about a space.

        Raises:
            InvalidInput: the operations of its own space have nothing in common with those of this one.
        """
        if self.space.identity != space.identity:
            check_common(space, self.space, self.name)

    def learned(self, space: SearchSpace) -> Expects:
        """What it expects of members of a space."""
        return _Learned(space, self)

    @property
    def fingerprint(self) -> str:
        """A hash of what it knows."""
        keys = self.space.keys(self.graphs)
        order = np.lexsort((self.scores, keys))
        return sha256(keys[order].tobytes() + self.scores[order].astype(np.float64).tobytes()).hexdigest()[:16]


class Knowledge:
    """What sources expect of members of a space, each in units of its own standard deviation.

    A source's scores become normal scores of their ranks, so units do not matter. Cells that compute the same share
    their mean, as what differs between them is noise. The other members get what a Gaussian process on the source
    predicts: from training-free features where the space is the same, else from what operations mean, see
    `archllm.predictor.meanings`. Where a source knows the score itself, half of each counts: a prediction has less
    noise, a score less bias.

    Args:
        space: the space that is searched.
        sources: where knowledge comes from.

    Raises:
        InvalidInput: there is no source, or the operations of a source's space have nothing in common with these.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("transnasbench")
        >>> cells = space.sample(200, np.random.default_rng(0))
        >>> edges = (cells.ops > 1).sum(1) - 1.0  # that are not `none`: what the other task counts
        >>> knowledge = Knowledge(space, [Source("edges", space, cells[:100], edges[:100])])
        >>> bool(np.corrcoef(knowledge.expected(cells)[100:, 0], edges[100:])[0, 1] > 0.5)
        True
    """

    def __init__(self, space: SearchSpace, sources: Sequence[Knows]) -> None:
        if not sources:
            raise InvalidInput("knowledge needs at least one source")
        self.space, self.sources = space, tuple(sources)
        for source in sources:
            source.check(space)
        self._said: dict[bytes, NDArray[np.float64]] = {}  # of the last large batches, as searches ask again and again

    def expected(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n x sources`: what each source expects of members."""
        name = sha256(self.space.keys(graphs).tobytes()).digest()
        if name in self._said:
            return self._said[name]
        found = np.stack([learned(graphs) for learned in self._learned], axis=1)
        if len(graphs) >= _KEPT_FROM:
            self._said = dict(list(self._said.items())[-3:]) | {name: found}
        return found

    def joined(self, other: Knowledge) -> Knowledge:
        """The sources of both."""
        return Knowledge(self.space, (*self.sources, *other.sources))

    @cached_property
    def _learned(self) -> list[Expects]:
        return [source.learned(self.space) for source in self.sources]

    @property
    def maker(self) -> FeatureMaker:
        """The same as features."""
        return FeatureMaker("knowledge", self.expected)

    def best_first(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n` positions, what is expected to be best first.

        By the mean of the sources, or, where two of them contradict each other, by turns the best of each.
        """
        expected = self.expected(graphs)
        if len(graphs) > 1 and expected.shape[1] > 1 and np.nanmin(np.corrcoef(expected.T)) < 0:
            orders = np.argsort(-expected, axis=0, kind="stable").ravel()  # the first of each, the second of each, ...
            return orders[np.sort(np.unique(orders, return_index=True)[1])]
        return np.argsort(-expected.mean(1), kind="stable")


class _Learned:
    """What one source says of members of a space."""

    def __init__(self, space: SearchSpace, source: Source) -> None:
        self.space = space
        own = source.space.identity == space.identity
        rows = np.flatnonzero(np.isfinite(source.scores))
        graphs, normal = source.graphs[rows], targets(source.scores[rows], "rank")
        keys = _sameness(source.space, graphs)
        self._keys, first, place = np.unique(keys, return_index=True, return_inverse=True)
        self._means = np.bincount(place, normal) / np.bincount(place)
        self._own = own
        chosen = np.arange(len(first))
        if len(chosen) > _MOST_LEARNED:
            best = np.argsort(-self._means, kind="stable")
            rest = np.random.default_rng(0).choice(best[_BEST_LEARNED:], _MOST_LEARNED - _BEST_LEARNED, replace=False)
            chosen = np.sort(np.concatenate([best[:_BEST_LEARNED], rest]))
        learned = graphs[first[chosen]]
        if own:
            reference = space.sample(_REFERENCE, np.random.default_rng(0))
            self._features: Callable[[Graphs], Features] = Featurizer(
                space, feature_set("hand", space, reference), reference
            )
            seen = self._features(learned)
        else:
            self._features, seen = common_features(space, source.space, learned)
        linear = tuple(range(len(seen.blocks)))
        config = PredictorConfig(kind="gaussian", target="score", linear=linear, likelihood_rows=150)
        self._model = build_predictor(config).fit(seen, self._means[chosen], 0)
        self._centre, self._spread = self._means[chosen].mean(), self._means[chosen].std()

    def __call__(self, graphs: Graphs) -> NDArray[np.float64]:
        found = self._model.predict(self._features(graphs)).mean * self._spread + self._centre
        if self._own:
            keys = _sameness(self.space, graphs)
            at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            found = np.where(self._keys[at] == keys, (found + self._means[at]) / 2, found)
        return np.asarray(found, dtype=np.float64)


def _sameness(space: SearchSpace, graphs: Graphs) -> NDArray[np.uint64]:
    """Keys that are equal for members that are the same, or compute the same."""
    return computation_keys(space, graphs) if has_synonyms(space) else space.keys(graphs).astype(np.uint64)
