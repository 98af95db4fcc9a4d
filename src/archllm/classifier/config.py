"""What a fit is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from archllm.classifier.limits import COUNTS, MILLISECONDS, Limits, quantity
from archllm.config import Bounds, Option, Seed, Settings
from archllm.objectives.candidate import CandidateTraining

LEAST_MINUTES = 1.0
"""Exporting and verifying alone take a good part of a minute on a slow machine."""

VALIDATION_SHARE, TEST_SHARE = 0.2, 0.2
"""Shares of the images, where a source has no parts of its own."""

LEARNING_RATE = 0.3
"""Highest learning rate. Small networks that see images many times learn best with three times the rate that suits the
short trainings of any search."""


def recipe(image_size: int | None) -> CandidateTraining:
    """How a fit trains networks, and splits images that have no parts of their own.

    Args:
        image_size: height and width that images are resized to; `None` for theirs.
    """
    return CandidateTraining(
        learning_rate=LEARNING_RATE, image_size=image_size, validation_share=VALIDATION_SHARE, test_share=TEST_SHARE
    )


@dataclass(frozen=True, kw_only=True)
class FitRequest(Settings):
    """Which images, how long, and what the network may take.

    Example:
        >>> print(FitRequest(data="photos", max_params="300k", max_latency="5ms").limits)
        at most 300,000 parameters, at most 5 ms an image
    """

    data: Annotated[str, Option("DATA", positional=True)]
    """Labelled images: a folder or .zip with a subfolder for each class (perhaps inside of train, val and test), an
    .npz file, the folder of MNIST's or CIFAR-10's files, or `digits`."""

    minutes: Annotated[float, Bounds(LEAST_MINUTES)] = 20.0
    """How long all of it may take, reading and writing included."""

    max_params: Annotated[float | str | None, Option("N")] = None
    """Most trainable parameters of the network: 300000, or 300k."""

    max_macs: Annotated[float | str | None, Option("N")] = None
    """Most multiply-accumulates for one image: 20M."""

    max_latency: Annotated[float | str | None, Option("TIME")] = None
    """Longest time for one image in ONNX Runtime on one thread of this machine: 5ms."""

    space: Annotated[str, Option("SPACE")] = "mobile"
    """Which networks to choose from: `mobile`, `nasbench201` or `nasbench101`; or a product such as `scaled-cells`, by
    name or file, whose members choose their own size."""

    image_size: Annotated[int | None, Bounds(8, 512), Option("PIXELS")] = None
    """Height and width that images are resized to; by default theirs, at most 64, or less where time or limits ask."""

    method: Annotated[str | None, Option("NAME")] = None
    """Search method; by default `sequence` where a generator of the space comes with the package, else `gp`."""

    also: Annotated[tuple[Literal["executorch", "tflite"], ...], Option("FORM")] = ()
    """Further files, for phones and small boards: `executorch` writes model.pte, `tflite` model.tflite."""

    seed: Seed = 0
    """Seed of the split, the search and the training."""

    def _check_together(self) -> None:
        _ = self.limits

    @property
    def limits(self) -> Limits:
        """The limits as numbers.

        Raises:
            InvalidInput: one can't be read.
        """
        return Limits(
            quantity(self.max_params, COUNTS, "max-params"),
            quantity(self.max_macs, COUNTS, "max-macs"),
            quantity(self.max_latency, MILLISECONDS, "max-latency"),
        )

    def to_json(self) -> dict[str, Any]:
        """What decides which network is found, the minutes apart; a fit that goes on has to ask for the same."""
        limits = self.limits
        return {
            "max_params": limits.params,
            "max_macs": limits.macs,
            "max_latency": limits.latency,
            "space": self.space,
            "image_size": self.image_size,
            "method": self.method,
            "seed": self.seed,
        }
