"""Dominance and hypervolume agree with their definitions, counted out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import InvalidInput
from archllm.searchers.pareto import (
    added_volume,
    best_first,
    crowding,
    hypervolume,
    non_dominated,
    random_weights,
    ranks,
    scalarised,
)

SIDE = 5


def points(objectives: int) -> st.SearchStrategy[list[tuple[int, ...]]]:
    return st.lists(st.tuples(*[st.integers(0, SIDE)] * objectives), min_size=1, max_size=12)


ANY = st.integers(1, 4).flatmap(points)


def dominates(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return all(a >= b for a, b in zip(left, right, strict=True)) and left != right


@given(ANY)
def test_the_front_is_what_no_point_dominates(found: list[tuple[int, ...]]) -> None:
    expected = [not any(dominates(other, point) for other in found) for point in found]
    assert non_dominated(found).tolist() == expected


@given(ANY)
def test_a_rank_is_the_number_of_fronts_that_were_taken_off(found: list[tuple[int, ...]]) -> None:
    rank = ranks(found)
    for at, point in enumerate(found):
        above = [rank[other] for other in range(len(found)) if dominates(found[other], point)]
        assert rank[at] == (1 + max(above) if above else 0)


@given(st.integers(1, 3).flatmap(points))
def test_the_hypervolume_counts_the_unit_cubes_below_the_points(found: list[tuple[int, ...]]) -> None:
    corners = product(range(SIDE), repeat=len(found[0]))  # of cubes from the corner up by one
    count = sum(any(all(p > c for p, c in zip(point, cube, strict=True)) for point in found) for cube in corners)
    assert hypervolume(found, [0] * len(found[0])) == pytest.approx(count)


def test_the_hypervolume_is_measured_from_the_reference_point() -> None:
    assert hypervolume([[3.0, 5.0], [4.0, 2.0], [0.5, 9.0]], [1.0, 1.0]) == pytest.approx(2 * 4 + 1 * 1)
    assert hypervolume([[1.0, 5.0]], [1.0, 1.0]) == 0 and hypervolume(np.zeros((0, 2)), [0, 0]) == 0


def test_crowding_is_infinite_at_the_ends_and_smallest_in_the_thick() -> None:
    distance = crowding([[0, 4], [1, 3], [1.2, 2.8], [4, 0]])
    assert np.isinf(distance[[0, 3]]).all()
    assert distance[1] == pytest.approx(1.2 / 4 + 1.2 / 4) and distance[2] == pytest.approx(3 / 4 + 3 / 4)


def test_the_best_first_are_the_front_and_the_lonely() -> None:
    assert best_first([[1.0], [3.0], [2.0]]).tolist() == [1, 2, 0]
    order = best_first([[0, 0], [1, 3], [1.2, 2.8], [4, 0.5], [0, 4]]).tolist()
    assert order[-1] == 0 and set(order[:2]) == {3, 4} and order[2:4] == [2, 1]


@given(ANY, st.integers(0, 1000))
def test_the_best_scalarised_point_is_on_the_front(found: list[tuple[int, ...]], seed: int) -> None:
    weights = random_weights(len(found[0]), np.random.default_rng(seed))
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()
    assert non_dominated(found)[scalarised(found, np.maximum(weights, 1e-3)).argmax()]


def test_what_is_no_set_of_points_is_refused() -> None:
    for wrong in ([1.0, 2.0], [[]], [[1.0, np.nan]]):
        with pytest.raises(InvalidInput, match=r"point"):
            non_dominated(wrong)
    with pytest.raises(InvalidInput, match="reference needs 2"):
        hypervolume([[1.0, 2.0]], [0.0])
    with pytest.raises(InvalidInput, match="one to three"):
        hypervolume([[1.0] * 4], [0.0] * 4)
    with pytest.raises(InvalidInput, match="finite"):
        hypervolume([[np.inf, 1.0]], [0.0, 0.0])


def test_added_volumes_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    reached, points = rng.random((6, 2)), rng.random((40, 2))
    front = reached[non_dominated(reached)]
    corner = front.min(0) - 0.1 * np.ptp(front, axis=0)
    before = hypervolume(reached, corner)
    exact = [hypervolume([*reached, point], corner) / before - 1 for point in points]
    estimated = np.mean([added_volume(points, reached, np.random.default_rng(seed)) for seed in range(20)], axis=0)
    assert estimated == pytest.approx(exact, abs=0.02)
    assert estimated.argmax() == np.argmax(exact)


def test_a_front_of_one_point_has_a_corner_all_the_same() -> None:
    for reached in ([(1.0, 1.0)], [(1.0, 1.0), (0.0, 0.5)]):
        added = added_volume([(1.05, 1.05), (1.0, 1.2), (0.9, 0.9)], reached, np.random.default_rng(0))
        assert added[0] > 0 and added[1] > 0 and added[2] == 0


@given(points(3))
def test_what_is_dominated_adds_no_volume(found: list[tuple[int, ...]]) -> None:
    added = added_volume(found, [(SIDE, SIDE, SIDE), (0, 0, 0)], np.random.default_rng(0))
    assert added == pytest.approx(np.zeros(len(found)))
