"""Predictors: the likely score of cells from the scores of a few others, out of embeddings learned without scores."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    """Loads a name when it is first asked for, so that the configuration can be read without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
