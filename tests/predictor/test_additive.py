"""Additive models of monotone step functions."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.predictor.additive import AdditiveModel

RNG = np.random.default_rng(0)
ROWS = RNG.integers(0, 6, (400, 3)).astype(float)
ONES = np.ones(len(ROWS))


def fitted(targets: np.ndarray, signs: tuple[int, ...] = (0, 0, 0), weights: np.ndarray = ONES) -> AdditiveModel:
    return AdditiveModel.fit(ROWS, targets, weights, signs, rounds=300, rate=0.2)


def test_a_sum_of_steps_is_found() -> None:
    targets = np.where(ROWS[:, 0] > 2, 1.0, 0.0) - 0.5 * (ROWS[:, 1] > 4) + 3.0
    assert fitted(targets).predict(ROWS) == pytest.approx(targets, abs=0.01)


def test_what_may_only_grow_does_not_fall() -> None:
    model = fitted(-ROWS[:, 0] + ROWS[:, 1], signs=(1, 1, -1))
    assert not len(model.thresholds[0]) and (model.steps[1] > 0).all()
    assert (model.steps[2] < 0).all()


def test_rows_of_more_weight_count_for_more() -> None:
    targets = np.concatenate([ROWS[:200, 0], -ROWS[200:, 0]])
    weights = np.where(np.arange(400) < 200, 10.0, 1.0)
    predicted = fitted(targets, weights=weights).predict(ROWS)
    assert np.corrcoef(predicted, ROWS[:, 0])[0, 1] > 0.95


def test_constant_targets_give_a_constant() -> None:
    model = fitted(ONES * 2)
    assert model.predict(ROWS) == pytest.approx(2.0) and not any(len(at) for at in model.thresholds)


@pytest.mark.parametrize(("at", "by"), [([1.0, 1.0], [1.0, 1.0]), ([1.0], [np.nan]), ([1.0], [])])
def test_what_is_no_step_function_is_refused(at: list[float], by: list[float]) -> None:
    with pytest.raises(InvalidInput, match="column 0"):
        AdditiveModel(0.0, (np.array(at),), (np.array(by),))
