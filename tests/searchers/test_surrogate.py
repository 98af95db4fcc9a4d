"""What a surrogate makes of what is known: failures, pending ones, several objectives, and a resumed search."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.predictor import Features, PredictorConfig, build_predictor
from archllm.searchers.surrogate import Hypothesis, Known, Surrogate, leading

RNG = np.random.default_rng(0)
BLOCKS = (slice(0, 2),)
PLACES = Features(RNG.uniform(-1, 1, size=(60, 2)).astype(np.float32), BLOCKS)
VALUES = (PLACES.values[:, :1] + np.sin(3 * PLACES.values[:, 1:])).astype(float)
CANDIDATES = PLACES[40:]
CONFIG = PredictorConfig(kind="gaussian", target="score", likelihood_steps=20)
PLAIN = Hypothesis((CONFIG,))


def merits(surrogate: Surrogate, told: int, pending: int = 0, values: np.ndarray = VALUES) -> np.ndarray:
    known = Known(PLACES[: told + pending], values[:told])
    return surrogate.merits(known, [CANDIDATES], np.random.default_rng(0))


def test_a_bound_is_the_mean_and_some_deviations_of_a_predictor() -> None:
    found = merits(Surrogate([PLAIN], 0, exploration=2.0), 30)
    expected = build_predictor(CONFIG).fit(PLACES[:30], VALUES[:30, 0], 0).predict(CANDIDATES)
    assert found == pytest.approx(expected.mean + 2 * expected.std, abs=1e-4)


def test_bounds_of_several_targets_are_averaged() -> None:
    rank = PredictorConfig(kind="gaussian", target="rank", likelihood_steps=20)
    both, *each = (
        merits(Surrogate([Hypothesis(tuple(configs))], 0), 30) for configs in ([CONFIG, rank], [CONFIG], [rank])
    )
    assert both == pytest.approx((each[0] + each[1]) / 2, abs=1e-6) and not np.allclose(*each)


@pytest.mark.parametrize("kind", ["gaussian", "ensemble"])
def test_one_that_was_there_all_the_time_says_the_same_as_a_new_one(kind: str) -> None:
    config = PredictorConfig(kind=kind, target="rank", likelihood_steps=10, members=2, width=8, steps=10)
    old = Surrogate([Hypothesis((config,))], 0, growth=1.3)
    for told in range(5, 38):
        found = merits(old, told, pending=told % 3)
    assert found == pytest.approx(
        merits(Surrogate([Hypothesis((config,))], 0, growth=1.3), 37, pending=37 % 3), abs=1e-4
    )


def test_a_failure_counts_as_the_worst() -> None:
    failed, worst = VALUES.copy(), VALUES.copy()
    failed[7], worst[7] = -np.inf, np.delete(VALUES[:30], 7).min()
    assert merits(Surrogate([PLAIN], 0), 30, values=failed) == pytest.approx(
        merits(Surrogate([PLAIN], 0), 30, values=worst)
    )


def test_around_a_pending_one_less_is_uncertain_and_means_stay() -> None:
    known = Known(PLACES[:25], VALUES[:24])
    near = PLACES[[24]]
    mean, curious = (Surrogate([PLAIN], 0, exploration=weight) for weight in (0.0, 1.0))
    greedy = Surrogate([PLAIN], 0, believe=False)
    rng = np.random.default_rng(0)
    means = (
        mean.merits(known, [near], rng),
        Surrogate([PLAIN], 0, exploration=0.0, believe=False).merits(known, [near], rng),
    )
    assert means[0] == pytest.approx(means[1], abs=0.05)
    gain = curious.merits(known, [near], rng) - means[0], greedy.merits(known, [near], rng) - means[1]
    assert gain[0] < 0.7 * gain[1]


def test_several_objectives_are_joined_by_the_volume_that_they_add() -> None:
    opposed = np.concatenate([VALUES, -VALUES], axis=1)
    found = merits(Surrogate([PLAIN], 0), 30, values=opposed)
    assert found.shape == (20,) and (found >= 0).all() and found.max() > 0


def test_thompson_sampling_draws_anew_each_time() -> None:
    surrogate = Surrogate([PLAIN], 0, acquisition="thompson")
    known, rng = Known(PLACES[:20], VALUES[:20]), np.random.default_rng(1)
    draws = np.stack([surrogate.merits(known, [CANDIDATES], rng) for _ in range(200)])
    expected = build_predictor(CONFIG).fit(PLACES[:20], VALUES[:20, 0], 0).predict(CANDIDATES)
    assert draws.mean(0) == pytest.approx(expected.mean, abs=0.3) and draws.std(0) == pytest.approx(
        expected.std, rel=0.3
    )


def test_candidates_in_parts_have_the_merits_of_the_whole_as_observations_join() -> None:
    whole, parts = Surrogate([PLAIN], 0, growth=1.5), Surrogate([PLAIN], 0, growth=1.5)
    first, second = CANDIDATES[:8], CANDIDATES[8:]
    for known in (Known(PLACES[:n], VALUES[:n]) for n in range(17, 24)):
        expected = whole.merits(known, [CANDIDATES], np.random.default_rng(0))
        assert parts.merits(known, [first, second], np.random.default_rng(0)) == pytest.approx(expected, abs=1e-5)


def test_the_hypothesis_that_predicts_scores_gets_the_say() -> None:
    """Scores follow one block of features; a predictor that sees the other one is not listened to."""
    both = Features(PLACES.values, (slice(0, 1), slice(1, 2)))
    first, second = (Hypothesis((CONFIG,), blocks=(block,)) for block in (0, 1))
    known = Known(both[:40], both.values[:40, :1].astype(float))
    joined, right, wrong = (
        Surrogate(each, 0).merits(known, [both[40:]], np.random.default_rng(0))
        for each in ([first, second], [first], [second])
    )
    assert joined == pytest.approx(right, abs=1e-3) and not np.allclose(joined, wrong, atol=0.1)


def test_a_doubted_hypothesis_steps_aside_after_evaluations_that_found_nothing_better() -> None:
    """It predicts by far better, as scores follow the block that it alone sees."""
    both = Features(PLACES.values, (slice(0, 1), slice(1, 2)))
    plain, doubted = Hypothesis((CONFIG,), blocks=(1,)), Hypothesis((CONFIG,), blocks=(0,), doubted=True)
    rising = both[np.argsort(both.values[:40, 0])]

    def told(hypotheses: list[Hypothesis], worse: int) -> np.ndarray:
        order = np.r_[worse:40, :worse]  # the last so many are no better than those before
        known = Known(rising[order], rising.values[order, :1].astype(float))
        return Surrogate(hypotheses, 0).merits(known, [both[40:]], np.random.default_rng(0))

    for worse, leads in ((0, doubted), (2, doubted), (3, plain), (5, plain), (6, doubted)):
        assert told([plain, doubted], worse) == pytest.approx(told([leads], worse), abs=1e-3)


def test_predictors_without_leave_one_out_densities_get_equal_weights() -> None:
    quick = PredictorConfig(kind="ensemble", members=2, width=8, steps=10, target="score")
    ensemble = Hypothesis((quick,))
    joined, each, other = (
        merits(Surrogate(hypotheses, 0), 30) for hypotheses in ([PLAIN, ensemble], [PLAIN], [ensemble])
    )
    assert joined == pytest.approx((each + other) / 2, abs=1e-6)


def test_a_hypothesis_that_does_not_believe_pseudo_observations_ignores_them() -> None:
    odd = Known(PLACES[:30], np.concatenate([[[-9.0]], VALUES[1:30]]), pseudo=1)
    sober = Hypothesis((CONFIG,), pseudo_observations=False)
    found = Surrogate([sober], 0).merits(odd, [CANDIDATES], np.random.default_rng(0))
    expected = Surrogate([PLAIN], 0).merits(Known(PLACES[1:30], VALUES[1:30]), [CANDIDATES], np.random.default_rng(0))
    assert found == pytest.approx(expected)


def test_of_merits_that_rounding_alone_tells_apart_the_first_leads() -> None:
    assert leading(np.array([0.2, 1.5, 1.5 + 1e-7, 0.3])) == 1
    assert leading(np.array([0.2, 1.5, 1.501, 0.3])) == 2
    assert leading(np.array([-np.inf, -3.0, -np.inf])) == 1
    assert leading(np.array([0.0, np.inf])) == 1
