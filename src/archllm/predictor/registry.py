"""Configurations -> predictors."""

from __future__ import annotations

from archllm.predictor.base import Predictor
from archllm.predictor.both import Both
from archllm.predictor.config import PredictorConfig
from archllm.predictor.ensemble import RankingEnsemble
from archllm.predictor.gaussian_process import GaussianProcess

_KINDS: dict[str, type[Predictor]] = {"gaussian": GaussianProcess, "ensemble": RankingEnsemble, "both": Both}


def build_predictor(config: PredictorConfig | None = None) -> Predictor:
    """A predictor of the configured kind that has seen no scores yet."""
    config = config or PredictorConfig()
    return _KINDS[config.kind](config)
