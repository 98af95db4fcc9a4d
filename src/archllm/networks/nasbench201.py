"""Networks of NAS-Bench-201: those of any cell with one operation per edge, deeper by default."""

from __future__ import annotations

from dataclasses import dataclass

from archllm.networks.cells.kinds import EdgeDagNetworks
from archllm.networks.cells.setting import CellNetworkSetting
from archllm.networks.setting import Size


@dataclass(frozen=True, kw_only=True)
class NASBench201Setting(CellNetworkSetting):
    """Network of NAS-Bench-201 (Dong & Yang, 2020, figure 1): three stages of cells, a residual block between two.

    Example:
        >>> NASBench201Setting().cells
        5
    """

    channels: Size = 16
    """Channels of the first stage (C); they double from stage to stage."""

    cells: Size = 5
    """Cells per stage (N)."""


class NASBench201Networks(EdgeDagNetworks):
    """Networks of NAS-Bench-201; the blocks of its operations stand in its space file."""

    setting_type = NASBench201Setting
