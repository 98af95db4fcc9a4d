"""The fast predictions are those of the textbook's formulas."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.searchers.gaussian_process import (
    LENGTHS,
    NOISES,
    Hyperparameters,
    Kernel,
    Predictions,
    kernel,
    most_likely,
    squared_distances,
)

RNG = np.random.default_rng(0)
PLACES = RNG.normal(size=(12, 3)).astype(np.float32)
ELSEWHERE = RNG.normal(size=(40, 3)).astype(np.float32)
TARGETS = np.sin(PLACES[:, 0]).astype(np.float64)
KERNELS: tuple[Kernel, ...] = ("squared_exponential", "matern")


def distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return ((left[:, None].astype(float) - right[None].astype(float)) ** 2).sum(-1)


def textbook(kind: Kernel, setting: Hyperparameters, n: int) -> tuple[np.ndarray, np.ndarray]:
    inner = kernel(kind, distances(PLACES[:n], PLACES[:n]), setting.length) + setting.noise * np.eye(n)
    across = kernel(kind, distances(ELSEWHERE, PLACES[:n]), setting.length)
    mean = across @ np.linalg.inv(inner) @ TARGETS[:n]
    variance = 1 - (across @ np.linalg.inv(inner) * across).sum(1)
    return mean, np.sqrt(variance * setting.variance)


def test_squared_distances_are_those_of_all_pairs() -> None:
    assert squared_distances(PLACES, ELSEWHERE) == pytest.approx(distances(PLACES, ELSEWHERE), abs=1e-5)


@pytest.mark.parametrize("kind", KERNELS)
def test_a_kernel_is_one_at_no_distance_falls_and_gives_covariances(kind: Kernel) -> None:
    along = kernel(kind, np.linspace(0, 9, 50), 1.3)
    assert along[0] == 1 and (np.diff(along) < 0).all()
    assert np.linalg.eigvalsh(kernel(kind, distances(ELSEWHERE, ELSEWHERE), 1.3)).min() > -1e-9


@pytest.mark.parametrize("kind", KERNELS)
def test_predictions_are_the_textbooks_however_the_observations_came_in(kind: Kernel) -> None:
    first, second = Hyperparameters(1.1, 1e-2, 2.0), Hyperparameters(0.7, 1e-1, 0.5)
    predictions = Predictions(ELSEWHERE, kind)
    for setting, n in ((first, 3), (first, 4), (first, 9), (second, 9), (second, 10), (first, 12), (first, 5)):
        predictions.condition(PLACES[:n], setting)
        mean, deviation = predictions(TARGETS[:n])
        expected = textbook(kind, setting, n)
        assert mean == pytest.approx(expected[0], abs=1e-4) and deviation == pytest.approx(expected[1], abs=1e-3)


def test_an_observation_is_passed_by_no_more_than_its_noise() -> None:
    predictions = Predictions(PLACES, "squared_exponential")
    predictions.condition(PLACES, Hyperparameters(1.0, 1e-4, 1.0))
    mean, deviation = predictions(TARGETS)
    assert mean == pytest.approx(TARGETS, abs=0.05) and (deviation < 0.05).all()


@pytest.mark.parametrize("kind", KERNELS)
def test_the_likeliest_of_the_grid_is_chosen(kind: Kernel) -> None:
    targets = TARGETS - TARGETS.mean()
    squares = distances(PLACES, PLACES)

    def likelihood(length: float, noise: float, variance: float) -> float:
        covariance = variance * (kernel(kind, squares, length) + noise * np.eye(len(targets)))
        return float(-0.5 * (np.linalg.slogdet(covariance)[1] + targets @ np.linalg.inv(covariance) @ targets))

    found = most_likely(kind, squares, targets)
    best = likelihood(found.length, found.noise, found.variance)
    for length in LENGTHS:
        for noise in NOISES:
            for variance in (0.5 * found.variance, found.variance, 2 * found.variance):
                assert likelihood(length, noise, variance) <= best + 1e-4


def test_constant_targets_have_hyperparameters() -> None:
    assert most_likely("matern", distances(PLACES, PLACES), np.zeros(12)).variance > 0
