"""How a network is made of a custom cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from archllm.config import Bounds
from archllm.networks.setting import LARGEST, NetworkSetting, Size

STAGES = 3
"""Stages of a network."""


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

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(self.channels * 2**stage for stage in range(STAGES))

    @property
    def depths(self) -> tuple[int, ...]:
        """Cells of each stage."""
        return (self.cells,) * STAGES

    @property
    def heights(self) -> tuple[int, ...]:
        """Height and width of what the cells of each stage read."""
        return tuple(self.image_size // 2**stage for stage in range(STAGES))

    @property
    def arguments(self) -> dict[str, Any]:
        """What network classes are told of stages and images."""
        return {"channels": self.channels, "cells": self.cells}


@dataclass(frozen=True, kw_only=True)
class ScaledSetting(CellNetworkSetting):
    """The same with stages of any width and depth, and images of any size: what a member of a `product` chooses.

    Example:
        >>> setting = ScaledSetting(stage_widths=(16, 24, 48), stage_cells=(1, 2, 1), resolution=16)
        >>> setting.heights, setting.image
        ((16, 8, 4), (3, 32, 32))
    """

    stage_widths: Annotated[tuple[int, ...], Bounds(1, LARGEST)] = (16, 32, 64)
    """Channels of each stage."""

    stage_cells: Annotated[tuple[int, ...], Bounds(1, LARGEST)] = (3, 3, 3)
    """Cells of each stage."""

    resolution: Annotated[int | None, Bounds(1, LARGEST)] = None
    """Height and width that the network resizes images to; by default they stay as they are."""

    @property
    def widths(self) -> tuple[int, ...]:
        return self.stage_widths

    @property
    def depths(self) -> tuple[int, ...]:
        return self.stage_cells

    @property
    def heights(self) -> tuple[int, ...]:
        return tuple((self.resolution or self.image_size) // 2**stage for stage in range(STAGES))

    @property
    def arguments(self) -> dict[str, Any]:
        resized = {} if self.resolution is None else {"resolution": self.resolution}
        return {"channels": self.stage_widths, "cells": self.stage_cells, **resized}
