"""Curves behind reports: against brute force on small pools, and the laws of running maxima and volumes."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import InvalidInput
from archllm.reporting.curves import (
    Corners,
    best_so_far,
    corners,
    random_best,
    random_volume,
    spread,
    volume_so_far,
)
from archllm.reporting.figures import canvas, save
from archllm.searchers.pareto import hypervolume

NAN = float("nan")
POOL = np.array([3.0, 1.0, 4.0, 1.0, 5.0])


def all_orders() -> np.ndarray:
    return np.array([np.maximum.accumulate(POOL[list(order)]) for order in permutations(range(len(POOL)))])


def test_the_expectation_of_random_search_is_the_mean_over_all_orders():
    assert np.allclose(random_best(POOL, 5).mean, all_orders().mean(0))


def test_its_quartiles_are_values_that_a_quarter_of_the_orders_stay_at_or_below():
    found, orders = random_best(POOL, 5), all_orders()
    for share, curve in ((0.25, found.low), (0.75, found.high)):
        assert ((orders <= curve).mean(0) >= share - 1e-9).all()
        assert ((orders < curve).mean(0) < share + 1e-9).all()


def test_random_search_ends_with_the_pool_and_has_then_found_its_best():
    found = random_best(POOL, 50)
    assert len(found.mean) == 5
    assert found.mean[-1] == pytest.approx(5.0) and found.low[-1] == found.high[-1] == 5.0


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60))
def test_one_draw_is_the_mean_of_the_pool_and_more_draws_are_never_worse(values):
    mean = random_best(np.array(values), len(values)).mean
    assert mean[0] == pytest.approx(np.mean(values), abs=1e-6)
    assert (np.diff(mean) >= -1e-9).all()


def test_a_failed_evaluation_changes_no_incumbent():
    assert np.array_equal(best_so_far([NAN, 1.0, NAN, 0.0, 2.0]), [NAN, 1.0, 1.0, 1.0, 2.0], equal_nan=True)


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_volume_after_each_point_is_that_of_the_points_until_then(objectives):
    points = np.random.default_rng(0).normal(size=(12, objectives))
    points[3] = NAN
    box = corners(points)
    worst, best = np.array(box.worst), np.array(box.best)
    scaled = (points - worst) / (best - worst)
    expected = [hypervolume(scaled[: n + 1][~np.isnan(scaled[: n + 1]).any(1)], [0.0] * objectives) for n in range(12)]
    assert np.allclose(volume_so_far(points, box), expected)


def test_the_ideal_point_fills_the_box_whatever_the_units():
    box = Corners((80.0, -2e6), (95.0, -1e5))
    assert volume_so_far(np.array([[80.0, -1e5], [95.0, -1e5]]), box).tolist() == [0.0, 1.0]


def test_an_objective_on_which_all_agree_counts_for_nothing():
    points = np.array([[1.0, 7.0], [3.0, 7.0], [2.0, 7.0]])
    assert volume_so_far(points, corners(points)).tolist() == [0.0, 1.0, 1.0]
    assert volume_so_far(points[:1], corners(points[:1])).tolist() == [0.0]


def test_there_are_no_corners_without_points():
    with pytest.raises(InvalidInput):
        corners(np.full((3, 2), NAN))


def test_a_curve_that_ends_early_stays_where_it_was():
    found = spread([np.array([1.0]), np.array([1.0, 3.0])])
    assert found.mean.tolist() == [1.0, 2.0] and found.low.tolist() == [1.0, 1.5]


def test_there_is_no_mean_before_every_curve_has_begun():
    assert np.isnan(spread([np.array([NAN, 1.0]), np.array([2.0, 2.0])]).mean).tolist() == [True, False]


def test_simulated_random_search_ends_with_the_volume_of_the_whole_pool():
    points = np.random.default_rng(1).normal(size=(20, 2))
    box = corners(points)
    found = random_volume(points, box, 99, np.random.default_rng(0))
    assert len(found.mean) == 20 and (np.diff(found.mean) >= 0).all()
    assert found.mean[-1] == pytest.approx(volume_so_far(points, box)[-1])
    again = random_volume(points, box, 99, np.random.default_rng(0))
    assert np.array_equal(found.mean, again.mean)


def test_the_same_figure_gives_the_same_file(tmp_path):
    pytest.importorskip("matplotlib")
    files = []
    for name in ("one.svg", "other.svg"):
        figure, axes = canvas(1)
        axes.bar([1, 2], [3, 4], clip_on=True)
        files.append(save(figure, tmp_path / name).read_bytes())
    assert files[0] == files[1]


def test_volumes_of_many_points_are_those_of_one_after_the_other():
    rng = np.random.default_rng(0)
    points = rng.random((700, 2)) * np.linspace(0.2, 1.0, 700)[:, None]
    points[::50] = np.nan
    box = corners(points)
    found = volume_so_far(points, box)
    scaled = (points - box.worst) / (np.array(box.best) - box.worst)
    for count in (1, 256, 257, 512, 700):
        part = scaled[:count][~np.isnan(scaled[:count]).any(1)]
        assert found[count - 1] == pytest.approx(hypervolume(part, np.zeros(2)) if len(part) else 0.0)
