"""Configuration of a predictor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from archllm.errors import InvalidInput

Kind = Literal["gaussian", "ensemble", "both"]
Target = Literal["rank", "log_regret", "score"]
Loss = Literal["hinge", "logistic", "listmle", "squared"]


@dataclass(frozen=True)
class PredictorConfig:
    """What the predictor is and how it is fitted."""

    kind: Kind = "both"
    """A `gaussian` process, a deep `ensemble` of networks trained to rank, or the mean of `both`."""

    target: Target = "rank"
    """What is predicted: the normal score of the `rank`, `log_regret` (spreads the best cells), or the `score`."""

    likelihood_steps: int = 60
    """Optimiser steps towards the likeliest kernel of the Gaussian process."""

    likelihood_rows: int = 400
    """Labels by which the kernel is chosen at most; all of them are then used for predictions."""

    linear: tuple[int, ...] = ()
    """Blocks of features of which the Gaussian process has a linear kernel besides: trends then go on beyond what was
    labelled."""

    weights: tuple[float, ...] = ()
    """Expected weight of each block in the Gaussian process, from which labels move it; without any, 1 each."""

    members: int = 10
    """Networks in the ensemble."""

    width: int = 64
    """Features of the two hidden layers of each."""

    loss: Loss = "logistic"
    """`hinge` and `logistic` compare pairs of cells, `listmle` whole orders; `squared` compares values."""

    margin: float = 0.1
    """By how much the hinge loss wants the better of two cells ahead."""

    steps: int = 150
    """Optimiser steps of the ensemble, each on all labels, or on `batch` of them."""

    batch: int = 256
    """Labels per step at most."""

    learning_rate: float = 5e-3
    """Peak learning rate of AdamW."""

    weight_decay: float = 1e-2
    """Decoupled weight decay."""

    def __post_init__(self) -> None:
        for name, choices in (("kind", Kind), ("target", Target), ("loss", Loss)):
            if getattr(self, name) not in get_args(choices):
                options = ", ".join(get_args(choices))
                raise InvalidInput(f"predictor.{name} must be one of {options}, got {getattr(self, name)!r}")
        for name, least in (
            ("likelihood_steps", 1), ("likelihood_rows", 2), ("members", 1), ("width", 1), ("steps", 1), ("batch", 2)
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise InvalidInput(f"predictor.{name} must be at least {least}, got {getattr(self, name)}")
        if len(set(self.linear)) < len(self.linear) or not all(type(at) is int and at >= 0 for at in self.linear):
            raise InvalidInput(f"predictor.linear must hold different numbers of blocks from 0, got {self.linear}")
        if not all(0 < weight < math.inf for weight in self.weights):
            raise InvalidInput(f"predictor.weights must be positive and finite, got {self.weights}")
        for name in ("margin", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidInput(f"predictor.{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.weight_decay < math.inf:
            raise InvalidInput(f"predictor.weight_decay must be 0 or positive, got {self.weight_decay}")
