"""How a candidate architecture is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from archllm.config import Bounds, Positive, Settings, Share
from archllm.errors import InvalidInput

Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["cosine", "linear", "constant"]
Augmentation = Literal["none", "crop", "crop-flip"]

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

    epochs: Annotated[int, Bounds(1)] = 8
    """Passes over the training images."""

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

    clip: Annotated[float, Positive] | None = 5.0
    """Largest norm of the gradient, over all weights; `None` for any."""

    augmentation: Augmentation = "crop"
    """`crop` shifts by up to an eighth of the image size, `crop-flip` also mirrors, left to right."""

    cutout: Annotated[int, Bounds(0)] = 0
    """Height and width in pixels of a square that is blanked out; 0 for none."""

    image_size: Annotated[int, Bounds(1)] | None = None
    """Height and width to which images are resized; by default they are padded to the next size the space allows."""

    most_images: Annotated[int, Bounds(1)] | None = None
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

    device: str = "auto"
    """`auto` (a GPU if there is one), or a device as torch names it: `cpu`, `cuda`, `cuda:1`."""

    def _check_together(self) -> None:
        for name in SET_BY_IMAGES:
            if name in self.network:
                hint = "give it to the training itself" if name == "image_size" else "leave it out"
                raise InvalidInput(f"network option {name} follows from the images; {hint}")
