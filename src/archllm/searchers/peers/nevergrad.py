"""Nevergrad's optimisers as search methods (Rapin and Teytaud, 2018)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archllm.config import Bounds, Settings
from archllm.errors import MissingExtra
from archllm.searchers.peers.base import Peer, PeerSearch, Values
from archllm.spaces.parameters import INACTIVE, Parameters

if TYPE_CHECKING:
    from types import ModuleType


@dataclass(frozen=True)
class NevergradOptions(Settings):
    """Options of Nevergrad's optimisers.

    Example:
        >>> NevergradOptions().budget
        100
    """

    budget: Annotated[int, Bounds(1, 1_000_000)] = 100
    """Evaluations that the optimiser counts on, as it chooses its method by them."""


class NevergradNGOpt(PeerSearch):
    """NGOpt, which chooses an optimiser by the parameters and the budget (Meunier et al., 2022)."""

    name = "nevergrad:ngopt"
    options_class: ClassVar[type[Settings]] = NevergradOptions
    options: NevergradOptions

    def _start(self) -> Peer:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import nevergrad
        except ImportError as error:
            raise MissingExtra(f"the method {self.name}", "peers") from error
        return _Optimizer(nevergrad, self.parameters, self.seed, self.options.budget)


class _Optimizer(Peer):
    """One optimiser; it minimises."""

    def __init__(self, nevergrad: ModuleType, parameters: Parameters, seed: int, budget: int) -> None:
        self.parameters, self.seed, self.calls = parameters, seed, 0
        each = {
            parameter.name: (nevergrad.p.TransitionChoice if parameter.ordered else nevergrad.p.Choice)(
                range(len(parameter.values))
            )
            for parameter in parameters.each
        }
        instrumentation = nevergrad.p.Dict(**each)
        instrumentation.random_state = np.random.RandomState(seed % 2**32)
        self.optimizer = nevergrad.optimizers.NGOpt(parametrization=instrumentation, budget=budget)

    def ask(self) -> tuple[Any, NDArray[np.int64]]:
        with self._alone():
            candidate = self.optimizer.ask()
        chosen = np.full(len(self.parameters.each), INACTIVE, dtype=np.int64)
        for at, parameter in enumerate(self.parameters.each):
            if self.parameters.active(at, chosen):
                chosen[at] = int(candidate.value[parameter.name])
        return candidate, chosen

    def tell(self, trial: Any, values: Values | None) -> None:
        if values is None:
            return
        losses = [-value for value in values]
        with self._alone():
            self.optimizer.tell(trial, losses[0] if len(losses) == 1 else losses)

    def add(self, choices: NDArray[np.int64], values: Values | None) -> None:
        inactive = choices == INACTIVE
        value = {each.name: int(choice) for each, choice in zip(self.parameters.each, choices, strict=True)}
        value |= {each.name: 0 for each, off in zip(self.parameters.each, inactive, strict=True) if off}
        self.tell(self.optimizer.parametrization.spawn_child(new_value=value), values)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Gives optimisers that draw from numpy's global state one of their own, and restores the old one."""
        before = np.random.get_state()  # noqa: NPY002
        self.calls += 1
        np.random.seed([self.seed % 2**32, self.calls])  # noqa: NPY002
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
