"""How a network is made of a member of a grammar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archllm.networks.setting import NetworkSetting, PatchSetting, Size


@dataclass(frozen=True, kw_only=True)
class ImageSetting(NetworkSetting):
    """Stem, blocks, classifier; each downsampling block halves the resolution and doubles the channels.

    Example:
        >>> ImageSetting(channels=8).image
        (3, 32, 32)
    """


@dataclass(frozen=True, kw_only=True)
class SequenceSetting(PatchSetting):
    """Square patches of an image as a sequence, blocks, an average over the sequence, classifier.

    Example:
        >>> SequenceSetting(image_size=8, patch=2).tokens
        16
    """

    channels: Size = 32
    """Features of each patch; a multiple of 4, so that attention has four heads."""

    CHANNELS_MULTIPLE: ClassVar[int] = 4
