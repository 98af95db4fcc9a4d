"""How a candidate architecture is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from archllm.config import (
    Bounds,
    Positive,
    Seed,
    Settings,
    Share,
    checked_value,
    field_names,
    parse_words,
    unknown,
    words_of,
)
from archllm.errors import InvalidInput

Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["cosine", "linear", "constant"]
Augmentation = Literal["auto", "none", "crop", "crop-flip", "crop-flip-colour"]
Precision = Literal["auto", "full", "mixed"]

EPOCHS = 8
"""Passes over the images of a large set, unless told otherwise."""

SET_BY_IMAGES = ("num_classes", "in_channels", "image_size")
"""Network options that follow from the images."""

_Fraction = Annotated[float, Bounds(least=0, below=1)]


@dataclass(frozen=True, kw_only=True)
class CandidateTraining(Settings):
    """Budget and recipe of one candidate's training; the defaults suit small images on a CPU.

    Example:
        >>> CandidateTraining(epochs=20, augmentation="crop-flip").epochs
        20
        >>> CandidateTraining(epochs=0)
        Traceback (most recent call last):
        archllm.errors.InvalidInput: training.epochs must be a whole number of at least 1, got 0
    """

    section: ClassVar[str] = "training"

    epochs: Annotated[int | None, Bounds(1)] = None
    """Passes over the training images; by default 8, or as many as make `least_steps`."""

    least_steps: Annotated[int, Bounds(0)] = 300
    """Optimiser steps that a training has at least where `epochs` is not set: small sets are passed over more often."""

    batch_size: Annotated[int, Bounds(2)] = 64
    """Images per step; a step with one image is left out, as batch norm needs two."""

    optimizer: Optimizer = "sgd"
    """`sgd` with Nesterov momentum, or `adamw`."""

    learning_rate: Annotated[float, Positive] = 0.1
    """Highest learning rate; some 0.003 suits `adamw`."""

    schedule: Schedule = "cosine"
    """How the learning rate falls after the warm-up: to zero as a cosine or linearly, or not at all."""

    warm_up: _Fraction = 0.1
    """Share of the steps over which the learning rate rises from zero."""

    momentum: _Fraction = 0.9
    """Momentum of `sgd`."""

    weight_decay: _Fraction = 5e-4
    """Weight decay; decoupled with `adamw`."""

    label_smoothing: _Fraction = 0.0
    """Share of a label that goes to all classes alike."""

    clip: Annotated[float | None, Positive] = 5.0
    """Largest norm of the gradient, over all weights; `None` for any."""

    augmentation: Augmentation = "auto"
    """`crop` shifts by up to an eighth of the image size, `crop-flip` also mirrors, left to right, `crop-flip-colour`
    also changes brightness, contrast and tint; `auto` mirrors colour images only: grey ones are often characters."""

    cutout: Annotated[int, Bounds(0)] = 0
    """Height and width in pixels of a square that is blanked out; 0 for none."""

    image_size: Annotated[int | None, Bounds(1)] = None
    """Height and width to which images are resized; by default they are padded to the next size the space allows."""

    most_images: Annotated[int | None, Bounds(1)] = None
    """Most training images to use, chosen class by class; by default all."""

    validation_share: Annotated[float, Share] = 0.3
    """Share of the images, test images aside, that the score is measured on."""

    test_share: Annotated[float, Share] = 0.2
    """Share of the images that no searcher sees, where the source sets none aside."""

    network: dict[str, Any] = field(default_factory=dict)
    """Fields of the space's network setting, such as channels, on top of `space.networks.small`."""

    most_params: Annotated[int, Bounds(1)] = 20_000_000
    """A candidate with more parameters fails."""

    time_limit: Annotated[float, Positive] = 3_600.0
    """Seconds after which a candidate fails."""

    stop_at_chance: Annotated[float | None, Share] = 0.4
    """Share of a training of 100 steps or more after which a candidate that still guesses is given up, with the score
    that it has; `None` for never."""

    precision: Precision = "auto"
    """`mixed` computes with bfloat16 where that is safe, `full` with 32 bits; `auto` is mixed on a GPU that has it."""

    device: str = "auto"
    """`auto` (a GPU if there is one), or a device as torch names it: `cpu`, `cuda`, `cuda:1`."""

    def passes(self, images: int) -> int:
        """Passes over so many training images.

        Example:
            >>> CandidateTraining().passes(50_000), CandidateTraining().passes(150)
            (8, 100)
        """
        if self.epochs is not None:
            return self.epochs
        return max(EPOCHS, math.ceil(self.least_steps / math.ceil(images / self.batch_size)))

    def _check_together(self) -> None:
        for name in SET_BY_IMAGES:
            if name in self.network:
                hint = "give it to the training itself" if name == "image_size" else "leave it out"
                raise InvalidInput(f"network option {name} follows from the images; {hint}")


