"""Trainings of a search have the same seconds, whatever a network makes of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from archllm.classifier import timed
from archllm.classifier.known import train_known
from archllm.classifier.timed import TimedTraining
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.train import TrainObjective
from archllm.spaces import load_space

SPACE = load_space("nasbench201")
FULL = TrainObjective(SPACE, "digits", CandidateTraining(image_size=8, network={"channels": 4, "cells": 1}), 0)


class Clock:
    """Goes on with the work that a network does."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_network_that_takes_longer_for_an_image_sees_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def forward(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        clock.now += 1e-4 * module.weight.numel()  # type: ignore[operator,union-attr]

    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: forward(module, inputs, output) if isinstance(module, nn.Conv2d) else None
    )
    objective = TimedTraining(FULL, 20.0, clock)
    light, heavy = (
        SPACE.parse("|" + "|+|".join("|".join(f"{op}~{j}" for j in range(i)) for i in range(1, 4)) + "|")
        for op in ("nor_conv_1x1", "nor_conv_3x3")
    )
    found = [objective.evaluate(arch) for arch in (light, heavy)]
    handle.remove()
    assert found[0].metrics["images"] > 1.5 * found[1].metrics["images"] >= 64
    assert all(each.cost == pytest.approx(20.0, rel=0.3) and not each.test for each in found)
    assert found[0].metrics["params"] < found[1].metrics["params"]


def test_many_validation_images_are_represented_by_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed, "MOST_VALIDATION", 100)
    x, y = TimedTraining(FULL, 1.0, Clock()).valid
    assert len(x) == len(y) == 100 and len(np.unique(y)) == 10
    assert {tuple(each.flatten().tolist()) for each in x} <= {
        tuple(each.flatten().tolist()) for each in FULL.sets[1][0]
    }


def test_scores_of_different_seconds_are_not_mixed() -> None:
    one, other = (TimedTraining(FULL, seconds, Clock()).identity for seconds in (1.0, 2.0))
    assert one.differences(other) == ["seconds is 1.0, asked for 2.0"]


def test_known_networks_have_the_same_seconds() -> None:
    class Ticking(Clock):
        def __call__(self) -> float:
            self.now += 1.0
            return self.now

    clock = Ticking()
    found = train_known(TimedTraining(FULL, 10.0, clock), seconds=20.0)
    assert [each.name for each in found] == ["ResNet-8", "MobileNetV2 0.35"]  # none is begun after that
    assert all(5 < each.accuracy <= 100 and each.macs > 0 for each in found)
