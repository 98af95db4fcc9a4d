"""transformer: small transformer encoders on image patches."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces.architecture import Architecture
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.transformer import counts
from archllm.spaces.transformer.config import UNIT, TransformerConfig

if TYPE_CHECKING:
    from archllm.networks.blueprint import Blueprint


class Transformer(Choices):
    """The 90,480 encoders of 1 to 4 layers; heads change what is computed, not how large it is."""

    network_config = TransformerConfig
    small_network = MappingProxyType({"channels": 16})

    def _sizes(self, graphs: Graphs, config: TransformerConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`n` widths in features and `n x layers` ratios, 0 where a layer is not there."""
        columns = self.columns(graphs)
        width = columns["width"].astype(np.int64) * config.channels // UNIT
        ratios = np.stack([values for slot, values in columns.items() if slot.startswith("ratio")], axis=1)
        return width, np.nan_to_num(ratios).astype(np.int64)

    def _params(self, graphs: Graphs, config: TransformerConfig) -> NDArray[np.int64]:
        return counts.params(*self._sizes(graphs, config), config)

    def _macs(self, graphs: Graphs, config: TransformerConfig) -> NDArray[np.int64]:
        return counts.macs(*self._sizes(graphs, config), config)

    def _blueprint(self, arch: Architecture, config: TransformerConfig) -> Blueprint:
        from archllm.networks.blueprint import Blueprint
        from archllm.spaces.transformer.network import Network

        values = self.values_of(arch.graph)
        width = int(self._sizes(arch.graph, config)[0][0])
        heads = tuple(int(value) for slot, value in values.items() if slot.startswith("heads"))
        ratios = tuple(int(value) for slot, value in values.items() if slot.startswith("ratio"))
        return Blueprint(
            Network,
            {
                "width": width,
                "heads": heads,
                "ratios": ratios,
                "patch": config.patch,
                "image_size": config.image_size,
                "num_classes": config.num_classes,
                "in_channels": config.in_channels,
            },
            operations=(),
            image=config.image,
            title=f"transformer encoder {arch.text}",
            notes=(
                f"patches of {config.patch} x {config.patch} pixels, {width} features each",
                *(
                    f"layer {k + 1} = {h} heads, {r * width} hidden"
                    for k, (h, r) in enumerate(zip(heads, ratios, strict=True))
                ),
                "average over patches",
            ),
        )
