"""One exact Gaussian process, for predictions of a batch and for a scan that follows a search.

Symbols (Rasmussen and Williams, 2006, "GPML", chapter 2):

    n, k    number of observations, and of candidates
    x, x*   features of observations and of candidates, in blocks
    y       n targets, centred and of unit variance
    C       n x n, covariances of the observations plus the variance of the noise on the diagonal
    L       lower Cholesky factor, L L^T = C
    R       its inverse, n x n and lower triangular, so that C^-1 = R^T R
    K       n x k, covariances of observations with candidates
    V       R K, n x k
    z       R y, n

GPML's algorithm 2.1, with V and z in place of two triangular solves:

    mean = K^T C^-1 y = V^T z,        variance = k(x*, x*) - K^T C^-1 K = k(x*, x*) - (column sums of V^2)

With a prior mean, y is what a line leaves of the targets t (GPML, section 2.7), brought to unit variance by a factor s:

    t = h(x) + s y,     h(x) = sum_j b_j (x_j - mean of x_j over the observations),     x_j columns of the last block

where b minimises |t - h|^2 + sum_j (b_j - 1/d)^2 with no b_j below 0: equal shares of the d columns are worth as
much as one observation. What says nothing of the targets so comes to count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from archllm.predictor.base import Prediction, Predictor
from archllm.predictor.features import Features
from archllm.predictor.kernel import AdditiveKernel, Parts, likeliest_kernel

_LEAST_VARIANCE = 1e-9
_TRUST = 1.0  # observations that the expected shares of a prior mean are worth


class GaussianProcess(Predictor):
    """Exact regression with an additive Matérn-5/2 kernel, and a linear one of the blocks that `linear` names.

    Blocks may speak of different things (embeddings, sizes), so each has a length scale and a weight of its own; they
    and the noise maximise the marginal likelihood together with broad log-normal priors. `weights` are the medians of
    those of the blocks' weights.

    Example:
        >>> from archllm.predictor import Features, PredictorConfig
        >>> x = np.linspace(0, 3, 12, dtype=np.float32)[:, None]
        >>> known = Features(x, (slice(0, 1),))
        >>> process = GaussianProcess(PredictorConfig(kind="gaussian", target="score"))
        >>> process.fit(known[:8], np.sin(x[:8, 0]), 0).predict(known[8:]).mean.argmax()
        np.int64(0)
    """

    incremental = True

    kernel: AdditiveKernel
    """What `fit` found likeliest."""

    observed: Features
    """`n` rows of features."""

    factor: NDArray[np.float64]
    """L."""

    root: NDArray[np.float64]
    """R."""

    solved: NDArray[np.float64]
    """z."""

    def condition(self, features: Features, scores: NDArray[np.floating], seed: int = 0) -> Self:
        """Observes these instead of what it has observed, and keeps the kernel.

        Rows that open with those observed before cost `n^2` for each new one, not `n^3`.
        """
        self._require(features)
        values = self._checked(features, scores)
        self._observe(features, values)
        return self

    def scan(self, candidates: Features) -> Callable[[], Prediction]:
        """Predictions for these candidates, brought up to date at the cost of `n k` for each new observation."""
        self._require(candidates)
        return Scan(self, candidates)

    def leave_one_out(self) -> NDArray[np.float64]:
        # GPML, eq. 5.10 to 5.12: without label i, mean y_i - a_i / c_i and variance 1 / c_i, where a = C^-1 y and c is
        # the diagonal of C^-1 = R^T R; so the residual is a_i / c_i
        inverse_diagonal = np.square(self.root).sum(0)
        residual = (self.root.T @ self.solved) / inverse_diagonal
        density: NDArray[np.float64] = 0.5 * (
            np.log(inverse_diagonal / (2 * np.pi)) - np.square(residual) * inverse_diagonal
        )
        density -= np.log(self.left_scale)  # of t, whose residual is s times that of y
        return density

    def _fit(self, features: Features, values: NDArray[np.float64], seed: int) -> None:
        rows = np.arange(len(values))
        if len(rows) > self.config.likelihood_rows:
            rows = np.sort(np.random.default_rng(seed).choice(len(rows), self.config.likelihood_rows, replace=False))
        parts = _double(features)[: len(features.blocks) - self.config.prior_mean]
        self.kernel = likeliest_kernel(
            [part[rows] for part in parts],
            self._left(features, values)[rows],
            self.config.linear,
            self.config.weights[: len(parts)],
            self.config.likelihood_steps,
        )
        self.observed = features[:0]
        self._observe(features, values)

    def _observe(self, features: Features, values: NDArray[np.float64]) -> None:
        # New observations N join the old ones O (the block form of the factorisation, and of the factor's inverse):
        #     L' = [L 0; M D],   M = C_NO R^T,   D D^T = C_NN - M M^T,   R' = [R 0; -B M R  B],   B = D^-1
        # The factors of the first rows of all observations are the first rows of the factors, so what differs goes.
        same = _common_rows(self.observed.values, features.values)
        factor, root = (self.factor[:same, :same], self.root[:same, :same]) if same else (np.zeros((0, 0)),) * 2
        parts = _double(features)
        old, new = [part[:same] for part in parts], [part[same:] for part in parts]
        added = len(features) - same
        if added:
            between = self.kernel.covariances(new, old) @ root.T
            inner = self.kernel.covariances(new, new) + self.kernel.noise * np.eye(added)
            corner = np.linalg.cholesky(inner - between @ between.T)
            below = np.linalg.inv(corner)
            nothing = np.zeros((same, added))
            factor = np.block([[factor, nothing], [between, corner]])
            root = np.block([[root, nothing], [-below @ between @ root, below]])
        self.factor, self.root, self.observed = factor, root, features
        self.solved = root @ self._left(features, values)

    def _left(self, features: Features, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """y: standardised targets, less what a prior mean explains of them."""
        self.centre, self.scale = float(values.mean()), max(float(values.std(ddof=1)), 1e-9)
        standardised = (values - self.centre) / self.scale
        self.left_scale = 1.0
        if not self.config.prior_mean:
            return standardised
        columns = _columns(features)
        self._middle = columns.mean(0)
        self._slopes = _nonnegative_ridge(columns - self._middle, standardised)
        left = standardised - self.expected(features)
        self.left_scale = max(float(left.std(ddof=1)), 1e-6)
        return left / self.left_scale

    def expected(self, features: Features) -> NDArray[np.float64]:
        """`n` standardised targets that the prior mean gives, h; 0 without one."""
        if not self.config.prior_mean:
            return np.zeros(len(features))
        found: NDArray[np.float64] = (_columns(features) - self._middle) @ self._slopes
        return found

    def _predict(self, features: Features) -> Prediction:
        return Scan(self, features)()


class Scan:
    """Predictions of a Gaussian process for fixed candidates.

    It keeps V. Where observations join, with M and B as in `GaussianProcess`,

        V' = R' K' = [R 0; -B M R  B] [K; K_N] = [V; B (K_N - M V)],

    so only new rows are computed; another kernel means doing it all again. V is kept in single precision, which halves
    its time and moves predictions by some 1e-5 of the targets' deviation.

    Args:
        process: what is asked.
        candidates: `k` rows of features.
    """

    def __init__(self, process: GaussianProcess, candidates: Features) -> None:
        self.process, self.candidates = process, candidates.parts
        self._all = candidates
        self._kernel: AdditiveKernel | None = None
        self._rows = np.zeros((0, len(candidates)), dtype=np.float32)  # V, in an array that grows by doubling
        self._observed = candidates.values[:0]
        self._own = np.zeros(len(candidates))  # prior variances
        self._explained = np.zeros(len(candidates), dtype=np.float32)  # what observations take from them

    def __call__(self) -> Prediction:
        """What is expected of the candidates by what the process has observed by now."""
        process, observed = self.process, self.process.observed
        if self._kernel is not process.kernel:
            self._kernel, self._observed = process.kernel, observed.values[:0]
            self._own = process.kernel.variances(self.candidates)
            self._explained = np.zeros(len(self._own), dtype=np.float32)
        self._take(process, observed)
        mean = process.solved.astype(np.float32) @ self._rows[: len(observed)]
        variance = np.maximum(self._own - self._explained, _LEAST_VARIANCE)
        left = process.left_scale
        return Prediction(
            process.centre + process.scale * (process.expected(self._all) + left * mean.astype(np.float64)),
            process.scale * left * np.sqrt(variance),
        )

    def _take(self, process: GaussianProcess, observed: Features) -> None:
        n, same = len(observed), _common_rows(self._observed, observed.values)
        if same < len(self._observed):
            self._explained = np.square(self._rows[:same]).sum(0)
        if n > len(self._rows):
            wider = np.zeros((max(n, 2 * len(self._rows)), self._rows.shape[1]), dtype=np.float32)
            wider[:same] = self._rows[:same]
            self._rows = wider
        if n > same:
            factor, root = (matrix[same:].astype(np.float32) for matrix in (process.factor, process.root))
            rows = process.kernel.covariances([part[same:] for part in observed.parts], self.candidates)
            rows = root[:, same:] @ (rows - factor[:, :same] @ self._rows[:same])
            self._rows[same:n] = rows
            self._explained += np.square(rows).sum(0)
        self._observed = observed.values


def _common_rows(left: NDArray[np.float32], right: NDArray[np.float32]) -> int:
    """How many rows agree before the first that does not."""
    n = min(len(left), len(right))
    differ = (left[:n] != right[:n]).any(1)
    return int(differ.argmax()) if differ.any() else n


def _double(features: Features) -> Parts:
    return [part.astype(np.float64) for part in features.parts]


def _columns(features: Features) -> NDArray[np.float64]:
    """`n x d`: the columns of the last block, each at unit variance over the cells that features are scaled by."""
    last = features.values[:, features.blocks[-1]].astype(np.float64)
    found: NDArray[np.float64] = last * np.sqrt(2 * last.shape[1])
    return found


def _nonnegative_ridge(columns: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The b of a prior mean: columns whose b would be negative are left out, the lowest first, until none is left."""
    kept = np.arange(columns.shape[1])
    shares = np.full(len(kept), 1 / len(kept))
    while len(kept):
        design = columns[:, kept]
        found = np.linalg.solve(
            design.T @ design + _TRUST * np.eye(len(kept)), design.T @ targets + _TRUST * shares[kept]
        )
        if (found >= 0).all():
            break
        kept = np.delete(kept, found.argmin())
    slopes = np.zeros(columns.shape[1])
    if len(kept):
        slopes[kept] = found
    return slopes