@dataclass(frozen=True)
class TrainingSpec:
    """What the text behind `train:` says: `DATA`, or `DATA?KEY=VALUE&KEY=VALUE`.

    Keys are fields of `CandidateTraining`, fields of the space's network setting, and `seed`.

    Example:
        >>> from archllm.networks.setting import NetworkSetting
        >>> spec = TrainingSpec.of("photos?epochs=20&channels=8", NetworkSetting)
        >>> spec.data, spec.config.epochs, spec.config.network
        ('photos', 20, {'channels': 8})
        >>> str(spec)
        'photos?epochs=20&channels=8'
        >>> TrainingSpec.of("photos?epoch=20", NetworkSetting)
        Traceback (most recent call last):
        archllm.errors.InvalidInput: train:photos has no setting 'epoch'; did you mean 'epochs'? Known: ...
    """

    data: str
    """Where the images are."""

    config: CandidateTraining
    """Budget and recipe."""

    seed: int = 0
    """Of the validation split, the weights and the order of images."""

    @classmethod
    def of(cls, text: str, network: type[Settings], default: CandidateTraining | None = None) -> TrainingSpec:
        """Reads a text.

        Args:
            text: what stands behind `train:`; a file or folder that has this very name is meant, whatever it holds.
            network: the class of the space's network settings.
            default: settings that the text changes.

        Raises:
            InvalidInput: a key is unknown, or a value can't be used.
        """
        config = default or CandidateTraining()
        data, mark, query = text.partition("?")
        if not mark or _exists(text):
            return cls(text, config)
        what = f"train:{data}"
        own = [name for name in field_names(CandidateTraining) if name != "network"]
        networks = [name for name in field_names(network) if name not in (*SET_BY_IMAGES, *own)]
        words: dict[str, list[str]] = {"own": [], "network": [], "seed": []}
        for word in filter(None, query.split("&")):
            key = word.partition("=")[0]
            kind = "own" if key in own else "network" if key in networks else "seed"
            if kind == "seed" and key != "seed":
                raise InvalidInput(unknown("setting", key, [*own, *networks, "seed"], what))
            words[kind].append(word)
        settings = parse_words(words["own"], CandidateTraining, what)
        if words["network"]:
            settings["network"] = config.network | parse_words(words["network"], network, what)
        seed = parse_words(words["seed"], _Seeded, what).get("seed", 0)
        return cls(data, replace(config, **settings), checked_value(seed, Seed, "seed"))

    def __str__(self) -> str:
        """A text that stands for the same, as short as can be."""
        words = [*words_of(self.config), *([f"seed={self.seed}"] if self.seed else [])]
        return f"{self.data}?{'&'.join(words)}" if words else self.data


@dataclass(frozen=True)
class _Seeded(Settings):
    seed: Seed = 0


def _exists(name: str) -> bool:
    try:
        return Path(name).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, or no such user
        return False
