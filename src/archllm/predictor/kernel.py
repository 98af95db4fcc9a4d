"""Covariances of a Gaussian process: a sum of kernels over blocks of features, and the likeliest such sum.

    k(x, x') = sum_b w_b m(|x_b - x'_b| / l_b) + sum_c v_c <x_c, x'_c>,
    m(r) = (1 + s + s^2 / 3) exp(-s) with s = sqrt(5) r

The first sum has a Matérn kernel of order 5/2 for each block b (Rasmussen and Williams, 2006, "GPML", eq. 4.17). The
second one has a linear kernel (GPML, section 4.2.2, without its constant) for blocks whose trends go on beyond what was
seen: far from all observations the Matérn terms vanish, while <x_c, x'_c> grows with x_c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RATE = 0.1
_JITTER = 1e-5  # share of the unit variance of targets, below which noise can't fall
_EXPECTED_LOG_NOISE = -3.0
_CONFIDENCE = 0.1  # inverse variance of the log-normal priors of weights and noise: 95 % within a factor of 500

Parts = Sequence[NDArray[np.floating]]
"""One array of `n x d` per block of features."""


@dataclass(frozen=True)
class AdditiveKernel:
    """Hyperparameters of the covariance, and the covariances themselves.

    Example:
        >>> kernel = AdditiveKernel(np.zeros(1), np.zeros(1), -3.0, linear=())
        >>> far, near = np.array([[0.0], [9.0]]), np.array([[0.0]])
        >>> kernel.covariances([far], [near]).round(3).tolist()
        [[1.0], [0.0]]
    """

    log_lengths: NDArray[np.float64]
    """Logarithm of the length scale of each block's Matérn kernel."""

    log_weights: NDArray[np.float64]
    """Logarithm of the weight of each block's Matérn kernel, then of each linear kernel."""

    log_noise: float
    """Logarithm of the variance of the noise."""

    linear: tuple[int, ...]
    """Blocks with a linear kernel."""

    @property
    def noise(self) -> float:
        """Variance that is added to each observation's own."""
        return float(np.exp(self.log_noise)) + _JITTER

    def covariances(self, left: Parts, right: Parts) -> NDArray[np.floating]:
        """`n x k` covariances of rows, in the precision of the features."""
        lengths, weights = np.exp(self.log_lengths).tolist(), np.exp(self.log_weights).tolist()
        total: NDArray[np.floating] = np.zeros((len(left[0]), len(right[0])), dtype=np.result_type(left[0], right[0]))
        for mine, other, length, weight in zip(left, right, lengths, weights, strict=False):
            scaled = squared_distances(mine, other)
            scaled *= 5 / length**2
            np.sqrt(scaled, out=scaled)
            part = np.exp(-scaled)
            part *= 1 + scaled + scaled * scaled / 3
            part *= weight
            total += part
        for block, weight in zip(self.linear, weights[len(lengths) :], strict=True):
            total += weight * (left[block] @ right[block].T)
        return total

    def variances(self, parts: Parts) -> NDArray[np.float64]:
        """`n` prior variances, the diagonal of `covariances(parts, parts)`."""
        weights = np.exp(self.log_weights)
        total = np.full(len(parts[0]), weights[: len(self.log_lengths)].sum())
        for block, weight in zip(self.linear, weights[len(self.log_lengths) :], strict=True):
            total += weight * np.square(parts[block]).sum(1)
        return total


def likeliest_kernel(
    parts: Parts, y: NDArray[np.float64], linear: tuple[int, ...], expected: Sequence[float], steps: int
) -> AdditiveKernel:
    """The kernel that maximises the posterior of its hyperparameters, after so many steps of Adam.

    Length scales have a log-normal prior around 1, the typical distance of two architectures; weights one around those
    expected, and the noise one around 0.05. They keep hyperparameters in place when labels are few.

    Args:
        parts: features of `n` observations.
        y: `n` standardised targets.
        linear: blocks with a linear kernel.
        expected: median of each block's weight; without any, 1 each. That of a linear kernel is 1.
        steps: how many.
    """
    squares = [squared_distances(part, part) for part in parts]
    products = [parts[at] @ parts[at].T for at in linear]
    kernels = len(squares) + len(products)
    medians = np.zeros(kernels)
    medians[: len(expected)] = np.log(expected)
    start = [np.zeros(len(squares)), np.full(kernels, -np.log(kernels)), np.array([np.log(0.1)])]
    found = _descend(
        np.concatenate(start), lambda place: posterior_gradient(place, squares, products, y, medians), steps
    )
    lengths, weights, noise = np.split(found, [len(squares), len(squares) + kernels])
    return AdditiveKernel(lengths, weights, float(noise[0]), linear)


