"""What a report shows of a search: whose random search it is compared with, and never with one that was made up."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.objectives.evaluation import Evaluation
from archllm.reporting.searching import Population, collect, in_order
from archllm.study.result import Result
from archllm.study.store import Study, Trial

POPULATION = Population(np.array([[1.0], [2.0], [3.0]]), "all")


def trials(*values: tuple[float, ...] | None) -> tuple[Trial, ...]:
    states = ["failed" if each is None else "complete" for each in values]
    return tuple(
        Trial(number, f"cell {number}", number, state, Evaluation(each), place=number + 1)  # type: ignore[arg-type]
        for number, (state, each) in enumerate(zip(states, values, strict=True))
    )


def searched(*values: tuple[float, ...] | None, directions: tuple[str, ...] = ("maximise",)) -> Result:
    study = Study("s", "nasbench201", tuple(f"goal {k}" for k in range(len(directions))), directions, "gp", 0)
    done = trials(*values)
    best = next((trial for trial in done if trial.values), None)
    return Result(study, done, best, (best,) if best else (), 0.0)


def test_random_search_on_a_known_pool_is_its_expectation():
    data = collect(searched((1.0,), (3.0,)), POPULATION)
    assert data.random is not None and data.random.spread.mean.tolist() == pytest.approx([2.0, 8 / 3])
    assert "exact expectation for draws among 3 architectures" in data.random.how
    assert data.optimum == 3.0 and data.curve.tolist() == [1.0, 3.0]


def test_where_less_is_better_everything_is_turned_and_shown_as_it_is():
    goodness = Population(-POPULATION.values, "all")
    data = collect(searched((3.0,), (1.0,), directions=("minimise",)), goodness)
    assert data.curve.tolist() == [3.0, 1.0] and data.optimum == 1.0
    drawn = data.random.spread
    assert drawn.mean.tolist() == pytest.approx([2.0, 4 / 3]) and (drawn.low <= drawn.high).all()


def test_without_a_pool_a_random_search_of_the_store_stands_in():
    data = collect(searched((1.0,), (3.0,)), None, [("random-7", trials((2.0,), (2.5,)))])
    assert data.random.how == "as in random-7 of the same store"
    assert data.random.spread.mean.tolist() == [2.0, 2.5] and data.optimum is None


def test_without_either_there_is_no_random_search():
    assert collect(searched((1.0,), (3.0,))).random is None
    assert collect(searched((1.0,)), None, [("random-0", ())]).random is None


def test_several_objectives_are_measured_by_the_volume_in_the_box_of_all_points():
    both = ("maximise", "minimise")
    pool = Population(np.array([[0.0, -4.0], [2.0, 0.0]]), "all")
    data = collect(searched((0.0, 4.0), (1.0, 2.0), directions=both), pool)
    assert data.measures_volume and data.curve.tolist() == [0.0, 0.25]
    assert data.box.worst == (0.0, -4.0) and data.box.best == (2.0, 0.0)
    assert data.optimum is None and "200 simulated searches" in data.random.how


def test_of_more_than_three_objectives_the_first_is_followed():
    data = collect(searched((1.0,) * 4, (2.0,) * 4, directions=("maximise",) * 4))
    assert not data.measures_volume and data.curve.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("directions", [("maximise",), ("maximise", "minimise")])
def test_a_search_of_which_everything_failed_has_a_curve_without_values(directions):
    data = collect(searched(None, None, directions=directions))
    assert data.failed == 2 and not np.nan_to_num(data.curve).any()


def test_trials_stand_in_the_order_in_which_they_were_over():
    first, second = trials((1.0,), (2.0,))
    late = Trial(2, "cell", 2, "running")
    assert in_order([second, late, first]) == (first, second)
