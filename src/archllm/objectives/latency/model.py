"""Latency of a space's members from a few timings, with intervals that hold.

Milliseconds are a base, a cost for each operation that is computed, a cost by size, and what these don't explain. All
have Gaussian priors (Rasmussen and Williams, 2006, chapter 2), and so has the noise, whose variance grows with the
latency. Which operations a device computes at all is one of the `ASSUMPTIONS`. How much each part counts, how large the
noise is, and which assumption holds are not chosen: predictions are averaged over all of it, weighted by how likely it
makes the timings.

Symbols:

    m, n    number of timings, and of members to predict
    t       m timings over their mean
    K       m x m, prior covariances in units of the noise's variance s^2, the noise included
    a, b    shape and scale of the inverse-gamma prior of s^2

    log p(t) = -1/2 log |K| + a log b - log G(a) + log G(a + m/2) - (a + m/2) log(b + t' K^-1 t / 2) + constant

The prediction at a member is Student's t with 2 a + m degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.objectives.latency.features import LatencyFeatures, Seen

INTERVAL = 0.9
"""Share of predictions whose interval is to hold the measured latency."""

FEWEST = 5
"""Timings that a model needs at least."""

_BASE = 1e6  # prior variance of the base, in units of the noise's: any
_OPERATIONS = (3.0, 30.0, 300.0, 3e3, 3e4)  # likewise of the costs of operations, per deviation of their counts
_SIZES = (0.0, 30.0, 3e3)  # of the cost by size
_REST = (0.0, 3.0)  # of what is left
_NOISES = ((0.01, 1e-8), (2.0, 0.02))  # a, b: any noise at all, and noise of some per cent as timings usually have
_GROWTH = (0.0, 1.0)  # power of the latency that the variance of the noise grows with
_MANY = 24  # timings from which these are possible, too; fewer can't tell, and only widen intervals
_MORE_OPERATIONS, _MORE_GROWTH = (0.1,), (2.0,)  # sizes say nearly all; noise is a share of the latency
_FLOOR = 0.15  # latencies below this share of the mean are as noisy as those
_MOST_MODELS = 24  # that predictions are averaged over


@dataclass(frozen=True)
class LatencyPrediction:
    """Milliseconds of `n` members.

    Example:
        >>> LatencyPrediction(np.array([2.0]), np.array([1.8]), np.array([2.3])).ms
        array([2.])
    """

    ms: NDArray[np.float64]
    """`n` expectations."""

    low: NDArray[np.float64]
    """`n` lower ends of the intervals."""

    high: NDArray[np.float64]
    """`n` upper ends."""


@dataclass(frozen=True)
class _Hypothesis:
    """One setting of all that is not known."""

    assumption: str
    operations: float
    sizes: float
    rest: float
    growth: float
    degrees: float
    weight: float
    scale: float  # squared, of Student's t
    inverse: NDArray[np.float64]  # m x m, K^-1
    solved: NDArray[np.float64]  # m, K^-1 t


class LatencyModel:
    """Predicts the latency of members from timings of some of them.

    Args:
        features: what is seen of members.
        graphs: `m` members that were timed.
        ms: `m` milliseconds.

    Raises:
        InvalidInput: there are fewer than five timings.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> timed = space.sample(10, np.random.default_rng(0))
        >>> ms = 1.0 + space.networks.macs(timed) / 1e8  # a device that computes all there is to compute
        >>> model = LatencyModel(LatencyFeatures(space), timed, ms)
        >>> cell = space.parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|").graph
        >>> bool(abs(model.predict(cell).ms[0] - (1.0 + space.networks.macs(cell)[0] / 1e8)) < 0.1)
        True
    """

    def __init__(self, features: LatencyFeatures, graphs: Graphs, ms: NDArray[np.float64]) -> None:
        if len(graphs) < FEWEST:
            raise InvalidInput(f"at least {FEWEST} timings of different networks are needed, got {len(graphs)}")
        self.features, self.graphs = features, graphs
        self._unit = float(ms.mean())
        self._seen = features(graphs)
        self._hypotheses = self._weigh(ms / self._unit)

    @property
    def assumptions(self) -> dict[str, float]:
        """How likely each assumption on what the device computes is."""
        found = dict.fromkeys(self.features.assumptions, 0.0)
        for each in self._hypotheses:
            found[each.assumption] += each.weight
        return found

    def predict(self, graphs: Graphs, interval: float = INTERVAL) -> LatencyPrediction:
        """Milliseconds of `n` members with intervals.

        Args:
            graphs: the members.
            interval: share of the intervals that are to hold the measured latency.

        Raises:
            InvalidArchitecture: a graph is not a member.
        """
        self.features.space.check_members(graphs)
        seen = self.features(graphs)
        mean, square, degrees = np.zeros(len(graphs)), np.zeros(len(graphs)), 0.0
        for each in self._hypotheses:
            own, timed = seen[each.assumption], self._seen[each.assumption]
            across = _covariance(own, timed, each.operations, each.sizes, each.rest)
            at = across @ each.solved
            prior = _variance(own, each.operations, each.sizes, each.rest)
            known = np.einsum("nm,mk,nk->n", across, each.inverse, across)
            noise = np.maximum(at, _FLOOR) ** each.growth
            variance = each.scale * (np.maximum(prior - known, 0.0) + noise)
            mean += each.weight * at
            square += each.weight * (variance + at**2)
            degrees += each.weight * each.degrees
        half = _student((1 + interval) / 2, degrees) * np.sqrt(np.maximum(square - mean**2, 0.0))
        return LatencyPrediction(*(self._unit * np.maximum(each, 0.0) for each in (mean, mean - half, mean + half)))

    def _weigh(self, t: NDArray[np.float64]) -> list[_Hypothesis]:
        found: list[tuple[float, _Hypothesis]] = []
        m = len(t)
        many = m >= _MANY
        all_operations, all_growth = _OPERATIONS + _MORE_OPERATIONS * many, _GROWTH + _MORE_GROWTH * many
        for name, operations, sizes, rest, growth in product(
            self.features.assumptions, all_operations, _SIZES, _REST, all_growth
        ):
            seen = self._seen[name]
            noise = np.diag(np.maximum(t, _FLOOR) ** growth)
            covariance = _covariance(seen, seen, operations, sizes, rest) + noise
            factor = np.linalg.cholesky(covariance)
            inverse = np.linalg.inv(covariance).astype(np.float64)
            solved = np.asarray(inverse @ t, dtype=np.float64)
            for a, b in _NOISES:
                degrees, rate = 2 * a + m, b + float(t @ solved) / 2
                evidence = a * math.log(b) - math.lgamma(a) + math.lgamma(degrees / 2) - degrees / 2 * math.log(rate)
                evidence -= float(np.log(np.diag(factor)).sum())
                scale = rate / (degrees / 2)
                parts = (name, operations, sizes, rest, growth)
                found.append((evidence, _Hypothesis(*parts, degrees, 0.0, scale, inverse, solved)))
        found.sort(key=lambda pair: -pair[0])
        best = found[:_MOST_MODELS]
        weights = np.exp([evidence - best[0][0] for evidence, _ in best])
        weights /= weights.sum()
        return [
            _Hypothesis(**vars(each) | {"weight": float(weight)})
            for (_, each), weight in zip(best, weights, strict=True)
        ]


def chosen_for_timing(features: LatencyFeatures, count: int, seed: int = 0) -> Graphs:
    """Members whose timings tell most: each in turn is the one whose latency the others leave most open.

    Args:
        features: what is seen of members.
        count: how many.
        seed: of the candidates: those it is chosen from are a random half of the reference; 0 is all of it.

    Raises:
        InvalidInput: the space has fewer members.
    """
    design = features.design()
    rows = np.arange(len(design))
    if seed:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[: max(len(rows) // 2, count)])
    if len(rows) < count:
        raise InvalidInput(f"{features.space.name} has only {len(rows)} members to choose from, {count} were asked for")
    columns = np.column_stack([np.ones(len(rows)), design[rows]])
    spread = _PRIOR * np.eye(columns.shape[1])
    chosen: list[int] = []
    for _ in range(count):
        open_ = np.einsum("nd,de,ne->n", columns, spread, columns)
        open_[chosen] = -1
        at = int(open_.argmax())
        chosen.append(at)
        told = spread @ columns[at]
        spread -= np.outer(told, told) / (1 + open_[at])
    return features.reference[rows[chosen]]


_PRIOR = 10.0  # variance of a cost before any timing, for choosing what to time; that of the noise is 1


def _covariance(left: Seen, right: Seen, operations: float, sizes: float, rest: float) -> NDArray[np.float64]:
    """`n x m` prior covariances."""
    found = _BASE + operations * left.operations @ right.operations.T
    if sizes:
        found += sizes * left.sizes @ right.sizes.T
    if rest:
        a, b = left.all, right.all
        away = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
        found += rest * np.exp(-np.maximum(away, 0.0) / (2 * a.shape[1]))
    return np.asarray(found)


def _variance(seen: Seen, operations: float, sizes: float, rest: float) -> NDArray[np.float64]:
    """`n` prior variances."""
    found = _BASE + operations * (seen.operations**2).sum(1) + sizes * (seen.sizes**2).sum(1) + rest
    return np.asarray(found)


def _student(probability: float, degrees: float) -> float:
    """A quantile of Student's t, by the expansion of Fisher and Cornish (1960); good from five degrees of freedom on.

    Example:
        >>> round(_student(0.95, 10), 3)
        1.812
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / degrees ** (k + 1) for k, term in enumerate(terms))
