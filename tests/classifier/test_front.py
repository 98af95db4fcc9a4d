"""Which members of a search are measured for the front of accuracy against latency."""

from __future__ import annotations

from archllm.classifier.front import MOST, worth_measuring
from archllm.objectives.evaluation import Evaluation
from archllm.study.result import Result
from archllm.study.store import Study, Trial

STUDY = Study("mine", "nasbench201", ("train:photos",), ("maximise",), "random", 0)


def trial(number: int, accuracy: float, params: float, macs: float) -> Trial:
    evaluation = Evaluation(accuracy, {"params": params, "macs": macs})
    return Trial(number, f"t{number}", number, "complete", evaluation, place=number + 1)


def test_both_fronts_come_first_and_then_the_most_accurate() -> None:
    trials = (
        trial(0, 50.0, 10, 100),  # smallest
        trial(1, 60.0, 30, 90),  # fewest multiply-accumulates
        trial(2, 70.0, 40, 200),  # most accurate
        trial(3, 55.0, 50, 300),
        trial(4, 65.0, 60, 300),
    )
    found = worth_measuring(Result.of(STUDY, trials), first=("t3",))
    assert found == ["t3", "t2", "t1", "t0", "t4"]


def test_failed_trials_are_left_out_and_no_more_than_some_are_measured() -> None:
    failed = Trial(99, "failed", 99, "failed", Evaluation(None, failure="too large"), place=100)
    many = (*(trial(number, 50 + number / 100, 10, 10) for number in range(60)), failed)
    found = worth_measuring(Result.of(STUDY, many))
    assert len(found) == MOST and found[0] == "t59" and "failed" not in found
    assert worth_measuring(Result.of(STUDY, (failed,))) == []
