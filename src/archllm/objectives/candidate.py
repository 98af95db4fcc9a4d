"""How a candidate architecture is trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from archllm.errors import InvalidInput, shown

Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["cosine", "linear", "constant"]
Augmentation = Literal["none", "crop", "crop-flip"]

SET_BY_IMAGES = ("num_classes", "in_channels", "image_size")
"""Network options that follow from the images."""


@dataclass(frozen=True, kw_only=True)
class CandidateTraining:
    """Budget and recipe of one candidate's training; the defaults suit small images on a CPU."""

    epochs: int = 8
    """Passes over the training images."""

    batch_size: int = 64
    """Images per step; a step with one image is left out, as batch norm needs two."""

    optimizer: Optimizer = "sgd"
    """`sgd` with Nesterov momentum, or `adamw`."""

    learning_rate: float = 0.1
    """Highest learning rate; some 0.003 suits `adamw`."""

    schedule: Schedule = "cosine"
    """How the learning rate falls after the warm-up: to zero as a cosine or linearly, or not at all."""

    warm_up: float = 0.1
    """Share of the steps over which the learning rate rises from zero."""

    momentum: float = 0.9
    """Momentum of `sgd`."""

    weight_decay: float = 5e-4
    """Weight decay; decoupled with `adamw`."""

    label_smoothing: float = 0.0
    """Share of a label that goes to all classes alike."""

    clip: float | None = 5.0
    """Largest norm of the gradient, over all weights; `None` for any."""

    augmentation: Augmentation = "crop"
    """`crop` shifts by up to an eighth of the image size, `crop-flip` also mirrors, left to right."""

    cutout: int = 0
    """Height and width in pixels of a square that is blanked out; 0 for none."""

    image_size: int | None = None
    """Height and width to which images are resized; by default they are padded to the next size the space allows."""

    most_images: int | None = None
    """Most training images to use, chosen class by class; by default all."""

    validation_share: float = 0.3
    """Share of the images, test images aside, that the score is measured on."""

    test_share: float = 0.2
    """Share of the images that no searcher sees, where the source sets none aside."""

    network: dict[str, Any] = field(default_factory=dict)
    """Fields of the space's network setting, such as channels, on top of `space.networks.small`."""

    most_params: int = 20_000_000
    """A candidate with more parameters fails."""

    time_limit: float = 3_600.0
    """Seconds after which a candidate fails."""

    device: str = "auto"
    """`auto` (a GPU if there is one), or a device as torch names it: `cpu`, `cuda`, `cuda:1`."""

    def __post_init__(self) -> None:
        for name, kind in (("optimizer", Optimizer), ("schedule", Schedule), ("augmentation", Augmentation)):
            known = get_args(kind)
            self._check(name, known.__contains__, f"one of {', '.join(known)}")
        for name in ("epochs", "most_params"):
            self._check(name, lambda value: _whole(value, 1), "a whole number of at least 1")
        self._check("batch_size", lambda value: _whole(value, 2), "a whole number of at least 2")
        self._check("cutout", lambda value: _whole(value, 0), "a whole number of at least 0")
        for name in ("image_size", "most_images"):
            self._check(name, lambda value: value is None or _whole(value, 1), "a whole number of at least 1, or None")
        for name in ("learning_rate", "time_limit"):
            self._check(name, lambda value: _real(value) and value > 0, "positive and finite")
        self._check("clip", lambda value: value is None or (_real(value) and value > 0), "positive and finite, or None")
        for name in ("warm_up", "momentum", "weight_decay", "label_smoothing"):
            self._check(name, lambda value: _real(value) and 0 <= value < 1, "at least 0 and below 1")
        for name in ("validation_share", "test_share"):
            self._check(name, lambda value: _real(value) and 0 < value < 1, "between 0 and 1")
        self._check("device", lambda value: isinstance(value, str), "auto, or a device as torch names it")
        self._check("network", lambda value: isinstance(value, dict), "a dictionary of network options")
        for name in SET_BY_IMAGES:
            if name in self.network:
                hint = "give it to the training itself" if name == "image_size" else "leave it out"
                raise InvalidInput(f"network option {name} follows from the images; {hint}")

    def _check(self, name: str, holds: Callable[[Any], bool], expected: str) -> None:
        value = getattr(self, name)
        if not holds(value):
            raise InvalidInput(f"{name} of a candidate's training must be {expected}, got {shown(value)}")


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
