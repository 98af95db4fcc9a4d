"""Contract of a predictor: ranks better than chance, knows its uncertainty, and depends on data and seed alone."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.predictor import Features, Predictor, PredictorConfig
from archllm.testing.common import once_per_suite

BLOCKS = (slice(0, 3), slice(3, 5))
"""Two blocks of features."""


def cells(n: int, seed: int = 0) -> tuple[Features, NDArray[np.float64]]:
    """Features and scores that both blocks have a say in."""
    values = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    scores = np.sin(values[:, 0]) + values[:, 1] * (values[:, 3] > 0) + 0.5 * values[:, 4]
    scaled = (values / np.sqrt(np.array([6, 6, 6, 4, 4]))).astype(np.float32)
    return Features(scaled, BLOCKS), scores


def agreement(predicted: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Share of pairs of cells in the same order, from -1 to 1."""
    signs = np.sign(predicted[:, None] - predicted[None]) * np.sign(scores[:, None] - scores[None])
    return float(signs.sum() / (len(scores) * (len(scores) - 1)))


@once_per_suite
def fitted_by(suite: type[PredictorContract]) -> Predictor:
    """The predictor of a suite, fitted once to 60 architectures."""
    return suite().build().fit(*cells(60), seed=0)


class PredictorContract:
    """What every predictor keeps. Set `predictor`, and `config` so that it is fitted within a second.

    Example:
        >>> from archllm.predictor.gaussian_process import GaussianProcess
        >>> class TestGaussianProcess(PredictorContract):
        ...     predictor = GaussianProcess
    """

    predictor: ClassVar[type[Any]]
    """The class to test; called with a configuration."""

    config: ClassVar[PredictorConfig] = PredictorConfig(likelihood_steps=25, members=4, width=16, steps=60)
    """How it is fitted."""

    def build(self) -> Predictor:
        """A predictor that has seen no scores."""
        predictor: Predictor = self.predictor(self.config)
        return predictor

    @pytest.fixture
    def fitted(self) -> Predictor:
        """A fitted predictor, shared by the tests of the class."""
        return fitted_by(type(self))

    def test_other_cells_are_ranked_far_better_than_by_chance(self, fitted: Predictor) -> None:
        features, scores = cells(300, seed=1)
        assert agreement(fitted.predict(features).mean, scores) > 0.4

    def test_every_cell_gets_a_mean_and_a_positive_deviation(self, fitted: Predictor) -> None:
        features, _ = cells(300, seed=1)
        found = fitted.predict(features)
        assert found.mean.shape == found.std.shape == (300,)
        assert np.isfinite(found.mean).all() and np.isfinite(found.std).all() and (found.std > 0).all()

    def test_what_was_seen_is_less_uncertain_than_what_was_not(self, fitted: Predictor) -> None:
        seen, _ = cells(60)
        far = Features(5 * cells(60, seed=2)[0].values, BLOCKS)
        assert fitted.predict(seen).std.mean() < 0.8 * fitted.predict(far).std.mean()

    def test_means_are_in_the_unit_of_the_target(self, fitted: Predictor) -> None:
        features, _ = cells(60)
        mean = fitted.predict(features).mean  # normal scores
        assert abs(mean.mean()) < 0.1 and 0.6 < mean.std() < 1.1

    def test_a_prediction_does_not_depend_on_the_company(self, fitted: Predictor) -> None:
        features, _ = cells(10, seed=1)
        whole = fitted.predict(features)
        for row in range(3):
            alone = fitted.predict(features[[row]])
            assert np.allclose([alone.mean[0], alone.std[0]], [whole.mean[row], whole.std[row]], atol=1e-4)

    def test_many_cells_are_ranked_as_few_are(self, fitted: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
        features, _ = cells(50, seed=1)
        whole = fitted.predict(features).mean
        monkeypatch.setattr("archllm.predictor.base.CHUNK", 7)
        assert np.allclose(fitted.predict(features).mean, whole, atol=1e-4)

    def test_no_cells_have_no_predictions(self, fitted: Predictor) -> None:
        assert len(fitted.predict(cells(5)[0][[]]).mean) == 0

    def test_a_fit_is_a_function_of_its_seed_alone(self) -> None:
        before = torch.random.get_rng_state()
        features, _ = cells(20, seed=1)
        again = self.build().fit(*cells(60), seed=0)
        assert torch.equal(torch.random.get_rng_state(), before)
        assert np.array_equal(again.predict(features).mean, fitted_by(type(self)).predict(features).mean)

    def test_only_the_order_of_scores_counts_for_ranks(self) -> None:
        features, scores = cells(60)
        other = self.build().fit(features, np.exp(3 * scores), seed=0)
        assert np.array_equal(other.predict(features).mean, fitted_by(type(self)).predict(features).mean)

    def test_a_fit_forgets_the_one_before(self) -> None:
        features, scores = cells(60)
        predictor = self.build().fit(features, -scores, seed=3)
        predictor.fit(features, scores, seed=0)
        assert np.array_equal(predictor.predict(features).mean, fitted_by(type(self)).predict(features).mean)

    @pytest.mark.parametrize("n", [2, 12])
    def test_equal_scores_say_nothing_and_break_nothing(self, n: int) -> None:
        features, _ = cells(n)
        found = self.build().fit(features, np.full(n, 90.0), seed=0).predict(features)
        assert np.allclose(found.mean, 0, atol=1e-3) and np.isfinite(found.std).all()

    def test_the_same_cell_may_have_two_scores(self) -> None:
        features, scores = cells(10)
        twice = Features(np.repeat(features.values, 2, axis=0), BLOCKS)
        noisy = np.repeat(scores, 2) + np.tile([0.0, 0.1], 10)
        assert agreement(self.build().fit(twice, noisy, seed=0).predict(features).mean, scores) > 0.6

    @pytest.mark.parametrize("scores", [np.zeros(3), np.zeros((4, 1)), np.zeros(0)], ids=["few", "flat", "none"])
    def test_scores_that_do_not_match_the_cells_are_refused(self, scores: NDArray[np.float64]) -> None:
        with pytest.raises(InvalidInput, match="a score for each"):
            self.build().fit(cells(4)[0], scores, seed=0)

    def test_one_label_is_not_enough(self) -> None:
        with pytest.raises(InvalidInput, match="at least 2 cells"):
            self.build().fit(*cells(1), seed=0)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_a_failed_evaluation_is_named_by_its_row(self, bad: float) -> None:
        features, scores = cells(4)
        scores[2] = bad
        with pytest.raises(InvalidInput, match=r"scores\[2\]"):
            self.build().fit(features, scores, seed=0)

    def test_a_prediction_before_any_fit_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="no scores yet"):
            self.build().predict(cells(4)[0])

    def test_other_features_than_those_of_the_fit_are_refused(self, fitted: Predictor) -> None:
        with pytest.raises(InvalidInput, match="blocks"):
            fitted.predict(Features(np.zeros((2, 5), dtype=np.float32), (slice(0, 5),)))
