"""Names -> predictors, built-in ones and plug-ins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archllm.config import unknown
from archllm.errors import InvalidInput
from archllm.plugins import is_reference, load_plugin, plugin_names
from archllm.predictor.base import Prediction, Predictor
from archllm.predictor.config import PredictorConfig
from archllm.predictor.features import Features
from archllm.predictor.gaussian_process import GaussianProcess


class Both(Predictor):
    """Two predictors with equal weights; `std` joins what each says with how far apart they are."""

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__(config)
        self.parts: tuple[Predictor, ...] = (GaussianProcess(config), _ensemble()(config))

    def _fit(self, features: Features, values: NDArray[np.float64], seed: int) -> None:
        for part in self.parts:
            part._blocks = features.blocks
            part._fit(features, values, seed)

    def _predict(self, features: Features) -> Prediction:
        found = [part._predict(features) for part in self.parts]
        means, stds = np.stack([each.mean for each in found]), np.stack([each.std for each in found])
        # Variance of an equal mixture: the mean of the variances, and the variance of the means
        return Prediction(means.mean(0), np.sqrt(np.square(stds).mean(0) + means.var(0)))


def _ensemble() -> type[Predictor]:
    from archllm.predictor.ensemble import RankingEnsemble  # torch, which takes seconds to import and few need

    return RankingEnsemble


_BUILT_IN: dict[str, Callable[[], type[Predictor]]] = {
    "gaussian": lambda: GaussianProcess,
    "ensemble": _ensemble,
    "both": lambda: Both,
}


def predictor_names() -> list[str]:
    """Names of predictors: those built in, then those that installed packages announce."""
    return [*_BUILT_IN, *(name for name in plugin_names("predictors") if name not in _BUILT_IN)]


def predictor_class(kind: str) -> type[Predictor]:
    """The class of a predictor.

    Args:
        kind: one of `predictor_names()`, or `python:MODULE:CLASS`.

    Raises:
        InvalidInput: there is no such predictor, it can't be imported, or it is something else.
    """
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]()
    if is_reference(kind) or kind in plugin_names("predictors"):
        found: type[Predictor] = load_plugin(kind, "predictors", Predictor)
        return found
    raise InvalidInput(f"{unknown('predictor', kind, predictor_names())}; one of your own is python:MODULE:CLASS")


def check_predictor(kind: str) -> None:
    """Makes sure that there is such a predictor.

    Raises:
        InvalidInput: there is none.
    """
    predictor_class(kind)


def build_predictor(config: PredictorConfig | None = None) -> Predictor:
    """A predictor of the configured kind that has seen no scores yet.

    Raises:
        InvalidInput: there is no such kind.
    """
    config = config or PredictorConfig()
    return predictor_class(config.kind)(config)
