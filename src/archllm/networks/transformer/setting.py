"""How choices become a transformer encoder."""

from __future__ import annotations

from dataclasses import dataclass

from archllm.errors import InvalidInput
from archllm.networks.setting import NetworkSetting, Size

UNIT = 64
"""The choice of width that `channels` stands for."""


@dataclass(frozen=True, kw_only=True)
class TransformerSetting(NetworkSetting):
    """A transformer encoder on square patches of an image (Dosovitskiy et al., 2021), features averaged at the end.

    Example:
        >>> TransformerSetting(image_size=16).image
        (3, 16, 16)
    """

    channels: Size = UNIT
    """Features of a network of width 64; other widths in proportion. A multiple of 16, so that all heads fit."""

    patch: Size = 4
    """Height and width of a patch in pixels; the image size is a multiple of it."""

    def _check_together(self) -> None:
        super()._check_together()
        if self.channels % 16:
            raise InvalidInput(f"channels must be a multiple of 16, so that all heads fit, got {self.channels}")
        if self.image_size % self.patch:
            raise InvalidInput(
                f"image_size must be a multiple of the patch, {self.patch} pixels, got {self.image_size}; resize or "
                "pad the images, or choose another patch"
            )

    @property
    def tokens(self) -> int:
        """Patches of an image."""
        return (self.image_size // self.patch) ** 2
