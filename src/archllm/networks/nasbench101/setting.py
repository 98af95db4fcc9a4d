"""How NAS-Bench-101 makes a network of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archllm.config import Bounds
from archllm.errors import InvalidInput
from archllm.networks.setting import NetworkSetting, Size

MOST_STACKS = 8


@dataclass(frozen=True, kw_only=True)
class NASBench101Setting(NetworkSetting):
    """Network of NAS-Bench-101 (Ying et al., 2019, figure 1): stem, stacks of cells, a max-pool between two stacks.

    Example:
        >>> NASBench101Setting().channels
        128
    """

    channels: Size = 128
    """Channels of the stem and the first stack; they double from stack to stack."""

    stacks: Annotated[int, Bounds(1, MOST_STACKS)] = 3
    """Stacks of cells."""

    cells: Size = 3
    """Cells per stack."""

    def _check_together(self) -> None:
        super()._check_together()
        if self.image_size < 2 ** (self.stacks - 1):
            raise InvalidInput(
                f"image_size must be at least {2 ** (self.stacks - 1)} for {self.stacks} stacks, got {self.image_size}"
            )
