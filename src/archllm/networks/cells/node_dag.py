"""Networks of node_dag cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from archllm.graphs import Graphs
from archllm.networks.cells.base import CellNetworks, Plan, Uses, counted, staged
from archllm.networks.cells.setting import CellNetworkSetting
from archllm.networks.cells.sizes import staged_size
from archllm.networks.vertex_cell import VertexCell
from archllm.spaces.kinds.node_dag import NodeDag


class NodeDagNetworks(CellNetworks):
    """Each vertex of a cell adds up what feeds it and applies its operation.

    Args:
        space: a space whose definition names a block for each operation.
    """

    space: NodeDag

    def _uses(self, graphs: Graphs, setting: Any) -> Uses:
        return staged(setting, counted(graphs.ops.astype(np.int64) - 1, len(self.space.ops)))

    def _count_fixed(self, graph: Graphs, setting: CellNetworkSetting) -> tuple[int, int]:
        return staged_size(setting)

    def _plan(self, graph: Graphs, setting: Any) -> Plan:
        from archllm.networks.cells.modules import NodeDagNetwork

        cell = VertexCell.of(graph, self.space.op_names)
        arguments = {
            "matrix": cell.matrix,
            "ops": cell.ops[1:-1],
            "num_classes": setting.num_classes,
            "channels": setting.channels,
            "cells": setting.cells,
            "in_channels": setting.in_channels,
        }
        return NodeDagNetwork, arguments, [*cell.notes(), f"output = {' + '.join(cell.sources(-1))}"]
