"""How choices become a transformer encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archllm.networks.setting import PatchSetting, Size

UNIT = 64
"""The choice of width that `channels` stands for."""


@dataclass(frozen=True, kw_only=True)
class TransformerSetting(PatchSetting):
    """A transformer encoder on square patches of an image (Dosovitskiy et al., 2021), features averaged at the end.

    Example:
        >>> TransformerSetting(image_size=16).image
        (3, 16, 16)
    """

    channels: Size = UNIT
    """Features of a network of width 64; other widths in proportion. A multiple of 16, so that all heads fit."""

    CHANNELS_MULTIPLE: ClassVar[int] = 16
