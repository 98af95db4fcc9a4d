"""Bayesian optimisation with a Gaussian process on hand-made features: the strong baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs, concatenate
from archllm.searchers.base import Searcher
from archllm.searchers.candidates import around
from archllm.searchers.domain import Domain
from archllm.searchers.gaussian_process import (
    Hyperparameters,
    Predictions,
    kernel,
    most_likely,
    squared_distances,
)
from archllm.searchers.options import Options
from archllm.searchers.pareto import best_first, random_weights
from archllm.spaces import Architecture

_EVERY = 128  # observations up to which the likelihood is asked anew after each
_GROWTH = 1.1  # and by how much their number must have grown from there on


@dataclass(frozen=True)
class GaussianOptions(Options):
    """Options of Bayesian optimisation with a Gaussian process."""

    initial: int = 10
    """Random members that are evaluated before the process is asked."""

    exploration: float = 0.5
    """Weight of the standard deviation in the upper confidence bound, mean + weight x deviation."""

    warp: Literal["log_regret", "none"] = "log_regret"
    """Whether the logarithm of the distance to the best so far is modelled, which spreads out good scores."""

    margin: float = 0.01
    """What is added to that distance, as a share of the scores' standard deviation, so that the best has one."""

    kernel: Literal["squared_exponential", "matern"] = "squared_exponential"
    """Covariance as a function of distance; `matern` is the one of order 5/2."""

    candidates: int = 1_000
    """Random members that are looked at before each choice where a domain is too large to look at all of it."""

    parents: int = 10
    """Best members whose neighbours are looked at in that case."""

    def __post_init__(self) -> None:
        self._whole("initial", 1)
        self._number("exploration", 0, 100)
        self._choice("warp", ("log_regret", "none"))
        self._number("margin", 1e-6, 10)
        self._choice("kernel", ("squared_exponential", "matern"))
        self._whole("candidates", 1, 100_000)
        self._whole("parents", 0, 1_000)


class GaussianSearch(Searcher):
    """Asks for the largest upper confidence bound under an exact Gaussian process.

    Features: one-hot operations and links, paths, numbers of slots, parameters and MACs, as far as the space has them,
    each block of equal weight. The length scale and the noise are the likeliest on a grid. Pending architectures count
    as evaluated, with the mean as their score; failed ones get the worst score seen. Several objectives are joined to
    one by random augmented Chebyshev weights, drawn anew for each choice (Knowles, 2006, "ParEGO").
    """

    name = "gp"

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: GaussianOptions | None = None) -> None:
        super().__init__(domain, seed, objectives)
        self.options = options or GaussianOptions()
        self._scan: Predictions | None = None
        self._places: list[NDArray[np.float32]] = []  # features of the known, in their order
        self._fitted: tuple[int, Hyperparameters] | None = None

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        if len(self.known) < self.options.initial or len(self._succeeded) < 2:
            return self._random(rng)
        places = self._known_features()
        weights = random_weights(self.objectives, rng) if self.objectives > 1 else np.ones(1)
        targets, hyperparameters = self._targets(places, weights)
        if self.domain.scanned:
            return self._best_of_all(places, targets, hyperparameters)
        parents = self._parents()
        graphs = around(self.domain, parents, self.options.candidates, self.known, rng)
        if not len(graphs):
            return self._random(rng)
        predictions = Predictions(self._encode(graphs), self.options.kernel)
        predictions.condition(places, hyperparameters)
        return self.domain.space.architecture(graphs[int(self._bound(predictions, targets).argmax())])

    def _encode(self, graphs: Graphs) -> NDArray[np.float32]:
        """`n x d` features of members."""
        return self.domain.encoding(graphs)

    def _encode_all(self) -> NDArray[np.float32]:
        """`size x d` features of a listed domain."""
        return self.domain.features

    def _best_of_all(
        self, places: NDArray[np.float32], targets: NDArray[np.float64], hyperparameters: Hyperparameters
    ) -> Architecture | None:
        if self._scan is None:
            self._scan = Predictions(self._encode_all(), self.options.kernel)
        self._scan.condition(places, hyperparameters)
        unknown = self._unknown_rows()
        if not len(unknown):
            return None
        return self._member(int(unknown[self._bound(self._scan, targets)[unknown].argmax()]))

    def _bound(self, predictions: Predictions, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        mean, deviation = predictions(targets)
        return mean + self.options.exploration * deviation

    def _known_features(self) -> NDArray[np.float32]:
        """`n x d` features of all that is known, in its order."""
        new = list(self.known.values())[len(self._places) :]
        if new:
            self._places.extend(self._encode(concatenate([arch.graph for arch in new])))
        return np.stack(self._places)

    def _parents(self) -> list[Architecture]:
        succeeded = self._succeeded
        best = best_first(self._values(succeeded))[: self.options.parents]
        return [succeeded[at] for at in best]

    def _targets(
        self, places: NDArray[np.float32], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], Hyperparameters]:
        """What the process is to go through at each known place, and the hyperparameters."""
        scores = self._scores(self.known.values(), weights)
        told = np.flatnonzero(~np.isnan(scores))
        targets = self._warped(scores[told])
        squares = squared_distances(places[told], places[told]).astype(np.float64)
        hyperparameters = self._hyperparameters(squares, targets)
        everything = np.empty(len(scores))
        everything[told] = targets
        waiting = np.flatnonzero(np.isnan(scores))
        if len(waiting):
            inner = kernel(self.options.kernel, squares, hyperparameters.length)
            inner = inner + hyperparameters.noise * np.eye(len(told))
            between = squared_distances(places[waiting], places[told]).astype(np.float64)
            across = kernel(self.options.kernel, between, hyperparameters.length)
            everything[waiting] = across @ np.linalg.solve(inner, targets)
        return everything, hyperparameters

    def _warped(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised targets, larger for better scores."""
        spread = float(scores.std())
        if spread == 0:
            return np.zeros(len(scores))
        if self.options.warp == "log_regret":
            scores = -np.log(scores.max() - scores + self.options.margin * spread)
        result: NDArray[np.float64] = (scores - scores.mean()) / scores.std()
        return result

    def _hyperparameters(self, squares: NDArray[np.float64], targets: NDArray[np.float64]) -> Hyperparameters:
        """The likeliest ones; from many observations on, those of the first ones are kept for a while."""
        n = len(targets)
        if n > _EVERY:
            n = int(_EVERY * _GROWTH ** np.floor(np.log(n / _EVERY) / np.log(_GROWTH)))
        if self.objectives > 1 or self._fitted is None or self._fitted[0] != n or n == len(targets):
            first = targets[:n] - targets[:n].mean()
            self._fitted = n, most_likely(self.options.kernel, squares[:n, :n], first)
        return self._fitted[1]
