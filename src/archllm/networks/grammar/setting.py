"""How a network is made of a member of a grammar."""

from __future__ import annotations

from dataclasses import dataclass

from archllm.errors import InvalidInput
from archllm.networks.setting import NetworkSetting, Size


@dataclass(frozen=True, kw_only=True)
class ImageSetting(NetworkSetting):
    """Stem, blocks, classifier; each downsampling block halves the resolution and doubles the channels.

    Example:
        >>> ImageSetting(channels=8).image
        (3, 32, 32)
    """


@dataclass(frozen=True, kw_only=True)
class SequenceSetting(NetworkSetting):
    """Square patches of an image as a sequence, blocks, an average over the sequence, classifier.

    Example:
        >>> SequenceSetting(image_size=8, patch=2).tokens
        16
    """

    channels: Size = 32
    """Features of each patch; a multiple of 4, so that attention has four heads."""

    patch: Size = 4
    """Height and width of a patch in pixels; the image size is a multiple of it."""

    def _check_together(self) -> None:
        super()._check_together()
        if self.channels % 4:
            raise InvalidInput(f"channels must be a multiple of 4, got {self.channels}")
        if self.image_size % self.patch:
            raise InvalidInput(
                f"image_size must be a multiple of the patch, {self.patch} pixels, got {self.image_size}; resize or "
                "pad the images, or choose another patch"
            )

    @property
    def tokens(self) -> int:
        """Patches of an image."""
        return (self.image_size // self.patch) ** 2
