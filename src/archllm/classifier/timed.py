"""Trainings of a search: each candidate has the same seconds, as its full training will have.

With the same number of images instead, a network that takes long for each would look good, and then see few of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archllm.classifier.timetable import Clock
from archllm.classifier.training import train_for
from archllm.errors import EvaluationFailed
from archllm.networks.setting import NetworkSetting
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.fitting import Labelled, Training
from archllm.objectives.identity import Identity
from archllm.objectives.train import TrainObjective, running_out_of_memory
from archllm.spaces import Architecture

MOST_VALIDATION = 2_000
"""Validation images that the trainings of a search are scored on, at most: more would take longer than they tell."""


class TimedTraining(Objective):
    """Trains a candidate for some seconds and scores it by validation accuracy, in percent.

    Args:
        full: the images, the recipe and the networks.
        seconds: of each training, by the clock.
        clock: what time it is.
    """

    direction = "maximise"

    def __init__(self, full: TrainObjective, seconds: float, clock: Clock) -> None:
        self.full, self.seconds, self.clock = full, seconds, clock
        self.space, self.spec = full.space, full.spec
        x, y = full.sets[1]
        some = np.sort(np.random.default_rng(full.seed).permutation(len(y))[:MOST_VALIDATION])
        self.valid: Labelled = (x, y) if len(some) == len(y) else (x[some], y[some])
        """Images and labels that a training is scored on."""

    @property
    def network_setting(self) -> NetworkSetting:
        return self.full.network_setting

    @property
    def identity(self) -> Identity:
        own = self.full.identity
        return replace(own, settings={**own.settings, "seconds": self.seconds})

    def accuracy_of(self, training: Training) -> tuple[float, int]:
        """Validation accuracy, in percent, after the seconds of a training that has not begun, and images seen.

        Raises:
            EvaluationFailed: the training diverged, or ran out of memory.
        """
        with running_out_of_memory():
            trained = train_for(training, self.valid, self.seconds, self.clock, seed=self.full.seed, validate=False)
        return trained.accuracy, trained.images

    def _evaluate(self, arch: Architecture) -> Evaluation:
        begins = self.clock()
        networks, most = self.space.require_networks(), self.full.config.most_params
        params = int(networks.params(arch.graph, self.network_setting)[0])
        if params > most:
            raise EvaluationFailed(f"it has {params:,} parameters, more than {most:,}")
        accuracy, images = self.accuracy_of(self.full.training(arch))
        metrics = {
            "params": float(params),
            "macs": float(networks.macs(arch.graph, self.network_setting)[0]),
            "images": float(images),
        }
        return Evaluation(accuracy, metrics, cost=self.clock() - begins)
