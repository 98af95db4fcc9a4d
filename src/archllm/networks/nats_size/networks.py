"""Networks of five widths."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.nats_size import counts
from archllm.networks.nats_size.setting import UNIT, NATSSizeSetting
from archllm.spaces.kinds.choices import Choices


class NATSSizeNetworks(SpaceNetworks):
    """Networks of the size search space of NATS-Bench.

    Args:
        space: `nats-size`.
    """

    space: Choices
    setting_type = NATSSizeSetting
    small = MappingProxyType({"channels": 8})

    def _widths(self, graphs: Graphs, setting: NATSSizeSetting) -> NDArray[np.int64]:
        """`n x 5` channels."""
        values = np.stack(list(self.space.columns(graphs).values()), axis=1).astype(np.int64)
        return values * setting.channels // UNIT

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.params(self._widths(graphs, setting), setting)

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.macs(self._widths(graphs, setting), setting)

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        from archllm.networks.nats_size.modules import Network

        widths = self._widths(graph, setting)[0].tolist()
        layers = ("cell", "reduction", "cell", "reduction", "cell")
        return Blueprint(
            Network,
            {"widths": tuple(widths), "num_classes": setting.num_classes, "in_channels": setting.in_channels},
            operations=(),
            image=setting.image,
            title=f"widths {text} of the size search space of NATS-Bench",
            notes=tuple(
                f"layer {k + 1} = {layer}, {width} channels"
                for k, (layer, width) in enumerate(zip(layers, widths, strict=True))
            ),
        )
