"""Networks of the choices of a transformer encoder."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.transformer import counts
from archllm.networks.transformer.setting import UNIT, TransformerSetting
from archllm.spaces.kinds.choices import Choices


class TransformerNetworks(SpaceNetworks):
    """Encoders of 1 to 4 layers on image patches; heads change what is computed, not how large it is.

    Args:
        space: `transformer`.
    """

    space: Choices
    setting_type = TransformerSetting
    small = MappingProxyType({"channels": 16})

    def _sizes(self, graphs: Graphs, setting: TransformerSetting) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`n` widths in features and `n x layers` ratios, 0 where a layer is not there."""
        columns = self.space.columns(graphs)
        width = columns["width"].astype(np.int64) * setting.channels // UNIT
        ratios = np.stack([values for slot, values in columns.items() if slot.startswith("ratio")], axis=1)
        return width, np.nan_to_num(ratios).astype(np.int64)

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.params(*self._sizes(graphs, setting), setting)

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.macs(*self._sizes(graphs, setting), setting)

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        from archllm.networks.transformer.modules import Network

        values = self.space.values_of(graph)
        width = int(self._sizes(graph, setting)[0][0])
        heads = tuple(int(value) for slot, value in values.items() if slot.startswith("heads"))
        ratios = tuple(int(value) for slot, value in values.items() if slot.startswith("ratio"))
        return Blueprint(
            Network,
            {
                "width": width,
                "heads": heads,
                "ratios": ratios,
                "patch": setting.patch,
                "image_size": setting.image_size,
                "num_classes": setting.num_classes,
                "in_channels": setting.in_channels,
            },
            operations=(),
            image=setting.image,
            title=f"transformer encoder {text}",
            notes=(
                f"patches of {setting.patch} x {setting.patch} pixels, {width} features each",
                *(
                    f"layer {k + 1} = {h} heads, {r * width} hidden"
                    for k, (h, r) in enumerate(zip(heads, ratios, strict=True))
                ),
                "average over patches",
            ),
        )
