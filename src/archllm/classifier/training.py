"""Training for a time: kept on the way, the weights at its end taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from archllm.errors import RunFolderError
from archllm.files import replacing
from archllm.objectives.fitting import Training, accuracy
from archllm.training.randomness import torch_seeded

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archllm.objectives.fitting import Labelled

KEPT_EVERY = 20.0
"""Seconds between two checkpoints: what a killed training loses at most."""

VALIDATED_EVERY = 0.04
"""Share of a training between two looks at the validation images."""

VALIDATION_TIME = 0.05
"""Share of the time that looks on the way take, at most: where validation images are many, there are fewer looks."""

SAMPLED = 256
"""Validation images by which it is estimated, before the training, what a look takes."""


@dataclass(frozen=True)
class Trained:
    """A network that was trained."""

    network: nn.Module
    """The network, in evaluation mode and on the CPU."""

    curve: tuple[tuple[float, float], ...]
    """Seconds of training, and validation accuracy in percent at that time."""

    images: int
    """Training images seen, those of all epochs."""

    seconds: float
    """Time it took, validation included."""

    @property
    def accuracy(self) -> float:
        """Validation accuracy at the end, in percent."""
        return self.curve[-1][1]

    def then(self, following: Trained) -> Trained:
        """Both, where another training followed that began with these weights."""
        curve = ((self.seconds + seconds, accuracy) for seconds, accuracy in following.curve)
        images, seconds = self.images + following.images, self.seconds + following.seconds
        return Trained(following.network, (*self.curve, *curve), images, seconds)


def train_for(
    training: Training,
    valid: Labelled,
    seconds: float,
    clock: Callable[[], float],
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    listener: Callable[[float], None] | None = None,
    validate: bool = True,
) -> Trained:
    """Trains for a time. The learning rate follows the clock, so a slow machine sees fewer images, not half a schedule.

    The weights at the end are taken, where the learning rate has come down to zero.

    Args:
        training: a training that has not begun.
        valid: validation images and labels, on the device of the network.
        seconds: how long, validation included.
        clock: what time it is.
        seed: of what networks draw from torch's own generator.
        checkpoint: a file without ending to keep the training in; what is there is gone on with.
        listener: told now and then, with the validation accuracy.
        validate: whether validation images are looked at on the way, too, not only in the end.

    Raises:
        EvaluationFailed: the training diverged.
        RunFolderError: the checkpoint can't be used or written.
    """
    spent, images, curve = 0.0, 0, list[tuple[float, float]]()
    with torch_seeded(seed):
        if checkpoint is not None and (found := _load(training, checkpoint)) is not None:
            spent, images, curve = float(found["spent"]), int(found["images"]), [(s, a) for s, a in found["curve"]]
            if spent >= seconds:
                return Trained(training.finish().cpu().eval(), tuple(curve), images, curve[-1][0])
        began = clock() - spent
        kept = looked = spent
        last, look = 0.0, _look(training.network, valid, clock)  # seconds of the last step, and of a look
        while (now := clock() - began) < (length := max(seconds - look, 1e-9)) or not images:
            before = training.seen if not training.between_epochs else 0
            training.step(min(1.0, now / length), min(1.0, (now + last) / length))
            images += training.seen - before
            after = clock() - began
            last = after - now
            if validate and after - looked >= max(VALIDATED_EVERY * seconds, look / VALIDATION_TIME) and after < length:
                curve.append((after, accuracy(training.network, valid)))
                looked = clock() - began
                look = looked - after
                if listener is not None:
                    listener(curve[-1][1])
            if checkpoint is not None and after - kept >= KEPT_EVERY:
                _save(training, checkpoint, {"spent": after, "images": images, "curve": curve})
                kept = clock() - began
        curve.append((clock() - began, accuracy(training.network, valid)))
    if checkpoint is not None:
        _save(training, checkpoint, {"spent": max(seconds, curve[-1][0]), "images": images, "curve": curve})
    return Trained(training.finish().cpu().eval(), tuple(curve), images, clock() - began)


def _look(network: nn.Module, valid: Labelled, clock: Callable[[], float]) -> float:
    """Seconds that a look at all validation images takes, by some of them; the first run pays for what is set up."""
    few = valid[0][:SAMPLED], valid[1][:SAMPLED]
    accuracy(network, few)
    begins = clock()
    accuracy(network, few)
    return (clock() - begins) * len(valid[1]) / len(few[1])


def _save(training: Training, checkpoint: Path, about: dict[str, Any]) -> None:
    tensors, numbers = training.state()
    with replacing(checkpoint.with_suffix(".safetensors")) as path:
        save_file(tensors, path, metadata={"about": json.dumps(about | {"numbers": numbers})})


def _load(training: Training, checkpoint: Path) -> dict[str, Any] | None:
    path = checkpoint.with_suffix(".safetensors")
    if not path.exists():
        return None
    try:
        tensors: dict[str, Tensor] = load_file(path)
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()["about"])
        training.restore(tensors, about["numbers"])
        float(about["spent"]), int(about["images"]), list(about["curve"])
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise RunFolderError(
            f"the checkpoint {path} can't be gone on with ({error}); delete it to start afresh"
        ) from error
    return about
