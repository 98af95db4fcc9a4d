"""What a searcher is told: scores with more being better, and nothing about test data."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest

from archllm.errors import InvalidInput
from archllm.objectives.base import Evaluation
from archllm.searchers.observation import Observation, observe
from archllm.spaces import SearchSpace

UP: Any = SimpleNamespace(direction="maximise")
DOWN: Any = SimpleNamespace(direction="minimise")


def test_more_is_better_whatever_the_objective(nasbench201: SearchSpace) -> None:
    arch = nasbench201.parse("3")
    told = observe([Evaluation(arch, 91.0, cost=2.0), Evaluation(arch, 5.0, cost=0.5)], [UP, DOWN])
    assert told == Observation(arch, (91.0, -5.0), 2.5)


def test_one_failure_fails_the_whole(nasbench201: SearchSpace) -> None:
    arch = nasbench201.parse("3")
    evaluations = [Evaluation(arch, 91.0, cost=2.0), Evaluation(arch, None, cost=1.0, failure="too large")]
    assert observe(evaluations, [UP, DOWN]) == Observation(arch, None, 3.0)


def test_test_scores_stay_behind(nasbench201: SearchSpace) -> None:
    told = observe([Evaluation(nasbench201.parse("3"), 91.0, {"loss": 1.0}, {"test": 94.37})], [UP])
    assert [field.name for field in fields(told)] == ["architecture", "values", "cost", "bought"]
    assert not told.bought and "94.37" not in repr(told)


def test_evaluations_that_do_not_belong_together_are_refused(nasbench201: SearchSpace) -> None:
    one, two = (Evaluation(nasbench201.parse(text), 1.0) for text in "12")
    for evaluations, objectives in (([], []), ([one], [UP, UP])):
        with pytest.raises(InvalidInput, match="one evaluation per objective"):
            observe(evaluations, objectives)
    with pytest.raises(InvalidInput, match="one architecture"):
        observe([one, two], [UP, UP])
