"""An ensemble of neural predictors that proposes mutations of the best (White et al., 2021, "BANANAS")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs, concatenate
from archllm.searchers.base import Searcher
from archllm.searchers.candidates import around
from archllm.searchers.domain import Domain
from archllm.searchers.mlp_ensemble import MLPEnsemble
from archllm.searchers.options import Options
from archllm.searchers.pareto import best_first, random_weights, scalarised
from archllm.spaces import Architecture


@dataclass(frozen=True)
class EnsembleOptions(Options):
    """Options of the ensemble predictor."""

    initial: int = 10
    """Random members that are evaluated before the first training."""

    refit: int = 5
    """Observations after which the networks are trained anew."""

    members: int = 5
    """Networks."""

    width: int = 64
    """Width of their hidden layers."""

    layers: int = 3
    """Hidden layers."""

    steps: int = 200
    """Optimiser steps of a training."""

    learning_rate: float = 5e-3
    """Peak learning rate of a training."""

    parents: int = 5
    """Best members whose neighbours are candidates."""

    random: int = 50
    """Random members that are candidates, too."""

    def __post_init__(self) -> None:
        for name in ("initial", "refit", "members", "width", "layers", "steps", "parents"):
            self._whole(name, 1, 100_000)
        self._whole("random", 0, 100_000)
        self._number("learning_rate", 1e-6, 1)


class EnsembleSearch(Searcher):
    """Trains networks on what was told, and asks for the most promising of the best members' neighbours.

    Features: paths (what is chosen in slots where there are none), parameters and MACs. Independent Thompson sampling:
    a candidate's score is a draw from a Gaussian with the mean and deviation of the networks' predictions. The networks
    predict every objective, and draws are joined by random augmented Chebyshev weights. Failed evaluations get the
    worst values seen.
    """

    name = "ensemble"

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: EnsembleOptions | None = None) -> None:
        super().__init__(domain, seed, objectives)
        self.options = options or EnsembleOptions()
        chosen = self.options
        self._networks = MLPEnsemble(
            chosen.members, (chosen.width,) * chosen.layers, chosen.steps, chosen.learning_rate
        )
        self._trained_on = 0

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        if len(self.known) < self.options.initial or len(self._succeeded) < 2:
            return self._random(rng)
        self._train()
        succeeded = self._succeeded
        best = best_first(self._values(succeeded))[: self.options.parents]
        parents = [succeeded[at] for at in best]
        graphs = around(self.domain, parents, self.options.random, self.known, rng)
        if not len(graphs):
            return self._random(rng)
        predicted = self._networks.predict(self._encode(graphs)).astype(np.float64)  # networks x n x m
        drawn = rng.normal(predicted.mean(0), predicted.std(0))
        single = drawn[:, 0] if self.objectives == 1 else scalarised(drawn, random_weights(self.objectives, rng))
        return self.domain.space.architecture(graphs[int(single.argmax())])

    def _train(self) -> None:
        """Trains on the first observations, a multiple of `refit`, unless that was done already."""
        told = list(self.evaluations)
        n = max(2, len(told) // self.options.refit * self.options.refit)
        found = [self.evaluations[arch].values for arch in told]
        while sum(values is not None for values in found[:n]) < 2:
            n += 1
        if n == self._trained_on:
            return
        worst = np.array([values for values in found[:n] if values is not None]).min(0)
        targets = np.array([worst if values is None else values for values in found[:n]])
        spread = targets.std(0)
        targets = (targets - targets.mean(0)) / np.where(spread > 0, spread, 1.0)
        features = self._encode(concatenate([arch.graph for arch in told[:n]]))
        self._networks.fit(features, targets, self.seed)
        self._trained_on = n

    def _encode(self, graphs: Graphs) -> NDArray[np.float32]:
        """`n x d` features: those of the domain without the one-hot block, in units of their spread."""
        encoding = self.domain.encoding
        features = encoding(graphs)
        left_out = "paths" if encoding.space.slotted else "one_hot"
        kept = [features[:, encoding.ranges[block]] for block in encoding.blocks if block != left_out]
        return np.concatenate(kept, axis=1) * np.float32(10)
