"""Figures on batches made by hand, and ceilings against draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import InvalidInput
from archllm.generation.metrics import NAMES, Metric, Tally, expected_distinct, expected_metrics, summarise
from archllm.graphs import Graphs, concatenate
from archllm.spaces import SearchSpace, load_space

NOTHING = np.zeros(0, dtype=np.int64)


def broken(graphs: Graphs) -> Graphs:
    """The same with an edge too many: no members, which only the strict rule sees."""
    adjacency = graphs.adjacency.copy()
    adjacency[:, 7, 0] = True
    return Graphs(graphs.ops, adjacency)


def test_figures_of_a_batch_counted_by_hand(nasbench201: SearchSpace) -> None:
    cells = nasbench201.enumerate()
    # Ten draws: 7 members, of which 4 different, of which 1 for training; 3 broken ones.
    draws = concatenate([cells[[5, 5, 5, 6, 6, 7, 8]], broken(cells[[9, 9, 10]])])
    cycle = np.array([True] * 6 + [False] * 4)
    training = np.sort(nasbench201.keys(cells[[7, 100, 200]]))
    figures = Tally(nasbench201, training).add(draws, cycle).metrics()
    assert figures.pop("unique_classes") <= 0.4
    assert figures == {
        "valid": pytest.approx(0.7),
        "valid_loose": pytest.approx(1.0),
        "unique": pytest.approx(4 / 7),
        "valid_unique": pytest.approx(0.4),
        "novel": pytest.approx(0.75),
        "cycle": pytest.approx(0.6),
    }


def test_cells_that_compute_the_same_are_one_class(nasbench201: SearchSpace) -> None:
    texts = (  # without a path to the output, whatever else there is
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_1x1~2|",
        "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|",
    )
    draws = concatenate([nasbench201.parse(text).graph for text in texts])
    figures = Tally(nasbench201, NOTHING).add(draws, None).metrics()
    assert figures["unique"] == 1.0 and figures["unique_classes"] < 1.0
    assert "cycle" not in figures


def test_nothing_valid_gives_zeros_and_no_crash(nasbench201: SearchSpace) -> None:
    figures = Tally(nasbench201, NOTHING).add(broken(nasbench201.enumerate()[:5]), np.zeros(5, np.bool_)).metrics()
    assert figures["valid_loose"] == 1.0
    assert {name for name, value in figures.items() if value == 0.0} == set(figures) - {"valid_loose"}


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
def test_every_figure_has_a_ceiling_and_a_place(name: str, request: pytest.FixtureRequest) -> None:
    space: SearchSpace = request.getfixturevalue(name)
    draws = space.sample(20, np.random.default_rng(0))
    figures = Tally(space, NOTHING).add(draws, np.ones(20, np.bool_)).metrics()
    assert list(figures) == [each for each in NAMES if each in figures]
    assert figures["valid"] == 1.0 and set(figures) <= set(expected_metrics(space, 20, 10))


@pytest.mark.parametrize(
    ("size", "n", "share"), [(15_625, 1_000, 0.969), (15_625, 10_000, 0.739), (423_624, 10_000, 0.988)]
)
def test_the_ceilings_that_the_literature_is_compared_with(size: int, n: int, share: float) -> None:
    assert expected_distinct(size, n) / n == pytest.approx(share, abs=5e-4)


@given(size=st.integers(2, 8), n=st.integers(1, 5))
def test_distinct_members_are_expected_as_counted_over_all_draws(size: int, n: int) -> None:
    every = np.stack(np.meshgrid(*[np.arange(size)] * n), -1).reshape(-1, n)
    mean = np.mean([len(set(row)) for row in every.tolist()])
    assert expected_distinct(size, n) == pytest.approx(mean)


@given(size=st.integers(2, 10**18), n=st.integers(1, 10**6))
def test_distinct_members_are_at_most_all_draws_and_all_members(size: int, n: int) -> None:
    assert 1 - 1e-6 <= expected_distinct(size, n) <= min(size, n) * (1 + 1e-9)


def test_uniform_draws_reach_the_ceilings_on_average(nasbench201: SearchSpace) -> None:
    n, repeats, cells = 400, 300, nasbench201.enumerate()
    training = np.sort(nasbench201.keys(cells[:5000]))
    rng = np.random.default_rng(0)
    found = [
        Tally(nasbench201, training).add(cells[rng.integers(len(cells), size=n)], np.ones(n, np.bool_)).metrics()
        for _ in range(repeats)
    ]
    for name, ceiling in expected_metrics(nasbench201, n, 5000).items():
        values = np.array([figures[name] for figures in found])
        error = max(values.std() / np.sqrt(repeats), 1e-12)
        assert abs(values.mean() - ceiling) < 4 * error, name
        if name not in ("valid", "valid_loose", "cycle"):
            assert error < 0.002  # tight enough to tell


def test_the_class_ceiling_for_very_many_draws_is_the_number_of_classes(nasbench201: SearchSpace) -> None:
    n = 10**9
    assert expected_metrics(nasbench201, n, 0)["unique_classes"] * n == pytest.approx(6_466)


def test_a_summary_has_the_mean_and_the_sample_deviation() -> None:
    runs = [{"valid": value} for value in (0.2, 0.4, 0.9)]
    summary = summarise(runs, {"valid": 1.0, "cycle": 1.0})
    assert summary == {"valid": Metric(pytest.approx(0.5), pytest.approx(np.sqrt(0.13)), 1.0)}
    assert summarise(runs[:1], {"valid": 1.0}) == {"valid": Metric(0.2, 0.0, 1.0)}


def test_a_summary_of_no_run_is_refused() -> None:
    with pytest.raises(InvalidInput, match="seed"):
        summarise([], {})


def test_the_ceiling_of_uniqueness_goes_by_the_valid_draws() -> None:
    space = load_space("nasbench201")
    assert expected_metrics(space, 10_000, 0, valid=0.1)["unique"] == expected_metrics(space, 1_000, 0)["unique"]
