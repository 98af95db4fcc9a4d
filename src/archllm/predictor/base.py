"""Predictor: the contract of a model of scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.predictor.config import PredictorConfig
from archllm.predictor.features import Features
from archllm.predictor.targets import targets

NOT_FITTED = "this predictor has seen no scores yet; call fit(features, scores, seed)"
CHUNK = 4096
"""Rows per pass when predicting."""


@dataclass(frozen=True)
class Prediction:
    """What is expected of `n` cells, in the unit of the target: higher is better.

    Example:
        >>> Prediction(np.array([0.5]), np.array([0.1])).mean
        array([0.5])
    """

    mean: NDArray[np.float64]
    """`n` expected values."""

    std: NDArray[np.float64]
    """`n` standard deviations: how far off the values may be."""


class Predictor(ABC):
    """Predicts scores of cells from the scores of a few others.

    Args:
        config: what it is and how it is fitted.

    Example:
        >>> from archllm.predictor import Features, PredictorConfig, build_predictor
        >>> cells = Features(np.linspace(0, 1, 20, dtype=np.float32)[:, None], (slice(0, 1),))
        >>> predictor = build_predictor(PredictorConfig(kind="gaussian")).fit(cells[:10], np.arange(10.0), seed=0)
        >>> prediction = predictor.predict(cells[10:])
        >>> prediction.mean.shape, bool((prediction.std > 0).all())
        ((10,), True)
    """

    incremental: ClassVar[bool] = False
    """Whether `condition` costs less than `fit`, as it keeps hyperparameters."""

    def __init__(self, config: PredictorConfig) -> None:
        self.config = config
        self._blocks: tuple[slice, ...] | None = None

    def fit(self, features: Features, scores: NDArray[np.floating], seed: int) -> Self:
        """Learns anew from labelled cells.

        Args:
            features: `n` cells.
            scores: `n` scores, higher is better; only their order counts where the target is `rank`.
            seed: seed of all randomness.

        Raises:
            InvalidInput: the numbers of cells and scores differ, there are fewer than two, or one is not finite.
        """
        values = self._checked(features, scores)
        self._blocks = features.blocks
        self._fit(features, values, seed)
        return self

    def condition(self, features: Features, scores: NDArray[np.floating], seed: int) -> Self:
        """Learns from other labelled cells and keeps the hyperparameters of the last `fit`, where there are some.

        A predictor without hyperparameters of its own learns anew.

        Args:
            features: `n` cells, all that are to be known, not only new ones.
            scores: `n` scores.
            seed: seed of all randomness.

        Raises:
            InvalidInput: as `fit` does, or nothing was learned yet, or these are other features.
        """
        self._require(features)
        return self.fit(features, scores, seed)

    def scan(self, candidates: Features) -> Callable[[], Prediction]:
        """Asks again and again what is expected of the same `k` candidates, while `condition` brings new labels.

        Raises:
            InvalidInput: nothing was learned yet, or these are other features.
        """
        self._require(candidates)
        return lambda: self.predict(candidates)

    def leave_one_out(self) -> NDArray[np.float64] | None:
        """`n` log densities of the labels, each as predicted from all others; `None` where that is not known.

        They are those of standardised targets, so predictors of the same target can be compared by their sum.
        """
        return None

    def predict(self, features: Features) -> Prediction:
        """What is expected of `n` cells.

        Raises:
            InvalidInput: nothing was learned yet, or these are other features.
        """
        self._require(features)
        parts = [self._predict(features[start : start + CHUNK]) for start in range(0, len(features), CHUNK)]
        if not parts:
            return Prediction(np.zeros(0), np.zeros(0))
        return Prediction(np.concatenate([p.mean for p in parts]), np.concatenate([p.std for p in parts]))

    @abstractmethod
    def _fit(self, features: Features, values: NDArray[np.float64], seed: int) -> None:
        """`fit` with checked arguments and targets."""

    @abstractmethod
    def _predict(self, features: Features) -> Prediction:
        """`predict` for at most `CHUNK` rows."""

    def _require(self, features: Features) -> None:
        """Makes sure that these are features as those of the last `fit`."""
        if self._blocks is None:
            raise InvalidInput(NOT_FITTED)
        if features.blocks != self._blocks:
            raise InvalidInput(f"features must have the blocks {self._blocks} as in fit, got {features.blocks}")

    def _checked(self, features: Features, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """`n` targets of `n` scores that can be learned from."""
        values: NDArray[np.float64] = np.asarray(scores, dtype=np.float64)
        if values.shape != (len(features),) or len(values) < 2:
            raise InvalidInput(f"at least 2 cells and a score for each are needed, got {len(features)}, {values.shape}")
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InvalidInput(f"scores[{row}] is {values[row]}; leave failed evaluations out")
        if max(self.config.linear, default=0) >= len(features.blocks):
            raise InvalidInput(
                f"predictor.linear is {self.config.linear}, and features have {len(features.blocks)} blocks"
            )
        if self.config.weights and len(self.config.weights) != len(features.blocks):
            raise InvalidInput(
                f"predictor.weights are {self.config.weights}, and features have {len(features.blocks)} blocks"
            )
        return targets(values, self.config.target)
