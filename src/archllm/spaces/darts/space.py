"""DARTS: a normal and a reduction cell of 4 inner nodes, each adding 2 of 7 operations (Liu et al., 2019)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces.architecture import Architecture
from archllm.spaces.darts import counts
from archllm.spaces.darts.config import DARTSConfig
from archllm.spaces.kinds.genotype import Genotype

if TYPE_CHECKING:
    from archllm.networks.blueprint import Blueprint


class DARTS(Genotype):
    """The (1·3·6·10·7^8)² genotypes of DARTS.

    The key is the same for genotypes that differ only in the order of inner nodes or of a node's two inputs.
    """

    network_config = DARTSConfig
    small_network = MappingProxyType({"channels": 4, "layers": 3})

    def _params(self, graphs: Graphs, config: DARTSConfig) -> NDArray[np.int64]:
        return counts.params(*self.parts_of(graphs), self.ops, config)

    def _macs(self, graphs: Graphs, config: DARTSConfig) -> NDArray[np.int64]:
        return counts.macs(*self.parts_of(graphs), self.ops, config)

    def _blueprint(self, arch: Architecture, config: DARTSConfig) -> Blueprint:
        from archllm.networks.blueprint import Blueprint
        from archllm.spaces.darts.network import Network

        sources, ops = (part[0].reshape(len(self.cells), -1) for part in self.parts_of(arch.graph))
        normal, reduce = (
            tuple((self.ops[op], int(source)) for op, source in zip(ops[cell], sources[cell], strict=True))
            for cell in range(len(self.cells))
        )
        notes = [
            f"{cell} node {node + 2} = " + " + ".join(f"{op}({_state(source)})" for op, source in edges[2 * node :][:2])
            for cell, edges in zip(self.cells, (normal, reduce), strict=True)
            for node in range(self.inner)
        ]
        return Blueprint(
            Network,
            {
                "normal": normal,
                "reduce": reduce,
                "num_classes": config.num_classes,
                "channels": config.channels,
                "layers": config.layers,
                "in_channels": config.in_channels,
                "stem": config.stem,
                "auxiliary": config.auxiliary,
                "drop_path": config.drop_path,
            },
            operations=tuple(dict.fromkeys(op for op, _ in (*normal, *reduce))),
            image=config.image,
            title=f"DARTS genotype {arch.text}",
            notes=(
                "c_{k-1} = output of the cell before, c_{k-2} = output of the one before that",
                *notes,
                "output of a cell = its nodes, joined",
                "operations of reduce cells on c_{k-2} and c_{k-1} halve the resolution",
            ),
        )


def _state(source: int) -> str:
    return ("c_{k-2}", "c_{k-1}")[source] if source < 2 else f"node {source}"
