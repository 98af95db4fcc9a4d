"""Predictors: the likely score of cells from the scores of a few others, out of embeddings learned without scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archllm.lazy import lazily

if TYPE_CHECKING:
    from archllm.predictor.base import Prediction, Predictor
    from archllm.predictor.config import PredictorConfig
    from archllm.predictor.equivalence import averaged
    from archllm.predictor.features import FeatureMaker, Features, Featurizer
    from archllm.predictor.registry import build_predictor

__all__ = [
    "FeatureMaker",
    "Features",
    "Featurizer",
    "Prediction",
    "Predictor",
    "PredictorConfig",
    "averaged",
    "build_predictor",
]

_HOMES = {
    "FeatureMaker": "archllm.predictor.features",
    "Features": "archllm.predictor.features",
    "Featurizer": "archllm.predictor.features",
    "Prediction": "archllm.predictor.base",
    "Predictor": "archllm.predictor.base",
    "PredictorConfig": "archllm.predictor.config",
    "averaged": "archllm.predictor.equivalence",
    "build_predictor": "archllm.predictor.registry",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
