"""How a candidate architecture is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from archllm.errors import InvalidInput, shown

Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["cosine", "linear", "constant"]
Augmentation = Literal["none", "crop", "crop-flip"]


@dataclass(frozen=True, kw_only=True)
class CandidateTraining:
    """Budget and recipe of one candidate's training; the defaults suit small images on a CPU."""

    epochs: int = 8
    """Passes over the training images."""

    batch_size: int = 64
    """Images per step."""

    optimizer: Optimizer = "sgd"
    """`sgd` with Nesterov momentum, or `adamw`."""

    learning_rate: float = 0.1
    """Highest learning rate."""

    schedule: Schedule = "cosine"
    """How the learning rate falls after the warm-up: to zero as a cosine or linearly, or not at all."""

    warm_up: float = 0.1
    """Share of the steps over which the learning rate rises from zero."""

    momentum: float = 0.9
    """Momentum of `sgd`."""

    weight_decay: float = 5e-4
    """Weight decay."""

    label_smoothing: float = 0.0
    """Share of a label that goes to all classes alike."""

    clip: float = 5.0
    """Largest norm of the gradient."""

    augmentation: Augmentation = "crop"
    """`crop` shifts by up to an eighth of the size, `crop-flip` also mirrors."""

    cutout: int = 0
    """Height and width in pixels of a square that is blanked out; 0 for none."""

    image_size: int | None = None
    """Height and width that images are brought to; by default they are padded to the next size the space allows."""

    most_images: int | None = None
    """Most training images to use; by default all."""

    validation_share: float = 0.2
    """Share of the images, test images aside, that the score is measured on."""

    test_share: float = 0.2
    """Share of the images that no searcher sees, where the source sets none aside."""

    network: dict[str, Any] = field(default_factory=dict)
    """Fields of the space's network options, such as channels; by default a small network, see `SMALL_NETWORKS`."""

    most_params: int = 20_000_000
    """A candidate with more parameters fails."""

    time_limit: float = 3_600.0
    """Seconds after which a candidate fails."""

    device: str = "auto"
    """`auto` (a GPU if there is one), `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        for name, options in (("optimizer", Optimizer), ("schedule", Schedule), ("augmentation", Augmentation)):
            if getattr(self, name) not in get_args(options):
                raise InvalidInput(
                    f"{name} must be one of {', '.join(get_args(options))}, got {shown(getattr(self, name))}"
                )
        for name in ("epochs", "batch_size", "most_params", "image_size", "most_images"):
            value = getattr(self, name)
            if value is None and name in ("image_size", "most_images"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{name} must be a whole number of at least 1, got {shown(value)}")
        cutout: object = self.cutout
        if isinstance(cutout, bool) or not isinstance(cutout, int) or cutout < 0:
            raise InvalidInput(f"cutout must be a whole number of pixels, got {shown(self.cutout)}")
        for name in ("learning_rate", "clip", "time_limit"):
            _check_number(name, getattr(self, name), 0.0, float("inf"), low_is_open=True)
        for name in ("weight_decay", "warm_up", "momentum", "label_smoothing"):
            _check_number(name, getattr(self, name), 0.0, 1.0)
        for name in ("validation_share", "test_share"):
            _check_number(name, getattr(self, name), 0.0, 0.9, low_is_open=True)
        if self.device not in ("auto", "cpu", "cuda") and not self.device.startswith("cuda:"):
            raise InvalidInput(f"device must be auto, cpu or cuda, got {shown(self.device)}")


SMALL_NETWORKS: dict[str, dict[str, Any]] = {
    "nasbench101": {"channels": 16, "cells": 1},
    "nasbench201": {"channels": 8, "cells": 1},
    "darts": {"channels": 8, "layers": 3},
}
"""Networks that train on small images in seconds, by space."""


def _check_number(name: str, value: object, low: float, high: float, low_is_open: bool = False) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= float(value) <= high or (low_is_open and value == low):  # type: ignore[arg-type]
        expected = f"above {low:g}" if low_is_open else f"at least {low:g}"
        expected += f" and at most {high:g}" if high < float("inf") else ""
        raise InvalidInput(f"{name} must be {expected}, got {shown(value)}")
