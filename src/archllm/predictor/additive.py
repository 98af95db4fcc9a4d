"""An additive model of monotone step functions, one of each column: small, readable, and stored as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput

_MOST_THRESHOLDS = 48


@dataclass(frozen=True, eq=False)
class AdditiveModel:
    """A sum of step functions, each of one column.

    Example:
        >>> rows = np.arange(8.0)[:, None]
        >>> model = AdditiveModel.fit(rows, np.repeat([0.0, 1.0], 4), np.ones(8), signs=(1,), rounds=50, rate=0.2)
        >>> model.predict(rows).round().tolist()
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """

    constant: float
    """What holds where every column is below all its thresholds."""

    thresholds: tuple[NDArray[np.float64], ...]
    """The ascending thresholds of each column."""

    steps: tuple[NDArray[np.float64], ...]
    """What is added where a column is above each of them."""

    def __post_init__(self) -> None:
        for column, (at, by) in enumerate(zip(self.thresholds, self.steps, strict=True)):
            finite = np.isfinite(at).all() and np.isfinite(by).all() and np.isfinite(self.constant)
            if at.ndim != 1 or at.shape != by.shape or not finite or (np.diff(at) <= 0).any():
                raise InvalidInput(f"column {column} needs ascending thresholds and a finite step for each")

    @classmethod
    def fit(
        cls,
        rows: NDArray[np.float64],
        targets: NDArray[np.float64],
        weights: NDArray[np.float64],
        signs: Sequence[int],
        rounds: int,
        rate: float,
    ) -> Self:
        """Least squares by boosted stumps (Friedman, 2001), each of which goes the way that its column may go.

        Args:
            rows: `n x d`.
            targets: `n` values.
            weights: `n` weights.
            signs: of each column 1 where the targets may only grow with it, -1 where they may only fall, 0 for either.
            rounds: number of stumps.
            rate: share of each that is added.
        """
        # A stump at threshold t has the means below and above, L and U, and takes W_L W_U / (W_L + W_U) (U - L)^2 off
        # the squared error; the best one that goes the right way is added. Sums per bin give all of them at once.
        columns = np.flatnonzero(rows.std(0) > 0).tolist()
        edges = [_thresholds(rows[:, column]) for column in columns]
        bins = np.stack([np.searchsorted(at, rows[:, c], side="left") for c, at in zip(columns, edges, strict=True)], 1)
        steps = [np.zeros(len(at)) for at in edges]
        mass = [np.cumsum(np.bincount(bins[:, c], weights, len(at) + 1))[:-1] for c, at in enumerate(edges)]
        total = weights.sum()
        left = targets - (targets * weights).sum() / total
        for _ in range(rounds):
            best, chosen = 0.0, (0, 0, 0.0)
            weighted = left * weights
            everything = weighted.sum()
            for c, at in enumerate(edges):
                below = np.cumsum(np.bincount(bins[:, c], weighted, len(at) + 1))[:-1]
                rise = (everything - below) / (total - mass[c]) - below / mass[c]
                gain = mass[c] * (total - mass[c]) * np.square(rise)
                if sign := signs[columns[c]]:
                    gain[rise * sign < 0] = 0.0
                row = int(gain.argmax())
                if gain[row] > best:
                    best, chosen = gain[row], (c, row, rate * rise[row])
            if not best:
                break
            c, row, rise_there = chosen
            steps[c][row] += rise_there
            left -= rise_there * (bins[:, c] > row)
            left -= (left * weights).sum() / total
        fitted = targets - left
        found_at, found_by = [np.zeros(0)] * rows.shape[1], [np.zeros(0)] * rows.shape[1]
        for column, places, heights in zip(columns, edges, steps, strict=True):
            kept = heights != 0
            found_at[column], found_by[column] = places[kept], heights[kept]
        model = cls(0.0, tuple(found_at), tuple(found_by))
        return cls(float(np.mean(fitted - model.predict(rows))), model.thresholds, model.steps)

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """`n` values of `n x d` rows."""
        found = np.full(len(rows), self.constant)
        for column, (at, by) in enumerate(zip(self.thresholds, self.steps, strict=True)):
            if len(at):
                found += np.concatenate([[0.0], np.cumsum(by)])[np.searchsorted(at, rows[:, column], side="left")]
        return found


def _thresholds(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Midpoints between neighbouring values, or between quantiles of many."""
    values = np.unique(column)
    if len(values) > _MOST_THRESHOLDS:
        values = np.unique(np.quantile(values, np.linspace(0, 1, _MOST_THRESHOLDS + 1)))
    return np.array([(low + high) / 2 for low, high in pairwise(values)])
