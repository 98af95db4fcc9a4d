"""How NAS-Bench-201 makes a network of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archllm.networks import NetworkConfig


@dataclass(frozen=True, kw_only=True)
class NASBench201Config(NetworkConfig):
    """Network of NAS-Bench-201 (Dong & Yang, 2020, figure 1): three stages of cells, a residual block between two."""

    channels: int = 16
    """Channels of the first stage (C); they double from stage to stage."""

    cells: int = 5
    """Cells per stage (N)."""

    SIZE_MULTIPLE: ClassVar[int] = 4
