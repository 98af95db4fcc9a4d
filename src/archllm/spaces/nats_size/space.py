"""nats-size: how wide each of five layers is, as in the size search space of NATS-Bench (Dong et al., 2021)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces.architecture import Architecture
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.nats_size import counts
from archllm.spaces.nats_size.config import UNIT, NATSSizeConfig

if TYPE_CHECKING:
    from archllm.networks.blueprint import Blueprint

_OFFICIAL = re.compile(r"\s*\d{1,3}(?::\d{1,3}){4}\s*", re.ASCII)


class NATSSize(Choices):
    """The 32,768 combinations of five widths; the benchmark's own text, `8:16:24:32:40`, is read as well."""

    network_config = NATSSizeConfig
    small_network = MappingProxyType({"channels": 8})

    def _parse(self, text: str) -> Graphs:
        if _OFFICIAL.fullmatch(text):
            widths = text.strip().split(":")
            if all(width in self.value_texts["width1"] for width in widths):
                return self.graphs_of(np.array([[self.value_texts["width1"].index(width) for width in widths]]))
        return super()._parse(text)

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """The benchmark's text."""
        return {"channels": ":".join(str(width) for width in self.values_of(graph).values())}

    def _widths(self, graphs: Graphs, config: NATSSizeConfig) -> NDArray[np.int64]:
        """`n x 5` channels."""
        values = np.stack(list(self.columns(graphs).values()), axis=1).astype(np.int64)
        return values * config.channels // UNIT

    def _params(self, graphs: Graphs, config: NATSSizeConfig) -> NDArray[np.int64]:
        return counts.params(self._widths(graphs, config), config)

    def _macs(self, graphs: Graphs, config: NATSSizeConfig) -> NDArray[np.int64]:
        return counts.macs(self._widths(graphs, config), config)

    def _blueprint(self, arch: Architecture, config: NATSSizeConfig) -> Blueprint:
        from archllm.networks.blueprint import Blueprint
        from archllm.spaces.nats_size.network import Network

        widths = self._widths(arch.graph, config)[0].tolist()
        layers = ("cell", "reduction", "cell", "reduction", "cell")
        return Blueprint(
            Network,
            {"widths": tuple(widths), "num_classes": config.num_classes, "in_channels": config.in_channels},
            operations=(),
            image=config.image,
            title=f"widths {arch.text} of the size search space of NATS-Bench",
            notes=tuple(
                f"layer {k + 1} = {layer}, {width} channels"
                for k, (layer, width) in enumerate(zip(layers, widths, strict=True))
            ),
        )
