"""GaussianProcess: a sum of kernels of the blocks of features, their scales and weights by likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.predictor.base import Prediction, Predictor
from archllm.predictor.features import Features

_RATE = 0.1
_JITTER = 1e-5  # share of the unit variance of targets


class GaussianProcess(Predictor):
    """Exact regression with an additive Matérn-5/2 kernel, and a linear one of the blocks that `linear` names.

    Blocks may speak of different things (embeddings, sizes), so each has a length scale and a weight of its own; they
    and the noise maximise the marginal likelihood together with broad log-normal priors, which keep them in place when
    labels are few. `weights` are the medians of those of the blocks' weights.
    """

    def _fit(self, features: Features, values: NDArray[np.float64], seed: int) -> None:
        rows = np.arange(len(values))
        if len(rows) > self.config.likelihood_rows:
            rows = np.sort(np.random.default_rng(seed).choice(len(rows), self.config.likelihood_rows, replace=False))
        self._labelled = [torch.from_numpy(part).double() for part in features.parts]
        y = torch.from_numpy(values)
        self._centre, self._scale = float(y.mean()), max(float(y.std()), 1e-9)
        y = (y - self._centre) / self._scale
        chosen = torch.from_numpy(rows)
        self._log_lengths, self._log_weights, self._log_noise = self._likeliest(
            *self._pairs(*(2 * ([part[chosen] for part in self._labelled],))), y[chosen]
        )
        with torch.no_grad():
            self._factor = self._cholesky(*self._pairs(self._labelled, self._labelled))
            self._solved = torch.cholesky_solve(y[:, None], self._factor)[:, 0]

    def _pairs(
        self, left: list[torch.Tensor], right: list[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Squared distances of rows in each block, and products of rows in those that are linear, `n x k` each."""
        squares = [_squares(*pair) for pair in zip(left, right, strict=True)]
        return squares, [left[at] @ right[at].T for at in self.config.linear]

    def _likeliest(
        self, squares: list[torch.Tensor], products: list[torch.Tensor], y: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logarithms of length scales, of weights, and of the noise's variance."""
        kernels = len(squares) + len(products)
        start = [np.zeros(len(squares)), np.full(kernels, -math.log(kernels)), np.array([math.log(0.1)])]
        expected = np.zeros(kernels)
        expected[: len(self.config.weights)] = np.log(self.config.weights)
        apart, together, target = [block.numpy() for block in squares], [block.numpy() for block in products], y.numpy()
        found = _descended(
            np.concatenate(start),
            lambda place: _slope(place, apart, together, target, expected),
            self.config.likelihood_steps,
        )
        parts = np.split(found, [len(squares), len(squares) + kernels])
        lengths, weights, noise = (torch.from_numpy(part) for part in parts)
        return lengths, weights, noise[0]

    def _cholesky(self, squares: list[torch.Tensor], products: list[torch.Tensor]) -> torch.Tensor:
        kernel = self._kernel(squares, products)
        eye = torch.eye(len(kernel), dtype=torch.float64)
        factor: torch.Tensor = torch.linalg.cholesky(kernel + (self._log_noise.exp() + _JITTER) * eye)
        return factor

    def _kernel(self, squares: list[torch.Tensor], products: list[torch.Tensor]) -> torch.Tensor:
        """`n x k` covariances from what `_pairs` gives."""
        total, weights = torch.zeros_like(squares[0]), self._log_weights.exp()
        for block, length, weight in zip(squares, self._log_lengths, weights, strict=False):
            scaled = (5 * block / (2 * length).exp()).clamp_min(1e-12).sqrt()
            total = total + weight * (1 + scaled + scaled.square() / 3) * torch.exp(-scaled)
        for block, weight in zip(products, weights[len(squares) :], strict=True):
            total = total + weight * block
        return total

    def _predict(self, features: Features) -> Prediction:
        with torch.no_grad():
            parts = [torch.from_numpy(part).double() for part in features.parts]
            across = self._kernel(*self._pairs(parts, self._labelled))
            mean = self._centre + self._scale * (across @ self._solved)
            explained = torch.linalg.solve_triangular(self._factor, across.T, upper=False).square().sum(0)
            weights = self._log_weights.exp()
            own = weights[: len(parts)].sum().expand(len(features))
            for at, weight in zip(self.config.linear, weights[len(parts) :], strict=True):
                own = own + weight * parts[at].square().sum(1)
            variance = (own - explained).clamp_min(1e-9)
            return Prediction(mean.numpy(), (self._scale * variance.sqrt()).numpy())


def _slope(
    place: NDArray[np.float64],
    squares: list[NDArray[np.float64]],
    products: list[NDArray[np.float64]],
    y: NDArray[np.float64],
    expected: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gradient of the negative log posterior of the hyperparameters (Rasmussen and Williams, 2006, equation 5.9).

    Written out, as this is where a search spends its time, and automatic differentiation takes five times as long.

    Args:
        place: logarithms of a length for each block of `squares`, of a weight for each kernel, and of the noise.
        squares: `n x n` squared distances.
        products: `n x n` inner products.
        y: `n` targets.
        expected: logarithms of the weights that are expected.
    """
    lengths, weights, noise = np.split(place, [len(squares), len(place) - 1])
    scales = np.exp(weights)
    kernels, stretched = [], []
    for block, length, weight in zip(squares, lengths, scales, strict=False):
        far = np.sqrt(np.maximum(5 * block / np.exp(2 * length), 1e-12))
        decay = weight * np.exp(-far)
        kernels.append(decay * (1 + far + far**2 / 3))
        stretched.append(decay * (far**2 / 3) * (1 + far))  # the derivative by the logarithm of the length
    kernels += [weight * block for block, weight in zip(products, scales[len(squares) :], strict=True)]
    eye = np.eye(len(y))
    root = np.linalg.inv(np.linalg.cholesky(sum(kernels) + (np.exp(noise[0]) + _JITTER) * eye))
    inverse = root.T @ root
    solved = inverse @ y
    share = 0.5 * (inverse - np.outer(solved, solved))
    by_length = [float((share * each).sum()) for each in stretched] + lengths
    by_weight = [float((share * each).sum()) for each in kernels] + 0.1 * (weights - expected)
    by_noise = np.trace(share) * np.exp(noise) + 0.1 * (noise + 3)
    return np.concatenate([by_length, by_weight, by_noise])


def _descended(
    place: NDArray[np.float64], slope: Callable[[NDArray[np.float64]], NDArray[np.float64]], steps: int
) -> NDArray[np.float64]:
    """Where Adam comes to (Kingma and Ba, 2015, algorithm 1)."""
    first, second = np.zeros_like(place), np.zeros_like(place)
    for step in range(1, steps + 1):
        gradient = slope(place)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        place = place - _RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return place


def _squares(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """`n x k` squared distances between rows."""
    norms = left.square().sum(1)[:, None] + right.square().sum(1)[None]
    return (norms - 2 * left @ right.T).clamp_min(0)
