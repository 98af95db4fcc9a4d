"""The one record of an evaluation: joined over objectives, and as a searcher is told it."""

from __future__ import annotations

import pytest

from archllm.errors import InvalidInput
from archllm.objectives.evaluation import Evaluation, LowerFidelity, combined, for_searcher, sign, without_cost

UP, DOWN = "maximise", "minimise"


def test_a_number_is_one_value() -> None:
    assert Evaluation(0.5) == Evaluation((0.5,)) == Evaluation([0.5])
    assert Evaluation(0.5).value == 0.5 and Evaluation(None).value is None


def test_more_is_better_for_a_searcher_whatever_the_objective() -> None:
    told = for_searcher(Evaluation((91.0, 5.0), cost=2.5), [UP, DOWN])
    assert told == Evaluation((91.0, -5.0), cost=2.5)


def test_test_figures_stay_behind() -> None:
    found = combined(["a", "b"], [Evaluation(91.0, {"loss": 1.0}, {"test": 94.37}), Evaluation(2.0, test={"x": 94.37})])
    told = for_searcher(found, [UP, UP])
    assert told.test == {} and "94.37" not in repr(told) and told.metrics == {"loss": 1.0}


def test_one_failure_fails_the_whole_and_keeps_what_was_found_before() -> None:
    evaluations = [Evaluation(91.0, cost=2.0), Evaluation(None, cost=1.0, failure="too large")]
    found = combined(["train:digits", "params"], evaluations)
    assert found == Evaluation(None, {"train:digits": 91.0}, cost=3.0, failure="params: too large")
    assert for_searcher(found, [UP, DOWN]).values is None


def test_metrics_and_curves_of_one_name_are_told_apart_by_their_objective() -> None:
    one = Evaluation(1.0, {"size": 3.0}, curves={"loss": (2.0, 1.0)})
    two = Evaluation(2.0, {"size": 4.0, "own": 5.0}, curves={"loss": (3.0,)})
    found = combined(["a", "b"], [one, two])
    assert found.metrics == {"a size": 3.0, "b size": 4.0, "own": 5.0}
    assert found.curves == {"a loss": (2.0, 1.0), "b loss": (3.0,)}


def test_lower_fidelity_evaluations_add_their_cost_where_it_is_recorded() -> None:
    lower = (LowerFidelity(1, "a", 0.5, 4.0), LowerFidelity(2, "b", None, None), LowerFidelity(3, "b", 0.1, None))
    assert Evaluation(1.0, cost=10.0, lower_fidelity=lower).total_cost == 14.0
    assert without_cost(lower) == ("b",)


def test_a_direction_is_one_of_two() -> None:
    assert sign(UP) == 1.0 and sign(DOWN) == -1.0
    with pytest.raises(InvalidInput, match="maximise or minimise, got 'down'"):
        sign("down")
