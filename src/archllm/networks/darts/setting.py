"""How DARTS makes a network of a genotype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from archllm.errors import InvalidInput, shown
from archllm.networks.setting import NetworkSetting

Stem = Literal["cifar", "imagenet"]

HALVINGS = {"cifar": 4, "imagenet": 32}
"""By how much a network of either stem shrinks an image, reduction cells included."""

AUXILIARY_SIZES = {"cifar": (8, 10), "imagenet": (7, 8)}
"""Smallest and largest feature maps that the auxiliary head can pool to 2 x 2."""


@dataclass(frozen=True, kw_only=True)
class DARTSSetting(NetworkSetting):
    """Evaluation network of DARTS (Liu et al., 2019, section 3 and appendix A)."""

    channels: int = 36
    """Channels of the first cells (C); they double at each of the two reduction cells."""

    layers: int = 20
    """Cells in all; those at a third and two thirds are reduction cells, all of them where there are only 1 or 2."""

    stem: Stem = "cifar"
    """`cifar` keeps the resolution; `imagenet` reduces it by 8 before the first cell."""

    auxiliary: bool = False
    """A second classifier after the second reduction cell, for training; needs images of about the paper's size."""

    drop_path: float = 0.0
    """Probability with which training drops an operation's output for an image; in [0, 1)."""

    SIZE_MULTIPLE: ClassVar[int] = 4
    """That of the cifar stem; the imagenet stem needs 32, see `HALVINGS`."""

    def __post_init__(self) -> None:
        if self.stem not in get_args(Stem):
            raise InvalidInput(f"stem must be one of {', '.join(get_args(Stem))}, got {shown(self.stem)}")
        if not isinstance(self.auxiliary, bool):
            raise InvalidInput(f"auxiliary must be true or false, got {shown(self.auxiliary)}")
        value: object = self.drop_path
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            raise InvalidInput(f"drop_path must be at least 0 and below 1, got {shown(self.drop_path)}")
        super().__post_init__()
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
