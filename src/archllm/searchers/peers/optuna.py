"""Optuna's samplers as search methods (Akiba et al., 2019)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import MissingExtra
from archllm.searchers.peers.base import Peer, PeerSearch, Values
from archllm.spaces.parameters import INACTIVE, Parameter, Parameters

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler


class OptunaSearch(PeerSearch):
    """A sampler of Optuna at its defaults, asked and told through a study in memory."""

    def _start(self) -> Peer:
        return _Study(self.parameters, self._sampler(), self.objectives)

    def _sampler(self) -> BaseSampler:
        raise NotImplementedError

    @property
    def _optuna(self) -> Any:
        try:
            import optuna
        except ImportError as error:
            raise MissingExtra(f"the method {self.name}", "peers") from error
        return optuna


class OptunaTPE(OptunaSearch):
    """Tree-structured Parzen estimators (Watanabe, 2023), multivariate where Optuna makes them so by default."""

    name = "optuna:tpe"

    def _sampler(self) -> BaseSampler:
        return self._optuna.samplers.TPESampler(seed=_seed(self.seed))  # type: ignore[no-any-return]


class OptunaGP(OptunaSearch):
    """Optuna's Gaussian process with expected improvement."""

    name = "optuna:gp"
    patience = 10  # each proposal takes a good part of a second

    def _sampler(self) -> BaseSampler:
        with _quiet():
            return self._optuna.samplers.GPSampler(seed=_seed(self.seed))  # type: ignore[no-any-return]


class OptunaNSGA2(OptunaSearch):
    """NSGA-II (Deb et al., 2002)."""

    name = "optuna:nsga2"

    def _sampler(self) -> BaseSampler:
        return self._optuna.samplers.NSGAIISampler(seed=_seed(self.seed))  # type: ignore[no-any-return]


class _Study(Peer):
    """A study of Optuna in memory.

    Args:
        parameters: of the space.
        sampler: what proposes.
        objectives: number of values of an evaluation; all are maximised.
    """

    def __init__(self, parameters: Parameters, sampler: BaseSampler, objectives: int) -> None:
        import optuna

        self.parameters = parameters
        self.distributions = [distribution_of(each) for each in parameters.each]
        with _quiet():
            self.study = optuna.create_study(sampler=sampler, directions=["maximize"] * objectives)

    def ask(self) -> tuple[optuna.Trial, NDArray[np.int64]]:
        with _quiet():
            trial = self.study.ask()
            chosen = np.full(len(self.parameters.each), INACTIVE, dtype=np.int64)
            for at, parameter in enumerate(self.parameters.each):
                if self.parameters.active(at, chosen):
                    chosen[at] = suggested(trial, parameter)
        return trial, chosen

    def tell(self, trial: optuna.Trial, values: Values | None) -> None:
        import optuna

        with _quiet():
            if values is None:
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                self.study.tell(trial, list(values))

    def add(self, choices: NDArray[np.int64], values: Values | None) -> None:
        import optuna

        if values is None:
            return
        active = [at for at, choice in enumerate(choices.tolist()) if choice != INACTIVE]
        names = [self.parameters.each[at].name for at in active]
        given = [written(self.parameters.each[at], int(choices[at])) for at in active]
        self.study.add_trial(
            optuna.trial.create_trial(
                params=dict(zip(names, given, strict=True)),
                distributions=dict(zip(names, [self.distributions[at] for at in active], strict=True)),
                values=list(values),
            )
        )


def distribution_of(parameter: Parameter) -> BaseDistribution:
    """How Optuna knows a parameter: the place of a value where values are ascending numbers, else the values."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if parameter.ordered:
        return IntDistribution(0, len(parameter.values) - 1)
    return CategoricalDistribution(parameter.values)


def suggested(trial: optuna.trial.BaseTrial, parameter: Parameter) -> int:
    """The choice that a trial makes."""
    if parameter.ordered:
        return trial.suggest_int(parameter.name, 0, len(parameter.values) - 1)
    return parameter.values.index(trial.suggest_categorical(parameter.name, parameter.values))


def written(parameter: Parameter, choice: int) -> Any:
    """A choice as Optuna stores it."""
    return choice if parameter.ordered else parameter.values[choice]


def _seed(seed: int) -> int:
    """A seed that numpy's older generators take, different for different seeds below 2^32."""
    return seed % 2**32


@contextmanager
def _quiet() -> Iterator[None]:
    """Leaves out that a sampler is experimental, and that a study was made."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
