"""Every predictor keeps the contract."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from archllm.predictor import PredictorConfig
from archllm.predictor.registry import predictor_class
from archllm.testing import PredictorContract


class TestGaussianProcess(PredictorContract):
    predictor = predictor_class("gaussian")


class TestEnsemble(PredictorContract):
    predictor = predictor_class("ensemble")


class TestBoth(PredictorContract):
    predictor = predictor_class("both")
    config: ClassVar[PredictorConfig] = replace(PredictorContract.config, kind="both")
