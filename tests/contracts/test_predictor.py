"""The promises of a predictor, kept by every kind."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.predictor import Features, Predictor, PredictorConfig, build_predictor

KINDS = ("gaussian", "ensemble", "both")
BLOCKS = (slice(0, 3), slice(3, 5))


def cells(n: int, seed: int = 0) -> tuple[Features, NDArray[np.float64]]:
    """Features and scores that both blocks have a say in."""
    values = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    scores = np.sin(values[:, 0]) + values[:, 1] * (values[:, 3] > 0) + 0.5 * values[:, 4]
    scaled = values / np.sqrt([6, 6, 6, 4, 4]).astype(np.float32)
    return Features(scaled, BLOCKS), scores


def fresh(kind: str) -> Predictor:
    return build_predictor(PredictorConfig(kind=kind, likelihood_steps=25, members=4, width=16, steps=60))  # type: ignore[arg-type]


@cache
def fitted(kind: str) -> Predictor:
    return fresh(kind).fit(*cells(60), seed=0)


@pytest.fixture(params=KINDS)
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return fitted(request.param)


def agreement(predicted: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Share of pairs of cells in the same order, from -1 to 1."""
    signs = np.sign(predicted[:, None] - predicted[None]) * np.sign(scores[:, None] - scores[None])
    return float(signs.sum() / (len(scores) * (len(scores) - 1)))


def test_other_cells_are_ranked_far_better_than_by_chance(predictor: Predictor) -> None:
    features, scores = cells(300, seed=1)
    assert agreement(predictor.predict(features).mean, scores) > 0.4


def test_every_cell_gets_a_mean_and_a_positive_deviation(predictor: Predictor) -> None:
    features, _ = cells(300, seed=1)
    found = predictor.predict(features)
    assert found.mean.shape == found.std.shape == (300,)
    assert np.isfinite(found.mean).all() and np.isfinite(found.std).all() and (found.std > 0).all()


def test_what_was_seen_is_less_uncertain_than_what_was_not(predictor: Predictor) -> None:
    seen, _ = cells(60)
    far = Features(5 * cells(60, seed=2)[0].values, BLOCKS)
    assert predictor.predict(seen).std.mean() < 0.8 * predictor.predict(far).std.mean()


def test_means_are_in_the_unit_of_the_target(predictor: Predictor) -> None:
    features, _ = cells(60)
    mean = predictor.predict(features).mean  # normal scores
    assert abs(mean.mean()) < 0.1 and 0.6 < mean.std() < 1.1


def test_a_prediction_does_not_depend_on_the_company(predictor: Predictor) -> None:
    features, _ = cells(10, seed=1)
    whole = predictor.predict(features)
    for row in range(3):
        alone = predictor.predict(features[[row]])
        assert np.allclose([alone.mean[0], alone.std[0]], [whole.mean[row], whole.std[row]], atol=1e-4)


def test_many_cells_are_ranked_as_few_are(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    features, _ = cells(50, seed=1)
    whole = predictor.predict(features).mean
    monkeypatch.setattr("archllm.predictor.base.CHUNK", 7)
    assert np.allclose(predictor.predict(features).mean, whole, atol=1e-4)


def test_no_cells_have_no_predictions(predictor: Predictor) -> None:
    assert len(predictor.predict(cells(5)[0][[]]).mean) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_a_function_of_its_seed_alone(kind: str) -> None:
    before = torch.random.get_rng_state()
    features, _ = cells(20, seed=1)
    again = fresh(kind).fit(*cells(60), seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(again.predict(features).mean, fitted(kind).predict(features).mean)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_order_of_scores_counts_for_ranks(kind: str) -> None:
    features, scores = cells(60)
    other = fresh(kind).fit(features, np.exp(3 * scores), seed=0)
    assert np.array_equal(other.predict(features).mean, fitted(kind).predict(features).mean)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_forgets_the_one_before(kind: str) -> None:
    features, scores = cells(60)
    predictor = fresh(kind).fit(features, -scores, seed=3)
    predictor.fit(features, scores, seed=0)
    assert np.array_equal(predictor.predict(features).mean, fitted(kind).predict(features).mean)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 12])
def test_equal_scores_say_nothing_and_break_nothing(kind: str, n: int) -> None:
    features, _ = cells(n)
    found = fresh(kind).fit(features, np.full(n, 90.0), seed=0).predict(features)
    assert np.allclose(found.mean, 0, atol=1e-3) and np.isfinite(found.std).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_cell_may_have_two_scores(kind: str) -> None:
    features, scores = cells(10)
    twice = Features(np.repeat(features.values, 2, axis=0), BLOCKS)
    noisy = np.repeat(scores, 2) + np.tile([0.0, 0.1], 10)
    assert agreement(fresh(kind).fit(twice, noisy, seed=0).predict(features).mean, scores) > 0.6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scores", [np.zeros(3), np.zeros((4, 1)), np.zeros(0)], ids=["few", "flat", "none"])
def test_scores_that_do_not_match_the_cells_are_refused(kind: str, scores: NDArray[np.float64]) -> None:
    with pytest.raises(InvalidInput, match="a score for each"):
        fresh(kind).fit(cells(4)[0], scores, seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_one_label_is_not_enough(kind: str) -> None:
    with pytest.raises(InvalidInput, match="at least 2 cells"):
        fresh(kind).fit(*cells(1), seed=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_failed_evaluation_is_named_by_its_row(kind: str, bad: float) -> None:
    features, scores = cells(4)
    scores[2] = bad
    with pytest.raises(InvalidInput, match=r"scores\[2\]"):
        fresh(kind).fit(features, scores, seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prediction_before_any_fit_is_refused(kind: str) -> None:
    with pytest.raises(InvalidInput, match="no scores yet"):
        fresh(kind).predict(cells(4)[0])


def test_other_features_than_those_of_the_fit_are_refused(predictor: Predictor) -> None:
    with pytest.raises(InvalidInput, match="blocks"):
        predictor.predict(Features(np.zeros((2, 5), dtype=np.float32), (slice(0, 5),)))
