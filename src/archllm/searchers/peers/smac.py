"""SMAC as a search method (Lindauer et al., 2022, "SMAC3")."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archllm.config import Bounds, Settings
from archllm.errors import MissingExtra
from archllm.searchers.peers.base import Peer, PeerSearch, Values
from archllm.searchers.peers.configuration_space import choices_of, configuration_space, values_of
from archllm.spaces.parameters import Parameters

if TYPE_CHECKING:
    from smac.runhistory.dataclasses import TrialInfo


@dataclass(frozen=True)
class SMACOptions(Settings):
    """Options of SMAC.

    Example:
        >>> SMACOptions().trials
        100
    """

    trials: Annotated[int, Bounds(1, 1_000_000)] = 100
    """Evaluations that it counts on: its initial design takes a quarter of them at most."""


class SMACForest(PeerSearch):
    """SMAC's facade for hyperparameters: a random forest, log expected improvement, and a Sobol sequence before."""

    name = "smac:hpo"
    patience = 20  # it never proposes the same choices twice
    options_class: ClassVar[type[Settings]] = SMACOptions
    options: SMACOptions

    def _start(self) -> Peer:
        try:
            import smac
        except ImportError as error:
            raise MissingExtra(f"the method {self.name}", "peers") from error
        del smac
        return _Facade(self.parameters, self.seed % 2**31, self.options.trials, self.objectives)


class _Facade(Peer):
    """One optimisation; it minimises, and keeps its files in a folder that goes with it."""

    def __init__(self, parameters: Parameters, seed: int, trials: int, objectives: int) -> None:
        from smac import HyperparameterOptimizationFacade, Scenario

        self.parameters, self.space = parameters, configuration_space(parameters, seed)
        self.folder = TemporaryDirectory(prefix="archllm-smac-")
        names = [f"loss{number}" for number in range(objectives)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scenario = Scenario(
                self.space,
                objectives=names if objectives > 1 else names[0],
                deterministic=True,
                n_trials=trials,
                seed=seed,
                output_directory=Path(self.folder.name),
            )
            self.facade = HyperparameterOptimizationFacade(scenario, _unused, logging_level=False, overwrite=True)

    def ask(self) -> tuple[TrialInfo, NDArray[np.int64]] | None:
        from joblib import parallel_config

        # Its ten trees are grown in a thread each, and waiting for threads takes longer than to grow them.
        with warnings.catch_warnings(), parallel_config(backend="sequential"):
            warnings.simplefilter("ignore")
            try:
                info = self.facade.ask()
            except StopIteration:
                return None
        return info, choices_of(self.parameters, info.config)

    def tell(self, trial: TrialInfo, values: Values | None) -> None:
        from smac.runhistory.dataclasses import TrialValue

        if values is None:  # infinite costs alone would be all that its forest sees
            return
        losses = [-value for value in values]
        self.facade.tell(trial, TrialValue(losses[0] if len(losses) == 1 else losses), save=False)

    def add(self, choices: NDArray[np.int64], values: Values | None) -> None:
        from ConfigSpace import Configuration
        from smac.runhistory.dataclasses import TrialInfo

        config = Configuration(self.space, values=values_of(self.parameters, choices))
        if values is not None:
            self.tell(TrialInfo(config, seed=0), values)


def _unused(config: Any, seed: int = 0) -> float:
    """SMAC wants a function that it could call."""
    raise NotImplementedError