def posterior_gradient(
    place: NDArray[np.float64],
    squares: Parts,
    products: Parts,
    y: NDArray[np.float64],
    expected: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gradient of the negative log posterior of the hyperparameters.

    Written out, as this is where a search spends its time, and automatic differentiation takes five times as long.

    Args:
        place: logarithms of a length for each block of `squares`, of a weight for each kernel, and of the noise.
        squares: `n x n` squared distances.
        products: `n x n` inner products.
        y: `n` targets.
        expected: logarithms of the weights that are expected.
    """
    # With C = K + noise I and a = C^-1 y, for any hyperparameter t (GPML, eq. 5.9 with the sign turned):
    #     -d log p(y) / dt = 1/2 tr((C^-1 - a a^T) dC/dt) = sum_ij S_ij (dC/dt)_ij,     S = (C^-1 - a a^T) / 2
    # and each derivative is by the logarithm of t:
    #     dC / d log w_b = w_b m(s)                     as C is linear in w_b
    #     dC / d log l_b = w_b exp(-s) (1 + s) s^2 / 3   from m'(s) = -exp(-s) (s + s^2) / 3 and ds / d log l_b = -s
    #     dC / d log noise = noise I
    # A log-normal prior adds (log t - expected) / variance.
    lengths, weights, noise = np.split(place, [len(squares), len(place) - 1])
    scales = np.exp(weights)
    kernels, stretched = [], []
    for block, length, weight in zip(squares, lengths, scales, strict=False):
        far = np.sqrt(np.maximum(block * (5 * np.exp(-2 * length)), 1e-12))
        decay = weight * np.exp(-far)
        third = far**2 / 3
        kernels.append(decay * (1 + far + third))
        stretched.append(decay * third * (1 + far))
    kernels += [weight * block for block, weight in zip(products, scales[len(squares) :], strict=True)]
    covariance = sum(kernels) + (np.exp(noise[0]) + _JITTER) * np.eye(len(y))
    inverse = np.linalg.inv(covariance)  # a third of the time of a Cholesky factor and its inverse, and as exact here
    solved = inverse @ y
    share = 0.5 * (inverse - np.outer(solved, solved))
    by_length = [float(np.vdot(share, each)) for each in stretched] + lengths
    by_weight = [float(np.vdot(share, each)) for each in kernels] + _CONFIDENCE * (weights - expected)
    by_noise = np.trace(share) * np.exp(noise) + _CONFIDENCE * (noise - _EXPECTED_LOG_NOISE)
    return np.concatenate([by_length, by_weight, by_noise])


def squared_distances(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.floating]:
    """`n x k` squared distances between rows of `n x d` and `k x d`."""
    # |a - b|^2 = |a|^2 + |b|^2 - 2 <a, b>: one matrix product, whose rounding may leave less than 0
    squares: NDArray[np.floating] = left @ right.T
    squares *= -2
    squares += np.square(left).sum(1)[:, None]
    squares += np.square(right).sum(1)[None]
    np.maximum(squares, 0, out=squares)
    return squares


def _descend(
    place: NDArray[np.float64], gradient_at: Callable[[NDArray[np.float64]], NDArray[np.float64]], steps: int
) -> NDArray[np.float64]:
    """Where Adam comes to (Kingma and Ba, 2015, algorithm 1)."""
    first, second = np.zeros_like(place), np.zeros_like(place)
    for step in range(1, steps + 1):
        gradient = gradient_at(place)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        place = place - _RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return place
