"""CheapScores: scores that cost little, bought for few candidates, as features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.objectives import Objective, load_objective
from archllm.spaces import Architecture, SearchSpace


class CheapScores:
    """Buys each score once and remembers what it cost.

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
        self.spent = 0.0
        """Seconds that all scores have cost so far."""
        self._bought: dict[int, list[float]] = {}

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """`n x d` scores; one that failed has the worst value bought so far."""
        for arch in architectures:
            if arch.key not in self._bought:
                self._bought[arch.key] = [self._buy(objective, arch) for objective in self.objectives]
        everything = np.array(list(self._bought.values()))
        worst = np.nan_to_num(np.nanmin(np.where(np.isnan(everything), np.inf, everything), axis=0), posinf=0.0)
        rows = np.array([self._bought[arch.key] for arch in architectures]).reshape(-1, len(self.objectives))
        return np.where(np.isnan(rows), worst, rows).astype(np.float32)

    def _buy(self, objective: Objective, arch: Architecture) -> float:
        evaluation = objective.evaluate(arch)
        self.spent += evaluation.cost
        if evaluation.value is None:
            return float("nan")
        return evaluation.value if objective.direction == "maximise" else -evaluation.value
