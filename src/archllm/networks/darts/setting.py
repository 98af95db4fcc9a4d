"""How DARTS makes a network of a genotype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from archllm.config import Bounds
from archllm.errors import InvalidInput
from archllm.networks.setting import NetworkSetting, Size

Stem = Literal["cifar", "imagenet"]

HALVINGS = {"cifar": 4, "imagenet": 32}
"""By how much a network of either stem shrinks an image, reduction cells included."""

AUXILIARY_SIZES = {"cifar": (8, 10), "imagenet": (7, 8)}
"""Smallest and largest feature maps that the auxiliary head can pool to 2 x 2."""


@dataclass(frozen=True, kw_only=True)
class DARTSSetting(NetworkSetting):
    """Evaluation network of DARTS (Liu et al., 2019, section 3 and appendix A).

    Example:
        >>> DARTSSetting().channels
        36
    """

    channels: Size = 36
    """Channels of the first cells (C); they double at each of the two reduction cells."""

    layers: Size = 20
    """Cells in all; those at a third and two thirds are reduction cells, all of them where there are only 1 or 2."""

    stem: Stem = "cifar"
    """`cifar` keeps the resolution; `imagenet` reduces it by 8 before the first cell."""

    auxiliary: bool = False
    """A second classifier after the second reduction cell, for training; needs images of about the paper's size."""

    drop_path: Annotated[float, Bounds(0, below=1)] = 0.0
    """Probability with which training drops an operation's output for an image; in [0, 1)."""

    SIZE_MULTIPLE: ClassVar[int] = 4
    """That of the cifar stem; the imagenet stem needs 32, see `HALVINGS`."""

    def _check_together(self) -> None:
        super()._check_together()
        if self.stem == "imagenet" and self.channels < 2:
            raise InvalidInput(f"channels must be at least 2 with the imagenet stem, got {self.channels}")
        multiple = HALVINGS[self.stem]
        if self.image_size % multiple:
            raise InvalidInput(
                f"image_size must be a multiple of {multiple} with the {self.stem} stem, got {self.image_size}; "
                "resize or pad the images"
            )
        if self.auxiliary:
            least, most = AUXILIARY_SIZES[self.stem]
            if self.layers < 2 or not least <= self.image_size // multiple <= most:
                raise InvalidInput(
                    f"the auxiliary head needs at least 2 layers and, with the {self.stem} stem, an image_size of "
                    f"{least * multiple} to {most * multiple}, got {self.layers} layers and {self.image_size}"
                )
