"""LowerFidelityScores: lower-fidelity evaluations of few candidates, as features of a predictor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.networks.setting import NetworkSetting
from archllm.objectives import Objective, load_objective
from archllm.objectives.candidate import SET_BY_IMAGES
from archllm.objectives.evaluation import LowerFidelity, for_searcher
from archllm.objectives.train import TrainObjective
from archllm.spaces import Architecture, SearchSpace


class LowerFidelityScores:
    """Evaluates each candidate once, and keeps the records of it.

    Candidates are trained as the networks that the search is about, with images of their own; proxies and tables keep
    the networks that they are of.

    Args:
        space: the space.
        specs: the objectives, such as `proxy:synflow`.
        network: setting of the networks that the search is about.

    Raises:
        InvalidInput: one can't be read, or reads test scores.
        DataMissing: the data of one is not there.
        DataError: it can't be used.
    """

    def __init__(self, space: SearchSpace, specs: Sequence[str], network: NetworkSetting | None = None) -> None:
        self.objectives: list[Objective] = [_objective(spec, space, network) for spec in specs]
        self._values: list[dict[int, float]] = [{} for _ in self.objectives]  # by key; NaN for those without a score
        self._new: list[LowerFidelity] = []

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """`n x d` scores; one that failed has the worst value found so far."""
        columns = []
        for objective, values in zip(self.objectives, self._values, strict=True):
            for arch in architectures:
                if arch.key not in values:
                    values[arch.key] = self._evaluate(objective, arch)
            column = np.array([values[arch.key] for arch in architectures])
            worst = min((value for value in values.values() if not np.isnan(value)), default=0.0)
            columns.append(np.where(np.isnan(column), worst, column))
        return np.stack(columns, 1).astype(np.float32)

    def score(self, objective: int, arch: Architecture) -> float | None:
        """The score of one architecture by one of the objectives; `None` if there is none."""
        values = self._values[objective]
        if arch.key not in values:
            values[arch.key] = self._evaluate(self.objectives[objective], arch)
        return None if np.isnan(values[arch.key]) else values[arch.key]

    def new(self) -> tuple[LowerFidelity, ...]:
        """Evaluations since the last call."""
        new, self._new = tuple(self._new), []
        return new

    def note(self, evaluations: Iterable[LowerFidelity]) -> None:
        """Takes scores that an earlier process, or another one, has paid for."""
        at = {objective.spec: values for objective, values in zip(self.objectives, self._values, strict=True)}
        for each in evaluations:
            if each.spec in at:
                at[each.spec].setdefault(each.key, float("nan") if each.value is None else each.value)

    def _evaluate(self, objective: Objective, arch: Architecture) -> float:
        found = for_searcher(objective.evaluate(arch), [objective.direction])
        cost = found.cost if objective.records_cost else None
        self._new.append(LowerFidelity(arch.key, objective.spec, found.value, cost, arch.text))
        return float("nan") if found.value is None else found.value


def _objective(spec: str, space: SearchSpace, network: NetworkSetting | None) -> Objective:
    found = load_objective(spec, space)
    if not isinstance(found, TrainObjective) or network is None:
        return found
    own = {*SET_BY_IMAGES, *found.config.network}
    return found.with_network({name: value for name, value in vars(network).items() if name not in own})
