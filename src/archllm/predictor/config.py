"""Configuration of a predictor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from archllm.config import Bounds, NotNegative, Positive, Settings
from archllm.errors import InvalidInput

Target = Literal["rank", "log_regret", "score"]
Loss = Literal["hinge", "logistic", "listmle", "squared", "absolute"]


@dataclass(frozen=True)
class PredictorConfig(Settings):
    """What the predictor is and how it is fitted.

    Example:
        >>> PredictorConfig(kind="gaussian", target="score").likelihood_steps
        60
    """

    section = "predictor"

    kind: str = "both"
    """A `gaussian` process, a deep `ensemble` of networks trained to rank, the mean of `both`, or one of your own:
    `python:MODULE:CLASS`."""

    target: Target = "rank"
    """What is predicted: the normal score of the `rank`, `log_regret` (spreads the best cells), or the `score`."""

    likelihood_steps: Annotated[int, Bounds(1)] = 60
    """Optimiser steps towards the likeliest kernel of the Gaussian process."""

    likelihood_rows: Annotated[int, Bounds(2)] = 400
    """Labels by which the kernel is chosen at most; all of them are then used for predictions."""

    linear: Annotated[tuple[int, ...], Bounds(0)] = ()
    """Blocks of features of which the Gaussian process has a linear kernel besides: trends then go on beyond what was
    labelled."""

    prior_mean: bool = False
    """Whether the Gaussian process expects the target to grow with the columns of the last block of features, such as
    scores of other tasks; how much each column counts is fitted, from equal shares on, and is never negative."""

    weights: Annotated[tuple[float, ...], Positive] = ()
    """Expected weight of each block in the Gaussian process, from which labels move it; without any, 1 each."""

    members: Annotated[int, Bounds(1)] = 10
    """Networks in the ensemble."""

    width: Annotated[int, Bounds(1)] = 64
    """Units of each hidden layer."""

    layers: Annotated[int, Bounds(1)] = 2
    """Hidden layers of each network."""

    loss: Loss = "logistic"
    """`hinge` and `logistic` compare pairs of cells, `listmle` whole orders, `squared` and `absolute` values."""

    margin: Annotated[float, Positive] = 0.1
    """By how much the hinge loss wants the better of two cells ahead."""

    steps: Annotated[int, Bounds(1)] = 150
    """Optimiser steps of the ensemble, each on all labels, or on `batch` of them."""

    batch: Annotated[int, Bounds(2)] = 256
    """Labels per step at most."""

    learning_rate: Annotated[float, Positive] = 5e-3
    """Peak learning rate of AdamW."""

    weight_decay: Annotated[float, NotNegative] = 1e-2
    """Decoupled weight decay."""

    def _check_together(self) -> None:
        if len(set(self.linear)) < len(self.linear):
            raise InvalidInput(f"predictor.linear must hold different numbers of blocks from 0, got {self.linear}")
