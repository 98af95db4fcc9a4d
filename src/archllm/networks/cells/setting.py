"""How a network is made of a custom cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archllm.networks.setting import NetworkSetting, Size


@dataclass(frozen=True, kw_only=True)
class CellNetworkSetting(NetworkSetting):
    """Stem, three stages of cells, classifier; channels double from stage to stage.

    Example:
        >>> CellNetworkSetting(channels=8, num_classes=3).image
        (3, 32, 32)
    """

    channels: Size = 16
    """Channels of the first stage."""

    cells: Size = 3
    """Cells per stage."""

    SIZE_MULTIPLE: ClassVar[int] = 4
