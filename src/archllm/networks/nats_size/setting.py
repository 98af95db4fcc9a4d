"""How widths become a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archllm.errors import InvalidInput
from archllm.networks.setting import NetworkSetting, Size

UNIT = 16
"""The choice of width that `channels` stands for."""


@dataclass(frozen=True, kw_only=True)
class NATSSizeSetting(NetworkSetting):
    """Network of the size search space of NATS-Bench: stem, cell, reduction, cell, reduction, cell, classifier.

    Example:
        >>> NATSSizeSetting(num_classes=100).num_classes
        100
    """

    channels: Size = UNIT
    """Channels of a layer of width 16; other widths in proportion, so that 8 makes all widths half as large."""

    SIZE_MULTIPLE: ClassVar[int] = 4

    def _check_together(self) -> None:
        super()._check_together()
        if self.channels % 2:
            raise InvalidInput(f"channels must be even, so that width 8 is a whole number, got {self.channels}")
