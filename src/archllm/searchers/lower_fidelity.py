"""CheapScores: scores that cost little, bought for few candidates, as features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.objectives import Objective, load_objective
from archllm.searchers.purchase import Purchase
from archllm.spaces import Architecture, SearchSpace


class CheapScores:
    """Buys each score once, and has a receipt for it.

    Args:
        space: the space.
        specs: the objectives, such as `proxy:synflow`.

    Raises:
        InvalidInput: one can't be read, or reads test scores.
        DataMissing: the data of one is not there.
        DataError: it can't be used.
    """

    def __init__(self, space: SearchSpace, specs: Sequence[str]) -> None:
        self.objectives: list[Objective] = [load_objective(spec, space) for spec in specs]
        self._values: list[dict[int, float]] = [{} for _ in self.objectives]  # by key; NaN for those without a score
        self._receipts: list[Purchase] = []

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """`n x d` scores; one that failed has the worst value bought so far."""
        columns = []
        for objective, values in zip(self.objectives, self._values, strict=True):
            for arch in architectures:
                if arch.key not in values:
                    values[arch.key] = self._buy(objective, arch)
            column = np.array([values[arch.key] for arch in architectures])
            worst = min((value for value in values.values() if not np.isnan(value)), default=0.0)
            columns.append(np.where(np.isnan(column), worst, column))
        return np.stack(columns, 1).astype(np.float32)

    def receipts(self) -> tuple[Purchase, ...]:
        """What was bought since the last call."""
        new, self._receipts = tuple(self._receipts), []
        return new

    def note(self, bought: Iterable[Purchase]) -> None:
        """Takes scores that an earlier process, or another one, has paid for."""
        at = {objective.spec: values for objective, values in zip(self.objectives, self._values, strict=True)}
        for each in bought:
            if each.spec in at:
                at[each.spec].setdefault(each.key, float("nan") if each.value is None else each.value)

    def _buy(self, objective: Objective, arch: Architecture) -> float:
        found = objective.evaluate(arch)
        value = None
        if found.value is not None:
            value = found.value if objective.direction == "maximise" else -found.value
        self._receipts.append(Purchase(arch.key, objective.spec, value, found.cost if objective.priced else None))
        return float("nan") if value is None else value
