"""Networks of NAS-Bench-101's cells."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs, equal
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.nasbench101 import counts
from archllm.networks.nasbench101.official_form import OfficialForm
from archllm.networks.nasbench101.setting import NASBench101Setting
from archllm.networks.vertex_cell import VertexCell
from archllm.spaces.base import SearchSpace


class NASBench101Networks(SpaceNetworks):
    """Networks as the benchmark trained them: its channels, and its own form of each cell.

    Args:
        space: NAS-Bench-101.
    """

    setting_type = NASBench101Setting
    small = MappingProxyType({"channels": 16, "cells": 1})

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        self.official_form = OfficialForm(space.max_nodes, len(space.op_names) - 2)

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.params(self.official_form(graphs), setting)

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.macs(self.official_form(graphs), setting)

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        from archllm.networks.nasbench101.modules import Network

        official = self.official_form(graph)
        counts.params(official, setting)  # refuses a cell that needs more channels
        cell = VertexCell.of(official, self.space.op_names)
        notes = cell.notes()
        if not equal(official, graph).all():
            notes.insert(0, "vertices are numbered as in the benchmark's own list of cells, not as in the text above")
        joined = [name for name in cell.sources(-1) if name != "input"]
        parts = [f"join({', '.join(joined)})"] if joined else []
        parts += ["projection of input"] if cell.matrix[0][-1] else []
        return Blueprint(
            Network,
            {
                "matrix": cell.matrix,
                "ops": cell.ops,
                "num_classes": setting.num_classes,
                "channels": setting.channels,
                "stacks": setting.stacks,
                "cells": setting.cells,
                "in_channels": setting.in_channels,
            },
            operations=tuple(dict.fromkeys(cell.ops[1:-1])),
            image=setting.image,
            title=f"NAS-Bench-101 cell {text}",
            notes=(*notes, f"output = {' + '.join(parts)}"),
        )
