"""GaussianProcess: a sum of kernels of the blocks of features, their scales and weights by likelihood."""

from __future__ import annotations

import math

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
    labels are few.
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
        lengths = torch.zeros(len(squares), dtype=torch.float64, requires_grad=True)
        weights = torch.full((kernels,), -math.log(kernels), dtype=torch.float64, requires_grad=True)
        noise = torch.tensor(math.log(0.1), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([lengths, weights, noise], lr=_RATE)
        for _ in range(self.config.likelihood_steps):
            self._log_lengths, self._log_weights, self._log_noise = lengths, weights, noise
            factor = self._cholesky(squares, products)
            fit = 0.5 * y @ torch.cholesky_solve(y[:, None], factor)[:, 0] + factor.diagonal().log().sum()
            priors = 0.5 * lengths.square().sum() + 0.05 * weights.square().sum() + 0.05 * (noise + 3).square()
            optimizer.zero_grad()
            (fit + priors).backward()
            optimizer.step()
        return lengths.detach(), weights.detach(), noise.detach()

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


def _squares(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """`n x k` squared distances between rows."""
    norms = left.square().sum(1)[:, None] + right.square().sum(1)[None]
    return (norms - 2 * left @ right.T).clamp_min(0)
