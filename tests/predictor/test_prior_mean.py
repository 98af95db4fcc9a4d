"""A Gaussian process with a prior mean: it goes where its columns go, as far as labels agree."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.predictor import Features, PredictorConfig
from archllm.predictor.gaussian_process import GaussianProcess

RNG = np.random.default_rng(0)
N = 60
STRUCTURE = RNG.standard_normal((N, 2)) / 2
SOURCES = RNG.standard_normal((N, 2))


def features(columns: np.ndarray) -> Features:
    values = np.concatenate([STRUCTURE, columns / np.sqrt(2 * columns.shape[1])], axis=1).astype(np.float32)
    return Features(values, (slice(0, 2), slice(2, 2 + columns.shape[1])))


def fitted(columns: np.ndarray, scores: np.ndarray, labels: int, prior_mean: bool = True) -> GaussianProcess:
    config = PredictorConfig(kind="gaussian", target="score", prior_mean=prior_mean)
    return GaussianProcess(config).fit(features(columns)[:labels], scores[:labels], 0)


def test_beyond_the_labels_it_follows_a_source_that_is_right() -> None:
    scores = SOURCES[:, 0]
    mean = fitted(SOURCES[:, :1], scores, 6).predict(features(SOURCES[:, :1])[6:]).mean
    assert np.corrcoef(mean, scores[6:])[0, 1] > 0.98


def test_each_column_counts_as_far_as_labels_agree_and_none_backwards() -> None:
    process = fitted(np.stack([SOURCES[:, 0], -SOURCES[:, 0]], axis=1), SOURCES[:, 0], 30)
    expected = process.expected(features(np.stack([SOURCES[:, 0], -SOURCES[:, 0]], axis=1)))
    assert np.corrcoef(expected, SOURCES[:, 0])[0, 1] == pytest.approx(1)
    turned = fitted(-SOURCES[:, :1], SOURCES[:, 0], 30)
    assert not turned.expected(features(-SOURCES[:, :1])).any()


def test_evidence_prefers_it_where_the_source_is_right_and_not_where_it_is_wrong() -> None:
    def evidence(scores: np.ndarray, prior_mean: bool) -> float:
        return float(fitted(SOURCES[:, :1], scores, 25, prior_mean).leave_one_out().sum())

    right = 3 * SOURCES[:, 0] + STRUCTURE[:, 0]
    assert evidence(right, True) > evidence(right, False) - 1
    smooth = np.sin(3 * STRUCTURE[:, 0])
    assert evidence(smooth, True) < evidence(smooth, False) + 1


def test_densities_left_out_are_those_of_predictions_from_the_others() -> None:
    columns, scores = SOURCES[:, :1], SOURCES[:, 0] + STRUCTURE[:, 1]
    process = fitted(columns, scores, 12)
    found = process.leave_one_out()
    y = process._left(features(columns)[:12], (scores[:12] - scores[:12].mean()) / scores[:12].std())
    covariance = process.kernel.covariances(*[[part.astype(float) for part in features(columns)[:12].parts]] * 2)
    covariance += process.kernel.noise * np.eye(12)
    for left in range(12):
        rest = np.delete(np.arange(12), left)
        solved = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, left])
        mean, variance = solved @ y[rest], covariance[left, left] - solved @ covariance[rest, left]
        density = -0.5 * (np.log(2 * np.pi * variance) + (y[left] - mean) ** 2 / variance) - np.log(process.left_scale)
        assert found[left] == pytest.approx(density, abs=1e-4)


def test_rows_that_come_later_are_predicted_as_if_they_had_come_at_once() -> None:
    columns, scores = SOURCES, SOURCES.sum(1) + STRUCTURE[:, 0]
    process = fitted(columns, scores, 20)
    scan = process.scan(features(columns)[30:])
    scan()
    process.condition(features(columns)[:30], scores[:30])
    assert scan().mean == pytest.approx(process.predict(features(columns)[30:]).mean, abs=1e-4)
