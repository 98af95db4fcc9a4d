"""NetworkSetting: what a member of a space does not say about the network made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from archllm.config import Bounds, Settings
from archllm.errors import InvalidInput

LARGEST = 100_000
"""No size of a network may be larger: what is meant is a typing error."""

Size = Annotated[int, Bounds(1, LARGEST)]
"""A number of channels, layers, classes or pixels."""


@dataclass(frozen=True, kw_only=True)
class NetworkSetting(Settings):
    """Size and images of a network; the defaults of each space are those of its paper on CIFAR-10.

    Settings can be compared and hashed; one setting and one member of a space make one network.

    Example:
        >>> NetworkSetting(channels=8).image
        (3, 32, 32)
        >>> NetworkSetting(channels=0)
        Traceback (most recent call last):
        archllm.errors.InvalidInput: channels must be a whole number from 1 to 100,000, got 0
    """

    num_classes: Size = 10
    """Classes that are told apart."""

    channels: Size = 16
    """Channels of the first cells; they double wherever the resolution is halved."""

    in_channels: Size = 3
    """Channels of the images: 3 for colour, 1 for grey."""

    image_size: Size = 32
    """Height and width of the images in pixels."""

    SIZE_MULTIPLE: ClassVar[int] = 1
    """The image size must be a multiple of this, so that all branches of a cell keep the same size."""

    def _check_together(self) -> None:
        if self.image_size % self.SIZE_MULTIPLE:
            raise InvalidInput(
                f"image_size must be a multiple of {self.SIZE_MULTIPLE} (each halving needs an even size), "
                f"got {self.image_size}; resize or pad the images"
            )

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.in_channels, self.image_size, self.image_size

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The setting with these fields, the rest at its default; `None` stands for the default, too.

        Raises:
            InvalidInput: there is no such field, or a value is out of range.
        """
        return cls.from_mapping({name: value for name, value in options.items() if value is not None}, "the network")


@dataclass(frozen=True, kw_only=True)
class PatchSetting(NetworkSetting):
    """A network that reads square patches of an image as a sequence (Dosovitskiy et al., 2021, section 3.1).

    Example:
        >>> PatchSetting(image_size=8, patch=2).tokens
        16
    """

    patch: Size = 4
    """Height and width of a patch in pixels; the image size is a multiple of it."""

    CHANNELS_MULTIPLE: ClassVar[int] = 1
    """The channels must be a multiple of this, so that all attention heads fit."""

    def _check_together(self) -> None:
        super()._check_together()
        multiple = self.CHANNELS_MULTIPLE
        if self.channels % multiple:
            raise InvalidInput(f"channels must be a multiple of {multiple}, so that all heads fit, got {self.channels}")
        if self.image_size % self.patch:
            raise InvalidInput(
                f"image_size must be a multiple of the patch, {self.patch} pixels, got {self.image_size}; resize or "
                "pad the images, or choose another patch"
            )

    @property
    def tokens(self) -> int:
        """Patches of an image."""
        return (self.image_size // self.patch) ** 2
