"""Full training: as long as the clock allows, and gone on with from what was kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from archllm.classifier import training as training_module
from archllm.classifier.training import KEPT_EVERY, train_for
from archllm.errors import RunFolderError
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.fitting import Training

X = torch.randn(40, 1, 4, 4, generator=torch.Generator().manual_seed(0))
Y = (X.mean((1, 2, 3)) > 0).long()


class Clock:
    """Every look at it takes a second, so that a training is as long as the looks at its clock."""

    def __init__(self, fails_at: float = float("inf")) -> None:
        self.now, self.fails_at = 0.0, fails_at

    def __call__(self) -> float:
        self.now += 1.0
        if self.now >= self.fails_at:
            raise KeyboardInterrupt
        return self.now


def training() -> Training:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    return Training(network, (X, Y), CandidateTraining(batch_size=8, augmentation="none"), 0)


@pytest.mark.parametrize("seconds", [50.0, 400.0])
def test_it_takes_the_time_it_is_given_and_ends_at_a_learning_rate_of_zero(seconds: float) -> None:
    clock, begun = Clock(), training()
    found = train_for(begun, (X, Y), seconds, clock)
    assert found.seconds == pytest.approx(seconds, abs=8)
    assert begun._optimizer.param_groups[0]["lr"] < 0.02 * begun.config.learning_rate
    assert found.curve[-1][1] == found.accuracy and not found.network.training
    assert found.images > 8 * seconds / 4


def test_a_short_time_still_gives_a_network() -> None:
    assert train_for(training(), (X, Y), 1e-9, Clock()).images == 8


def test_an_interrupted_training_goes_on_from_what_was_kept(tmp_path: Path) -> None:
    place = tmp_path / "1"
    with pytest.raises(KeyboardInterrupt):
        train_for(training(), (X, Y), 200.0, Clock(fails_at=120), checkpoint=place)
    again = Clock()
    found = train_for(training(), (X, Y), 200.0, again, checkpoint=place)
    assert again.now < 200 - 120 + KEPT_EVERY + 12  # what came after the last checkpoint is all that is done again
    whole = train_for(training(), (X, Y), 200.0, Clock(), checkpoint=tmp_path / "2")
    assert found.images == pytest.approx(whole.images, rel=0.15)
    done = Clock()
    assert train_for(training(), (X, Y), 200.0, done, checkpoint=place).accuracy == found.accuracy
    assert done.now < 10


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunFolderError, match=r"1\.safetensors"):
        train_for(training(), (X, Y), 10.0, Clock(), checkpoint=tmp_path / "1")


def test_looks_at_validation_images_take_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def slow(network: nn.Module, images: object) -> float:
        clock.now += 30.0
        return 50.0

    monkeypatch.setattr(training_module, "accuracy", slow)
    found = train_for(training(), (X, Y), 2_000.0, clock)
    on_the_way = len(found.curve) - 1
    assert on_the_way >= 2 and 30 * on_the_way <= training_module.VALIDATION_TIME * 2_000
    assert found.seconds == pytest.approx(2_000, abs=10)  # the last look included
    assert len(train_for(training(), (X, Y), 2_000.0, Clock(), validate=False).curve) == 1
    short = train_for(training(), (X, Y), 200.0, clock)  # of which the look at its end takes 30
    assert len(short.curve) == 1 and short.seconds == pytest.approx(200, abs=10) and short.images > 100


def test_what_is_complete_is_taken_from_its_checkpoint_as_it_is(tmp_path: Path) -> None:
    whole = train_for(training(), (X, Y), 100.0, Clock(), checkpoint=tmp_path / "1")
    clock = Clock()
    again = train_for(training(), (X, Y), 100.0, clock, checkpoint=tmp_path / "1")
    assert (again.curve, again.images, clock.now) == (whole.curve, whole.images, 0.0)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name])
