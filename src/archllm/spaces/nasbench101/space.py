"""NAS-Bench-101: cells of at most 7 vertices and 9 edges with 3 operations (Ying et al., 2019)."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import ABSENT, Graphs, equal
from archllm.spaces.architecture import Architecture
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.nasbench101 import counts, formats
from archllm.spaces.nasbench101.config import NASBench101Config
from archllm.spaces.nasbench101.official_form import OfficialForm

if TYPE_CHECKING:
    from archllm.networks.blueprint import Blueprint


class NASBench101(NodeDag):
    """The 423,624 cells of NAS-Bench-101."""

    size = 423_624
    exact_size = enumerable = True
    network_config = NASBench101Config
    small_network = MappingProxyType({"channels": 16, "cells": 1})

    def official_hash(self, graph: Graphs) -> str:
        """The benchmark's module hash (MD5 over neighbourhood refinements) of a normalised member."""
        return formats.module_hash(graph)

    @cached_property
    def official_form(self) -> OfficialForm:
        """Puts normalised members into the form of the benchmark's own list, in which networks are made."""
        return OfficialForm(self.max_nodes, len(self.ops))

    def _params(self, graphs: Graphs, config: NASBench101Config) -> NDArray[np.int64]:
        return counts.params(self.official_form(graphs), config)

    def _macs(self, graphs: Graphs, config: NASBench101Config) -> NDArray[np.int64]:
        return counts.macs(self.official_form(graphs), config)

    def _blueprint(self, arch: Architecture, config: NASBench101Config) -> Blueprint:
        from archllm.networks.blueprint import Blueprint
        from archllm.spaces.nasbench101.network import Network

        graph = self.official_form(arch.graph)
        counts.params(graph, config)  # refuses a cell that needs more channels
        used = int((graph.ops[0] != ABSENT).sum())
        matrix = graph.adjacency[0, :used, :used]
        ops = [self.op_names[label] for label in graph.ops[0, :used]]
        names = ["input", *(f"vertex {vertex}" for vertex in range(1, used - 1)), "output"]
        notes = [
            f"{names[j]} = {ops[j]}({' + '.join(names[i] for i in np.flatnonzero(matrix[:, j]))})"
            for j in range(1, used - 1)
        ]
        joined = ", ".join(names[i] for i in np.flatnonzero(matrix[1:-1, -1]) + 1)
        parts = [f"join({joined})"] if joined else []
        parts += ["projection of input"] if matrix[0, -1] else []
        if not equal(graph, arch.graph).all():
            notes.insert(0, "vertices are numbered as in the benchmark's own list of cells, not as in the text above")
        return Blueprint(
            Network,
            {
                "matrix": tuple(tuple(row) for row in matrix.astype(int).tolist()),
                "ops": tuple(ops),
                "num_classes": config.num_classes,
                "channels": config.channels,
                "stacks": config.stacks,
                "cells": config.cells,
                "in_channels": config.in_channels,
            },
            operations=tuple(dict.fromkeys(ops[1:-1])),
            image=config.image,
            title=f"NAS-Bench-101 cell {arch.text}",
            notes=(*notes, f"output = {' + '.join(parts)}"),
        )
