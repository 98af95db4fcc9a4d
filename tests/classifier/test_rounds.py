"""Which networks of a search are trained longer, and which of them fully."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archllm.classifier import rounds as rounds_module
from archllm.classifier.config import FitRequest
from archllm.classifier.folder import FitFolder
from archllm.classifier.plan import ENTRANTS, FINALISTS, SHARES, Plan, rounds_in
from archllm.classifier.rounds import Rounds, promising
from archllm.classifier.scale import Scale
from archllm.classifier.timetable import Timetable
from archllm.errors import EvaluationFailed, RunFolderError
from archllm.networks.latency import Timing
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.fitting import Training
from archllm.objectives.train import TrainObjective
from archllm.spaces import Architecture, load_space
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
    assert [each.text for each in promising([*some, failed], catching_up=False)] == ["a", "b", "c", "d"]
    assert promising([failed]) == []


def test_a_network_that_is_far_behind_does_not_go_on_for_its_size() -> None:
    some = [trial(0, "a", 80, 10), trial(1, "b", 79.9, 9), trial(2, "c", 20, 50), trial(3, "d", 19, 60)]
    assert [each.text for each in promising(some)] == ["a", "b", "c", "d"]


@given(st.floats(1, 1e5), st.floats(0.1, 100), st.integers(1, FINALISTS))
def test_every_round_trains_fewer_networks_for_longer(seconds: float, short: float, finalists: int) -> None:
    rounds = rounds_in(seconds, short, finalists)
    shares = SHARES[len(rounds)]
    assert rounds[-1] == finalists and rounds[0] <= ENTRANTS and sum(shares) == pytest.approx(1)
    each = [share * seconds / count for count, share in zip(rounds, shares, strict=True)]
    assert list(rounds) == sorted(set(rounds), reverse=True) and each == sorted(each)
    assert len(rounds) == 1 or each[0] >= short


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
    def made(
        said: list[str], resume: bool = False, latency: str | None = None, favourite: str | None = None, **decided: Any
    ) -> Rounds:
        request = FitRequest(data="digits", minutes=5, max_latency=latency)
        folder = (FitFolder.resume if resume else FitFolder.begin)(tmp_path / "run", request)
        folder.note(favourite=favourite)
        plan = Plan(Scale(8, {}, 1e3), 5.0, method="random", export=0.0, **decided)

        def tell(phase: str, begins: float, ends: float, figures: Mapping[str, float]) -> None:
            said.append(phase)

        return Rounds(request, folder, Timetable(300.0, clock=Clock()), OBJECTIVE, plan, said.append, tell)

    made.folder = tmp_path / "run"  # type: ignore[attr-defined]
    return made


def trials(count: int) -> Result:
    archs = SPACE.architectures(SPACE.sample(count, np.random.default_rng(1)))
    return Result.of(STUDY, tuple(trial(at, arch.text, 50.0 + at, 100.0) for at, arch in enumerate(archs)))


def test_the_better_half_goes_on_and_the_best_to_the_end(rounds: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, bool]] = []
    training = TrainObjective.training

    def noted(
        self: TrainObjective, arch: Architecture, network: torch.nn.Module | None = None, earlier: int = 0
    ) -> Training:
        found = training(self, arch, network, earlier)
        assert (earlier > 0) == (network is not None)
        begun.append((arch.text, network is not None))
        if network is not None:
            pairs = zip(found.network.parameters(), network.parameters(), strict=True)
            assert all(torch.equal(own, other) for own, other in pairs)
        return found

    monkeypatch.setattr(TrainObjective, "training", noted)
    said: list[str] = []
    found = rounds(said, rounds=(4, 2, 1)).run(trials(6))
    texts = [each.text for each in reversed(trials(6).trials)]
    assert [text for text, _ in begun[:4]] == texts[:4] and not any(again for _, again in begun[:4])
    times = [seconds for seconds, _ in found.fully[0].trained.curve]
    assert times == sorted(times)  # the curve is that of all rounds
    assert len(begun) == 7 and all(again for _, again in begun[4:]) and begun[6] in begun[4:6]
    (best,) = found.fully
    assert best.arch.text == begun[6][0] and len(found.earlier) == 3
    assert {each.arch.text for each in found.earlier} | {best.arch.text} == set(texts[:4])
    accuracies = [each.trained.accuracy for each in found.earlier]
    assert accuracies == sorted(accuracies, reverse=True)
    assert best.trained.images > 2 * max(each.trained.images for each in found.earlier)
    assert sum("round 1 of 3" in line for line in said) == 4 and sum("round 3 of 3" in line for line in said) == 1

    again = rounds([], resume=True, rounds=(4, 2, 1)).run(trials(6))  # all of it is taken from checkpoints
    assert [each.trained.accuracy for each in again.earlier] == accuracies
    assert again.fully[0].trained.images == best.trained.images


def test_the_favourite_goes_on_to_the_last_comparison(rounds: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    training = TrainObjective.training

    def noted(
        self: TrainObjective, arch: Architecture, network: torch.nn.Module | None = None, earlier: int = 0
    ) -> Training:
        begun.append(arch.text)
        return training(self, arch, network, earlier)

    monkeypatch.setattr(TrainObjective, "training", noted)
    worst = trials(6).trials[0].text
    found = rounds([], favourite=worst, rounds=(3, 2, 1)).run(trials(6))
    best = [each.text for each in reversed(trials(6).trials)]
    assert sorted(begun[:3]) == sorted([*best[:2], worst]) and worst in begun[3:5]
    assert len(begun) == 6 and len(found.fully) == 1


@pytest.mark.parametrize("favourite", [None, "5"])
def test_a_favourite_that_was_not_evaluated_changes_nothing(rounds: Fixture, favourite: str | None) -> None:
    found = rounds([], favourite=favourite, rounds=(1,)).run(trials(3))
    assert [each.arch.text for each in found.fully] == [trials(3).trials[2].text]


def test_a_training_that_diverges_in_a_later_round_leaves_what_was_there(
    rounds: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = TrainObjective.training

    def diverging(
        self: TrainObjective, arch: Architecture, network: torch.nn.Module | None = None, earlier: int = 0
    ) -> Training:
        if network is not None:
            raise EvaluationFailed("it diverged")
        return training(self, arch, network, earlier)

    monkeypatch.setattr(TrainObjective, "training", diverging)
    said: list[str] = []
    found = rounds(said, rounds=(2, 1)).run(trials(4))
    assert len(found.fully) == len(found.earlier) == 1 and "round 2 of 2, network 1 failed: it diverged" in said


def test_the_next_of_the_search_go_on_where_all_of_the_first_fail(
    rounds: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = trials(5)
    training = TrainObjective.training
    failing = {each.text for each in some.trials[1:]}

    def diverging(
        self: TrainObjective, arch: Architecture, network: torch.nn.Module | None = None, earlier: int = 0
    ) -> Training:
        if arch.text in failing:
            raise EvaluationFailed("it diverged")
        return training(self, arch, network, earlier)

    monkeypatch.setattr(TrainObjective, "training", diverging)
    said: list[str] = []
    found = rounds(said, rounds=(2, 1)).run(some)
    assert [each.arch.text for each in found.fully] == [some.trials[0].text]
    assert sum("failed: it diverged" in line for line in said) == 4

    failing.add(some.trials[0].text)
    shutil.rmtree(rounds.folder)  # type: ignore[attr-defined]
    with pytest.raises(EvaluationFailed, match="none of the trainings after the search gave a network"):
        rounds([], rounds=(2, 1)).run(some)


def test_files_are_measured_before_the_last_round(rounds: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    some = trials(4)
    texts = [each.text for each in some.trials]
    monkeypatch.setattr(Rounds, "estimated_ms", lambda self, archs: [1.0] * len(archs))
    for ms, taken in (({texts[0]: 1.0}, texts[0]), (dict.fromkeys(texts[1:], 2.5) | {texts[0]: 1.99}, texts[0])):
        monkeypatch.setattr(Rounds, "file_ms", lambda self, arch, network=None, ms=ms: ms.get(arch.text, 1.99))
        found = rounds([], latency="2ms", rounds=(4, 1)).run(some)  # the others are at the limit, or beyond it
        assert [each.arch.text for each in found.fully] == [taken] and len(found.earlier) == 3
        shutil.rmtree(rounds.folder)  # type: ignore[attr-defined]


def test_a_file_is_measured_once(rounds: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    own, taken = rounds([], latency="2ms", rounds=(1,)), []

    def timed(deployment: Any, limit: float) -> Timing:
        taken.append(len(deployment.onnx))
        return Timing(1.5, 1.5, 1.5, 1.5, 1)

    monkeypatch.setattr(rounds_module, "timed", timed)
    assert own.file_ms(SPACE.parse("1")) == own.file_ms(SPACE.parse("1")) == 1.5 and len(taken) == 1
    assert taken[0] > 1_000


def test_trainings_of_one_network_see_images_in_different_orders() -> None:
    first, again = (OBJECTIVE.training(SPACE.parse("1"), earlier=earlier) for earlier in (0, 1))
    for each in (first, again):
        each.step(0.0, 0.1)
    assert not torch.equal(first._order, again._order)


def test_a_plan_of_another_version_is_refused_in_words() -> None:
    plan = Plan(Scale(8, {}, 1e3), 5.0, (2, 1), "gp", 1.0)
    assert Plan.from_json(plan.to_json()) == plan
    old = {key: value for key, value in plan.to_json().items() if key != "rounds"}
    with pytest.raises(RunFolderError, match="another version of archllm"):
        Plan.from_json(old)


def test_without_rounds_the_first_are_trained_fully(rounds: Fixture) -> None:
    found = rounds([], rounds=(2,)).run(trials(4))
    assert not found.earlier and {each.arch.text for each in found.fully} == {
        each.text for each in trials(4).trials[2:]
    }


def test_only_networks_that_were_measured_to_keep_to_the_limit_are_trained(
    rounds: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = trials(12)
    fast = {each.text for each in some.trials[:3]}
    monkeypatch.setattr(
        Rounds, "estimated_ms", lambda self, archs: [1.0 if arch.text in fast else 3.0 for arch in archs]
    )
    monkeypatch.setattr(Rounds, "file_ms", lambda self, arch, network=None: 1.0)
    found = rounds([], latency="2ms", rounds=(2, 1)).run(some)
    assert {each.arch.text for each in [*found.fully, *found.earlier]} == {each.text for each in some.trials[1:3]}


def test_where_none_keeps_to_the_limit_the_fastest_is_told(rounds: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rounds, "estimated_ms", lambda self, archs: [3.0] * len(archs))
    with pytest.raises(EvaluationFailed, match=r"none of the 12 networks .* the fastest takes 3 ms"):
        rounds([], latency="2ms", rounds=(2, 1)).run(trials(12))
