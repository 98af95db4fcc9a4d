"""Networks of DARTS' genotypes."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.darts import counts
from archllm.networks.darts.setting import DARTSSetting
from archllm.spaces.kinds.genotype import Genotype


class DARTSNetworks(SpaceNetworks):
    """Evaluation networks of DARTS.

    Args:
        space: DARTS.
    """

    space: Genotype
    setting_type = DARTSSetting
    small = MappingProxyType({"channels": 4, "layers": 3})

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.params(*self.space.parts_of(graphs), self.space.ops, setting)

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.macs(*self.space.parts_of(graphs), self.space.ops, setting)

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        from archllm.networks.darts.modules import Network

        space = self.space
        sources, ops = (part[0].reshape(len(space.cells), -1) for part in space.parts_of(graph))
        normal, reduce = (
            tuple((space.ops[op], int(source)) for op, source in zip(ops[cell], sources[cell], strict=True))
            for cell in range(len(space.cells))
        )
        notes = [
            f"{cell} node {node + 2} = " + " + ".join(f"{op}({_state(source)})" for op, source in edges[2 * node :][:2])
            for cell, edges in zip(space.cells, (normal, reduce), strict=True)
            for node in range(space.inner)
        ]
        return Blueprint(
            Network,
            {
                "normal": normal,
                "reduce": reduce,
                "num_classes": setting.num_classes,
                "channels": setting.channels,
                "layers": setting.layers,
                "in_channels": setting.in_channels,
                "stem": setting.stem,
                "auxiliary": setting.auxiliary,
                "drop_path": setting.drop_path,
            },
            operations=tuple(dict.fromkeys(op for op, _ in (*normal, *reduce))),
            image=setting.image,
            title=f"DARTS genotype {text}",
            notes=(
                "c_{k-1} = output of the cell before, c_{k-2} = output of the one before that",
                *notes,
                "output of a cell = its nodes, joined",
                "operations of reduce cells on c_{k-2} and c_{k-1} halve the resolution",
            ),
        )


def _state(source: int) -> str:
    return ("c_{k-2}", "c_{k-1}")[source] if source < 2 else f"node {source}"
