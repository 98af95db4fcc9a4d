"""Fitted: what a fit found, with all that its page shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.classifier.config import FitRequest
from archllm.classifier.judging import Judged
from archllm.classifier.known import Known
from archllm.classifier.plan import Plan
from archllm.objectives.images import Summary
from archllm.spaces import Architecture
from archllm.study.result import Result

if TYPE_CHECKING:
    from archllm.classifier.training import Trained
    from archllm.networks.export.deploying import Deployed
    from archllm.networks.latency import Timing


@dataclass(frozen=True, eq=False)
class Finalist:
    """A network that went on after the search."""

    arch: Architecture
    """Its architecture."""

    trained: Trained
    """The training."""

    params: int
    """Trainable parameters."""

    macs: int
    """Multiply-accumulates for one image."""

    def to_json(self) -> dict[str, Any]:
        """What tells it from others, as JSON has it."""
        accuracy = self.trained.accuracy
        return {"architecture": self.arch.text, "validation_accuracy": accuracy, "params": self.params}


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit found, with all that its page shows."""

    request: FitRequest
    """What was asked for."""

    folder: Path
    """The run folder."""

    summary: Summary
    """The images."""

    plan: Plan
    """What was decided."""

    trials: Result
    """The short trainings."""

    finalists: tuple[Finalist, ...]
    """Networks that were trained fully, the chosen one first."""

    earlier: tuple[Finalist, ...]
    """Networks that went on after the search and were left behind in an earlier round, the best first."""

    judged: Judged
    """The chosen one on the test images, by its ONNX file."""

    images: NDArray[np.uint8]
    """The test images, `n x h x w x c`."""

    timing: Timing
    """Measured latency of the ONNX file."""

    files: tuple[Deployed, ...]
    """What was written."""

    known: tuple[Known, ...] = ()
    """Known small networks after a short training."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each phase."""

    milliseconds: dict[str, float] = field(default_factory=dict)
    """Measured latency of networks that were trained briefly, by text or name, without what raw images need."""

    @property
    def chosen(self) -> Finalist:
        """The network that was chosen."""
        return self.finalists[0]

    def to_json(self) -> dict[str, Any]:
        """What `archllm fit --json` prints, and `fit.json` keeps."""
        low, high = self.judged.interval
        chosen = self.chosen
        return {
            "run": str(self.folder),
            "space": chosen.arch.space.name,
            "architecture": chosen.arch.text,
            "network": {"image_size": self.plan.scale.image_size, **self.plan.scale.network},
            "classes": list(self.summary.classes),
            "test_accuracy": self.judged.accuracy,
            "test_interval": [low, high],
            "test_images": len(self.judged.labels),
            "chance": self.judged.chance,
            "validation_accuracy": chosen.trained.accuracy,
            "params": chosen.params,
            "macs": chosen.macs,
            "latency_ms": self.timing.ms,
            "latency_interval_ms": [self.timing.low, self.timing.high],
            "limits": asdict(self.request.limits),
            "files": {each.format: str(each.path) for each in self.files},
            "differences": {each.format: each.difference for each in self.files},
            "short_trainings": self.trials.queries,
            "known_networks": [each.to_json() for each in self.known],
            "finalists": [each.to_json() for each in self.finalists],
            "left_behind": [each.to_json() for each in self.earlier],
            "seconds": self.seconds,
        }
