"""Which networks of a search are trained longer, and which of them fully."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from archllm.classifier.config import FitRequest
from archllm.classifier.folder import FitFolder
from archllm.classifier.plan import ENTRANTS, FINALISTS, Plan, entrants_in
from archllm.classifier.rounds import Rounds, promising
from archllm.classifier.scale import Scale
from archllm.classifier.timetable import Timetable
from archllm.errors import EvaluationFailed
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.train import TrainObjective
from archllm.spaces import load_space
from archllm.study.result import Result
from archllm.study.store import Study, Trial

STUDY = Study("mine", "nasbench201", ("train:digits",), ("maximise",), "random", 0)
SPACE = load_space("nasbench201")


def trial(number: int, text: str, accuracy: float, macs: float) -> Trial:
    return Trial(number, text, number, "complete", Evaluation(accuracy, {"macs": macs}), place=number + 1)


def test_a_network_that_is_smaller_and_less_accurate_than_another_one_comes_last() -> None:
    some = [trial(0, "a", 60, 10), trial(1, "b", 59, 30), trial(2, "c", 58, 20), trial(3, "d", 50, 90)]
    failed = Trial(4, "e", 4, "failed", Evaluation(None, failure="too large"), place=5)
    assert [each.text for each in promising([*some, failed])] == ["a", "b", "d", "c"]
    assert promising([failed]) == []


def test_a_longer_training_is_one_that_tells_more() -> None:
    assert entrants_in(240, 4, 1) == ENTRANTS
    assert entrants_in(60, 10, 1) == 1  # four of them would have no more than in the search
    assert entrants_in(1e6, 1, FINALISTS) == FINALISTS  # where there is time for all


class Clock:
    """Every look at it takes a second."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


OBJECTIVE = TrainObjective(SPACE, "digits", CandidateTraining(image_size=8, most_images=64, network={"channels": 4}), 0)

Fixture = Callable[..., Rounds]


@pytest.fixture
def rounds(tmp_path: Path) -> Fixture:
    def made(said: list[str], resume: bool = False, latency: str | None = None, **decided: int) -> Rounds:
        request = FitRequest(data="digits", minutes=5, max_latency=latency)
        folder = (FitFolder.resume if resume else FitFolder.begin)(tmp_path / "run", request)
        plan = Plan(Scale(8, {}, 1e3), 5.0, method="random", export=0.0, **decided)

        def tell(phase: str, begins: float, ends: float, figures: Mapping[str, float]) -> None:
            said.append(phase)

        return Rounds(request, folder, Timetable(300.0, clock=Clock()), OBJECTIVE, plan, said.append, tell)

    return made


def trials(count: int) -> Result:
    archs = SPACE.architectures(SPACE.sample(count, np.random.default_rng(1)))
    return Result.of(STUDY, tuple(trial(at, arch.text, 50.0 + at, 100.0) for at, arch in enumerate(archs)))


def test_the_best_of_a_longer_training_is_trained_fully(rounds: Fixture) -> None:
    said: list[str] = []
    found = rounds(said, finalists=1, entrants=3).run(trials(5))
    texts = [each.text for each in reversed(trials(5).trials)]
    assert {each.arch.text for each in found.longer} == set(texts[:3])
    (best,) = found.fully
    accuracies = [each.trained.accuracy for each in found.longer]
    assert accuracies == sorted(accuracies, reverse=True)
    assert best.arch == found.longer[0].arch
    assert best.trained.images > 2 * max(each.trained.images for each in found.longer)
    assert sum("entrant" in line for line in said) == 3 and "training" in said

    again = rounds([], resume=True, finalists=1, entrants=3).run(trials(5))  # all of it is taken from checkpoints
    assert [each.trained.curve[-1][1] for each in again.longer] == accuracies
    assert again.fully[0].trained.images == best.trained.images


def test_without_a_longer_training_the_first_are_trained_fully(rounds: Fixture) -> None:
    found = rounds([], finalists=2, entrants=2).run(trials(4))
    assert not found.longer and {each.arch.text for each in found.fully} == {each.text for each in trials(4).trials[2:]}


def test_only_networks_that_were_measured_to_keep_to_the_limit_are_trained(
    rounds: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = trials(12)
    fast = {each.text for each in some.trials[:3]}
    monkeypatch.setattr(Rounds, "_measured", lambda self, archs: [1.0 if arch.text in fast else 3.0 for arch in archs])
    found = rounds([], latency="2ms", finalists=1, entrants=2).run(some)
    assert {each.arch.text for each in found.longer} == {each.text for each in some.trials[1:3]}


def test_where_none_keeps_to_the_limit_the_fastest_is_told(rounds: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rounds, "_measured", lambda self, archs: [3.0] * len(archs))
    with pytest.raises(EvaluationFailed, match=r"none of the 12 networks .* the fastest takes 3 ms"):
        rounds([], latency="2ms", finalists=1, entrants=2).run(trials(12))
