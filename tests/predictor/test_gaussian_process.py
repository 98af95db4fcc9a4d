"""The fast process is the textbook's, however its observations came in."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.predictor import Features, Prediction, PredictorConfig
from archllm.predictor.gaussian_process import GaussianProcess
from archllm.predictor.kernel import AdditiveKernel, posterior_gradient, squared_distances

RNG = np.random.default_rng(0)
VALUES = (RNG.normal(size=(70, 5)) / 2).astype(np.float32)
BLOCKS = (slice(0, 3), slice(3, 5))
KNOWN, OTHERS = Features(VALUES[:30], BLOCKS), Features(VALUES[30:], BLOCKS)
SCORES = np.sin(3 * VALUES[:30, 0]) + VALUES[:30, 4]
CONFIG = PredictorConfig(kind="gaussian", target="score", linear=(1,))


@pytest.fixture
def process() -> GaussianProcess:
    return GaussianProcess(CONFIG).fit(KNOWN[:12], SCORES[:12], 0)


def by_the_textbook(kernel: AdditiveKernel, known: Features, scores: NDArray[np.float64]) -> Prediction:
    """GPML, eqs. 2.25 and 2.26, with explicit inverses in double precision."""
    train, test = ([part.astype(float) for part in each.parts] for each in (known, OTHERS))
    centre, scale = scores.mean(), scores.std(ddof=1)
    inverse = np.linalg.inv(kernel.covariances(train, train) + kernel.noise * np.eye(len(known)))
    across = kernel.covariances(train, test)
    mean = centre + across.T @ inverse @ (scores - centre)
    variance = np.diag(kernel.covariances(test, test)) - np.einsum("nk,nm,mk->k", across, inverse, across)
    return Prediction(mean, scale * np.sqrt(variance))


def standard(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = (scores - scores.mean()) / scores.std()
    return result


def same(found: Prediction, expected: Prediction) -> bool:
    return np.allclose(found.mean, expected.mean, atol=1e-4) and np.allclose(found.std, expected.std, atol=1e-4)


def test_predictions_are_the_textbooks_however_observations_came_in(process: GaussianProcess) -> None:
    scan = process.scan(OTHERS)
    for n in (12, 13, 14, 20, 30, 25, 26):
        process.condition(KNOWN[:n], SCORES[:n])
        expected = by_the_textbook(process.kernel, KNOWN[:n], standard(SCORES[:n]))
        assert same(scan(), expected) and same(process.predict(OTHERS), expected)


def test_a_changed_early_observation_is_followed(process: GaussianProcess) -> None:
    scan = process.scan(OTHERS)
    process.condition(KNOWN, SCORES)
    scan()
    order = np.r_[0:5, 29, 6:29]
    process.condition(KNOWN[order], SCORES[order])
    assert same(scan(), by_the_textbook(process.kernel, KNOWN[order], standard(SCORES[order])))


def test_conditioning_keeps_the_kernel_and_a_fit_chooses_one_anew(process: GaussianProcess) -> None:
    scan, before = process.scan(OTHERS), process.kernel
    scan()
    assert process.condition(KNOWN, SCORES).kernel is before
    process.fit(KNOWN, SCORES, 0)
    assert process.kernel is not before
    assert same(scan(), by_the_textbook(process.kernel, KNOWN, standard(SCORES)))


def test_nothing_is_conditioned_before_a_fit_or_on_other_features(process: GaussianProcess) -> None:
    with pytest.raises(InvalidInput, match="no scores yet"):
        GaussianProcess(CONFIG).condition(KNOWN, SCORES)
    other = Features(VALUES[:4], (slice(0, 5),))
    with pytest.raises(InvalidInput, match="blocks"):
        process.condition(other, SCORES[:4])
    with pytest.raises(InvalidInput, match="blocks"):
        process.scan(other)


def test_the_process_is_the_one_of_another_library() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    blocks = (slice(0, 2),)
    features, others = Features(VALUES[:30, :2].copy(), blocks), Features(VALUES[30:, :2].copy(), blocks)
    process = GaussianProcess(replace(CONFIG, linear=())).fit(features[:20], SCORES[:20], 0)
    process.condition(features, SCORES)
    kernel = process.kernel
    twin = GaussianProcessRegressor(
        ConstantKernel(math.exp(kernel.log_weights[0])) * Matern(math.exp(kernel.log_lengths[0]), nu=2.5),
        alpha=kernel.noise,
        optimizer=None,
    )
    y = standard(SCORES)
    scale = y.std(ddof=1)
    mean, std = twin.fit(features.values.astype(float), y / scale).predict(others.values.astype(float), return_std=True)
    found = process.predict(others)
    assert found.mean == pytest.approx(mean * scale, abs=1e-4)
    assert found.std == pytest.approx(std * scale, abs=1e-4)


def test_the_likelihood_silences_a_block_of_noise() -> None:
    values = np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32) / math.sqrt(6)
    features = Features(values, (slice(0, 3), slice(3, 6)))
    process = GaussianProcess(PredictorConfig(kind="gaussian")).fit(features, values[:, 0] + values[:, 1], 0)
    assert process.kernel.log_weights[0] > process.kernel.log_weights[1] + 1


def test_squared_distances_are_those_of_all_pairs() -> None:
    expected = ((VALUES[:9, None].astype(float) - VALUES[None, 9:].astype(float)) ** 2).sum(2)
    assert squared_distances(VALUES[:9], VALUES[9:]) == pytest.approx(expected, abs=1e-5)


def test_covariances_are_positive_definite_and_their_diagonal_the_variances() -> None:
    kernel = AdditiveKernel(np.log([0.5, 2.0]), np.log([1.0, 0.3, 0.7]), -3.0, (1,))
    parts = [part.astype(float) for part in OTHERS.parts]
    covariances = kernel.covariances(parts, parts)
    assert np.linalg.eigvalsh(covariances).min() > -1e-9
    assert np.diag(covariances) == pytest.approx(kernel.variances(parts))


def test_the_gradient_of_the_posterior_is_that_of_differences() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(12, 3)) / 2, rng.normal(size=(12, 2)) / 2]
    squares = [((part[:, None] - part[None]) ** 2).sum(2) for part in parts]
    products, y = [parts[1] @ parts[1].T], rng.normal(size=12)
    expected = np.array([-3.0, 0.0, 1.0])

    def posterior(place: Any) -> float:
        lengths, weights, noise = place[:2], np.exp(place[2:5]), np.exp(place[5])
        kernel = weights[2] * products[0] + (noise + 1e-5) * np.eye(12)
        for block, length, weight in zip(squares, lengths, weights, strict=False):
            far = np.sqrt(5 * block) / np.exp(length)
            kernel = kernel + weight * (1 + far + far**2 / 3) * np.exp(-far)
        fit = 0.5 * y @ np.linalg.solve(kernel, y) + 0.5 * np.linalg.slogdet(kernel)[1]
        far_off = ((place[2:5] - expected) ** 2).sum()
        return float(fit + 0.5 * (lengths**2).sum() + 0.05 * far_off + 0.05 * (place[5] + 3) ** 2)

    place = rng.normal(size=6) / 2
    steps = 1e-5 * np.eye(6)
    differences = [(posterior(place + step) - posterior(place - step)) / 2e-5 for step in steps]
    assert posterior_gradient(place, squares, products, y, expected) == pytest.approx(differences, rel=1e-4, abs=1e-6)


def test_leave_one_out_is_what_a_process_without_the_label_says() -> None:
    rng = np.random.default_rng(3)
    cells = Features(rng.normal(size=(15, 2)).astype(np.float32), (slice(0, 2),))
    scores = rng.normal(size=15)
    config = PredictorConfig(kind="gaussian", target="score", likelihood_steps=10)
    whole = GaussianProcess(config).fit(cells, scores, 0)
    found = whole.leave_one_out()
    standard = (scores - scores.mean()) / scores.std(ddof=1)
    for left_out in (0, 7, 14):
        rows = np.delete(np.arange(15), left_out)
        covariances = whole.kernel.covariances([cells.values.astype(float)], [cells.values.astype(float)])
        noisy = covariances + whole.kernel.noise * np.eye(15)
        weights = np.linalg.solve(noisy[np.ix_(rows, rows)], noisy[rows, left_out])
        variance = noisy[left_out, left_out] - weights @ noisy[rows, left_out]
        residual = standard[left_out] - weights @ standard[rows]
        expected = -0.5 * (np.log(2 * np.pi * variance) + residual**2 / variance)
        assert found[left_out] == pytest.approx(expected, abs=1e-6)
