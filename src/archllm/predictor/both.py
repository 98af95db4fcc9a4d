"""Both: the mean of a Gaussian process and a ranking ensemble, which err in different places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archllm.predictor.base import Prediction, Predictor
from archllm.predictor.config import PredictorConfig
from archllm.predictor.ensemble import RankingEnsemble
from archllm.predictor.features import Features
from archllm.predictor.gaussian_process import GaussianProcess


class Both(Predictor):
    """Two predictors with equal weights; `std` joins what each says with how far apart they are."""

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__(config)
        self.parts: tuple[Predictor, ...] = (GaussianProcess(config), RankingEnsemble(config))

    def _fit(self, features: Features, values: NDArray[np.float64], seed: int) -> None:
        for part in self.parts:
            part._blocks = features.blocks
            part._fit(features, values, seed)

    def _predict(self, features: Features) -> Prediction:
        found = [part._predict(features) for part in self.parts]
        means, stds = np.stack([each.mean for each in found]), np.stack([each.std for each in found])
        # Variance of an equal mixture: the mean of the variances, and the variance of the means
        return Prediction(means.mean(0), np.sqrt(np.square(stds).mean(0) + means.var(0)))
