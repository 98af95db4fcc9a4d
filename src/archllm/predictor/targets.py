"""Targets: what predictors see of scores."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from archllm.predictor.config import Target

_NEAR = 0.01  # of the spread of scores: differences from the best below this are not told apart by `log_regret`


def targets(scores: NDArray[np.float64], kind: Target) -> NDArray[np.float64]:
    """`n` targets of `n` finite scores, in the same order; equal scores have equal targets.

    `rank` is the quantile of a standard normal distribution at the (mean) rank. `log_regret` is the negative logarithm
    of the distance to the best score, standardised: what tells good cells from the best is spread, what tells bad cells
    from each other is pressed together. `score` is only standardised.
    """
    n = len(scores)
    if kind == "rank":
        _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - counts / 2  # mean rank, minus a half
        normal = NormalDist()
        return np.array([normal.inv_cdf(share) for share in middle / n])[place]
    scores = np.ldexp(scores, -int(np.frexp(np.abs(scores).max())[1]))  # exact, and squares of huge ones stay finite
    spread = np.ptp(scores)
    if spread == 0:
        return np.zeros(n)
    values = -np.log((scores.max() - scores) / spread + _NEAR) if kind == "log_regret" else scores
    standard: NDArray[np.float64] = (values - values.mean()) / values.std()
    return standard
