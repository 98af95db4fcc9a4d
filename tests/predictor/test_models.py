"""Targets, losses and models, against formulas written out and an independent library."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import Any, get_args

import numpy as np
import pytest
import torch
from scipy.stats import norm, rankdata

from archllm.errors import InvalidInput, TrainingDiverged
from archllm.predictor import Features, PredictorConfig, build_predictor
from archllm.predictor.config import Target
from archllm.predictor.ensemble import ranking_loss
from archllm.predictor.targets import targets

RNG = np.random.default_rng(0)


def test_rank_targets_are_normal_scores_with_ties_in_the_middle() -> None:
    scores = np.array([90.0, 10.0, 93.5, 90.0, 94.0, 70.0])
    assert targets(scores, "rank") == pytest.approx(norm.ppf((rankdata(scores) - 0.5) / len(scores)))


def test_log_regret_tells_the_best_apart_and_score_keeps_distances() -> None:
    scores = np.array([10.0, 11.0, 90.0, 93.0, 94.0])
    gaps = {kind: np.diff(targets(scores, kind)) for kind in ("log_regret", "score")}  # type: ignore[arg-type]
    assert gaps["log_regret"][3] > 5 * gaps["log_regret"][0] > 0
    assert gaps["score"][3] == pytest.approx(gaps["score"][0])


@pytest.mark.parametrize("kind", ["rank", "log_regret", "score"])
def test_equal_scores_have_the_target_zero(kind: Any) -> None:
    assert targets(np.full(4, 7.0), kind) == pytest.approx(np.zeros(4))


@pytest.mark.parametrize("kind", get_args(Target))
def test_targets_of_huge_and_of_tiny_scores_are_finite(kind: Target) -> None:
    for scores in ([1e308, -1e308, 3.0], [1e-308, 2e-308, 4e-308]):
        found = targets(np.array(scores), kind)
        assert np.isfinite(found).all() and found.argmax() == np.argmax(scores)


def test_pairwise_losses_are_means_over_all_pairs() -> None:
    values, predicted = torch.tensor([0.3, 1.0, -2.0, 1.0]), torch.tensor(RNG.normal(size=(2, 4))).float()
    pairs = [(i, j) for i, j in combinations(range(4), 2) if values[i] != values[j]]
    pairs = [(i, j) if values[i] > values[j] else (j, i) for i, j in pairs]
    hinge = logistic = 0.0
    for member in predicted:
        leads = [float(member[i] - member[j]) for i, j in pairs]
        hinge += sum(max(0.0, 0.1 - lead) for lead in leads) / len(pairs)
        logistic += sum(math.log1p(math.exp(-lead)) for lead in leads) / len(pairs)
    assert float(ranking_loss("hinge", predicted, values, 0.1)) == pytest.approx(hinge, rel=1e-5)
    assert float(ranking_loss("logistic", predicted, values, 0.1)) == pytest.approx(logistic, rel=1e-5)


def test_listmle_is_the_likelihood_of_choosing_the_best_again_and_again() -> None:
    values, predicted = torch.tensor([0.3, 1.0, -2.0]), torch.tensor([[0.5, -0.2, 0.7]])
    best_first = [-0.2, 0.5, 0.7]
    nats = sum(math.log(sum(math.exp(p) for p in best_first[i:])) - best_first[i] for i in range(3))
    assert float(ranking_loss("listmle", predicted, values, 0.1)) == pytest.approx(nats / 3, rel=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "logistic", "listmle", "squared", "absolute"])
def test_each_loss_teaches_the_order(loss: Any) -> None:
    features = Features(RNG.normal(size=(80, 3)).astype(np.float32) / math.sqrt(6), (slice(0, 3),))
    scores = features.values @ np.array([1.0, 2.0, -1.0])
    config = PredictorConfig(kind="ensemble", loss=loss, members=3, width=16, steps=80, batch=30)
    mean = build_predictor(config).fit(features[:50], scores[:50], 0).predict(features[50:]).mean
    assert np.corrcoef(rankdata(mean), rankdata(scores[50:]))[0, 1] > 0.85


def test_a_kernel_chosen_on_some_labels_still_predicts_from_all() -> None:
    values = RNG.uniform(-1, 1, size=(200, 1)).astype(np.float32)
    config = PredictorConfig(kind="gaussian", likelihood_rows=20)
    process = build_predictor(config).fit(Features(values, (slice(0, 1),)), np.sin(5 * values[:, 0]), 0)
    mean = process.predict(Features(values, (slice(0, 1),))).mean
    assert np.corrcoef(rankdata(mean), rankdata(np.sin(5 * values[:, 0])))[0, 1] > 0.99


def test_networks_of_one_and_of_three_layers_learn() -> None:
    features = Features(np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32) / 2, (slice(0, 3),))
    scores = features.values @ np.array([1.0, 2.0, -1.0])
    for layers in (1, 3):
        config = PredictorConfig(kind="ensemble", layers=layers, members=3, width=16, steps=80)
        mean = build_predictor(config).fit(features[:50], scores[:50], 0).predict(features[50:]).mean
        assert np.corrcoef(rankdata(mean), rankdata(scores[50:]))[0, 1] > 0.85


def test_a_training_that_diverges_says_what_to_do() -> None:
    features = Features(np.full((4, 1), 1e38, dtype=np.float32), (slice(0, 1),))
    with pytest.raises(TrainingDiverged, match=r"predictor\.learning_rate"):
        build_predictor(PredictorConfig(kind="ensemble", steps=3)).fit(features, np.arange(4.0), 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", "loss"), ("loss", "cubic"), ("likelihood_steps", 0), ("likelihood_rows", 1),
        ("members", 0), ("width", 0), ("layers", 0), ("steps", 0), ("batch", 1), ("margin", 0.0),
        ("learning_rate", math.nan), ("weight_decay", -0.1),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"predictor.{field}"):
        PredictorConfig(**{field: value})  # type: ignore[arg-type]


def test_a_linear_kernel_lets_a_trend_go_on_where_others_return_to_the_mean() -> None:
    labelled, far = np.linspace(-1, 1, 9)[:, None], np.array([[10.0], [20.0]])
    blocks = (slice(0, 1),)
    config = PredictorConfig(kind="gaussian", target="score")
    predicted = {}
    for linear in ((), (0,)):
        model = build_predictor(replace(config, linear=linear)).fit(
            Features(labelled.astype(np.float32), blocks), labelled[:, 0], 0
        )
        predicted[linear] = model.predict(Features(far.astype(np.float32), blocks)).mean
    assert predicted[0,] == pytest.approx(far[:, 0] / labelled.std(), rel=0.1)
    assert (predicted[()] < predicted[0,]).all() and predicted[()][1] < predicted[()][0]


def test_linear_blocks_must_be_there() -> None:
    with pytest.raises(InvalidInput, match=r"linear.*\(1,\).*1 block"):
        build_predictor(PredictorConfig(kind="gaussian", linear=(1,))).fit(
            Features(np.ones((3, 2), dtype=np.float32), (slice(0, 2),)), np.arange(3.0), 0
        )
    with pytest.raises(InvalidInput, match="linear"):
        PredictorConfig(linear=(0, 0))


def test_expected_weights_decide_where_labels_leave_it_open() -> None:
    first, scores = np.linspace(-1, 1, 8)[:, None], np.linspace(-1, 1, 8)
    labelled = np.concatenate([first, first], axis=1).astype(np.float32)  # two blocks that say the same
    apart = np.array([[1.0, -1.0]], dtype=np.float32)  # where they say the opposite
    blocks = (slice(0, 1), slice(1, 2))
    predicted = []
    for weights in ((1.0, 0.01), (0.01, 1.0)):
        config = PredictorConfig(kind="gaussian", target="score", weights=weights)
        model = build_predictor(config).fit(Features(labelled, blocks), scores, 0)
        predicted.append(float(model.predict(Features(apart, blocks)).mean[0]))
    assert predicted[0] > 0.2 > -0.2 > predicted[1]


def test_expected_weights_must_fit() -> None:
    with pytest.raises(InvalidInput, match=r"weights.*\(1.0, 2.0\).*1 block"):
        build_predictor(PredictorConfig(kind="gaussian", weights=(1.0, 2.0))).fit(
            Features(np.ones((3, 2), dtype=np.float32), (slice(0, 2),)), np.arange(3.0), 0
        )
    with pytest.raises(InvalidInput, match="weights"):
        PredictorConfig(weights=(0.0,))
