"""What is measured of searches obeys the laws of ranks and tests, and agrees with counting by hand."""

from __future__ import annotations

import numpy as np
from benchmarks.pages.search_measure import against, curves, mean_ranks, permutation_test, queries_within, regret

RUN = {"queries": 60, "seconds": 1.0, "incumbents": [[1, 80.0, None], [7, 90.9, None], [40, 91.0, None]]}


def test_a_regret_is_that_of_the_incumbent_in_points() -> None:
    assert regret(RUN, 6, 91.0, 1.0) == 11.0 and regret(RUN, 100, 91.0, 1.0) == 0.0
    assert round(regret(RUN, 7, 91.0, 100.0), 6) == 10.0


def test_queries_count_until_a_search_is_near_enough() -> None:
    assert queries_within(RUN, 0.2, 91.0, 1.0, 100) == (7, True)
    assert queries_within(RUN, 0.0, 91.0, 1.0, 100) == (40, True)
    assert queries_within(RUN, 0.2, 92.0, 1.0, 100) == (100, False)
    assert queries_within(RUN, 0.2, 91.0, 100.0, 60) == (40, True)


def test_mean_ranks_add_up_and_lie_in_their_intervals() -> None:
    rng = np.random.default_rng(0)
    tasks = [[rng.random(6) + method for method in range(3)] for _ in range(5)]
    mean, low, high = mean_ranks(tasks)
    assert mean.tolist() == [1.0, 2.0, 3.0] == low.tolist() == high.tolist()
    alike = [[rng.random(6) for _ in range(3)] for _ in range(5)]
    mean, low, high = mean_ranks(alike)
    assert round(mean.sum(), 9) == 6.0 and (low < mean).all() and (mean < high).all()
    same = [[each[0]] * 3 for each in alike]
    assert mean_ranks(same)[0].tolist() == [2.0, 2.0, 2.0]


def test_a_permutation_test_knows_what_differs() -> None:
    rng = np.random.default_rng(1)
    left = rng.normal(size=20)
    assert permutation_test(left, left) == 1.0
    assert permutation_test(left, left + 3) < 1e-3
    assert permutation_test(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 2 / 6  # by hand: 2 of 6 groupings
    told = [permutation_test(rng.normal(size=8), rng.normal(size=8)) for _ in range(20)]
    assert 0.2 < np.mean(told) < 0.8  # uniform where nothing differs


def test_tasks_are_counted_as_better_level_and_worse() -> None:
    rng = np.random.default_rng(2)
    base = [rng.normal(size=12) for _ in range(3)]
    other = [base[0] + 9, base[1], base[2] - 9]
    assert against(base, other) == (1, 1, 1) and against(base, base) == (0, 3, 0)


def test_curves_never_rise() -> None:
    lines = [line.split(",") for line in curves({("t", "m"): ([RUN, RUN], 91.0, 1.0)}).splitlines()[1:]]
    means = [float(line[4]) for line in lines]
    assert means == sorted(means, reverse=True) and means[-1] == 0.0
