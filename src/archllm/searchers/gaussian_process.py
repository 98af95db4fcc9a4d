"""An exact Gaussian process on few observations, and its predictions for many candidates.

One length scale for all features, and noise; the targets are standardised, so the prior mean is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kernel = Literal["squared_exponential", "matern"]

LENGTHS = np.geomspace(0.15, 6.0, 14)
"""Length scales to choose from, for features whose squared distances are of the order of one."""

NOISES = np.array([1e-4, 1e-3, 1e-2, 1e-1])
"""Variances of the noise to choose from, as a share of the signal's."""


@dataclass(frozen=True)
class Hyperparameters:
    """What the likelihood chooses."""

    length: float
    """Length scale of the kernel."""

    noise: float
    """Variance of the noise, as a share of the signal's."""

    variance: float
    """Variance of the signal."""


def squared_distances(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """`n x k` squared distances between rows of `n x d` and `k x d` features."""
    squares: NDArray[np.float32] = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    return np.maximum(squares, 0, out=squares)


def kernel(kind: Kernel, squares: NDArray[np.floating], length: float) -> NDArray[np.floating]:
    """Covariances at squared distances, of unit variance."""
    covariances: NDArray[np.floating]
    if kind == "squared_exponential":
        covariances = np.exp(squares * (-0.5 / length**2))
    else:
        scaled = np.sqrt(squares * (5.0 / length**2))
        covariances = (1 + scaled + scaled**2 / 3) * np.exp(-scaled)
    return covariances


def most_likely(kind: Kernel, squares: NDArray[np.float64], targets: NDArray[np.float64]) -> Hyperparameters:
    """The hyperparameters under which standardised targets are likeliest, out of a grid.

    The signal's variance is the best one given the two others, in closed form.

    Args:
        kind: the kernel.
        squares: `n x n` squared distances.
        targets: `n` values with mean 0.
    """
    n = len(targets)
    best, found = -np.inf, Hyperparameters(1.0, float(NOISES[-1]), 1.0)
    for length in LENGTHS:
        spectrum, basis = np.linalg.eigh(kernel(kind, squares, length))
        power = (basis.T @ targets) ** 2
        for noise in NOISES:
            eigenvalues = np.maximum(spectrum, 0) + noise
            variance = max(float((power / eigenvalues).mean()), 1e-12)
            likelihood = -0.5 * (n * np.log(variance) + np.log(eigenvalues).sum())
            if likelihood > best:
                best, found = likelihood, Hyperparameters(float(length), float(noise), variance)
    return found


class Predictions:
    """Posterior means and deviations at `k` candidates, brought up to date as observations are added one by one.

    With `L` the Cholesky factor of the observations' covariances (`n x n`), it keeps `L⁻¹ K` for their covariances with
    the candidates (`n x k`). A new observation adds a row at the cost of `n k`; only a change of length scale or noise,
    or another order of the observations, means doing it all again.

    Args:
        candidates: `k x d` features.
        kind: the kernel.
    """

    def __init__(self, candidates: NDArray[np.float32], kind: Kernel) -> None:
        self.candidates, self.kind = candidates, kind
        self._setting: tuple[float, float] | None = None
        self._variance = 1.0
        self._restart(np.zeros((0, candidates.shape[1]), dtype=np.float32))

    def condition(self, features: NDArray[np.float32], hyperparameters: Hyperparameters) -> None:
        """Takes the places of the observations, `n x d`."""
        setting = hyperparameters.length, hyperparameters.noise
        n = len(self._features)
        if setting != self._setting or len(features) < n or not np.array_equal(features[:n], self._features):
            self._restart(features[:0])
        self._setting, self._variance = setting, hyperparameters.variance
        if len(features) > len(self._features):
            self._add(features)

    def __call__(self, targets: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation, `k` each, given the `n` targets at the conditioned places."""
        weights = np.linalg.solve(self._factor, targets)
        mean = weights.astype(np.float32) @ self._solved[: len(targets)]
        deviation = np.sqrt(np.maximum(1 - self._explained, 1e-9) * self._variance)
        return mean.astype(np.float64), deviation.astype(np.float64)

    def _restart(self, features: NDArray[np.float32]) -> None:
        self._features = features
        self._factor: NDArray[np.floating] = np.zeros((0, 0))
        self._solved = np.zeros((0, len(self.candidates)), dtype=np.float32)  # grows by doubling
        self._explained = np.zeros(len(self.candidates), dtype=np.float32)

    def _add(self, features: NDArray[np.float32]) -> None:
        assert self._setting is not None
        length, noise = self._setting
        old, n = len(self._features), len(features)
        new = features[old:]
        inner = kernel(self.kind, squared_distances(features, features).astype(np.float64), length)
        self._factor = np.linalg.cholesky(inner + noise * np.eye(n))
        rows = kernel(self.kind, squared_distances(new, self.candidates), length).astype(np.float32)
        rows -= self._factor[old:, :old].astype(np.float32) @ self._solved[:old]
        rows = np.linalg.inv(self._factor[old:, old:]).astype(np.float32) @ rows
        if n > len(self._solved):
            wider = np.zeros((max(n, 2 * len(self._solved)), len(self.candidates)), dtype=np.float32)
            wider[:old] = self._solved[:old]
            self._solved = wider
        self._solved[old:n] = rows
        self._explained += (rows**2).sum(0)
        self._features = features
