"""Networks of edge_dag cells."""

from __future__ import annotations

from typing import Any

from archllm.graphs import Graphs
from archllm.networks.cells.base import CellNetworks, Plan, Uses, counted, staged
from archllm.networks.cells.setting import CellNetworkSetting
from archllm.networks.cells.sizes import staged_size
from archllm.spaces.kinds.edge_dag import EdgeDag


class EdgeDagNetworks(CellNetworks):
    """Each node of a cell is the sum of its edges' operations on earlier nodes.

    Args:
        space: a space whose definition names a block for each operation.
    """

    space: EdgeDag

    def _uses(self, graphs: Graphs, setting: Any) -> Uses:
        return staged(setting, counted(self.space.choices_of(graphs), len(self.space.ops)))

    def _count_fixed(self, graph: Graphs, setting: CellNetworkSetting) -> tuple[int, int]:
        return staged_size(setting)

    def _plan(self, graph: Graphs, setting: Any) -> Plan:
        from archllm.networks.cells.modules import EdgeDagNetwork

        ops = [self.space.ops[choice] for choice in self.space.choices_of(graph)[0]]
        terms: dict[int, list[str]] = {}
        for op, (source, target) in zip(ops, self.space.cell_edges, strict=True):
            terms.setdefault(target, []).append(f"{op}(node {source})")
        arguments = {
            "ops": tuple(ops),
            "nodes": self.space.cell_nodes,
            "num_classes": setting.num_classes,
            "channels": setting.channels,
            "cells": setting.cells,
            "in_channels": setting.in_channels,
        }
        notes = [
            "node 0 = input of the cell",
            *(f"node {node} = {' + '.join(parts)}" for node, parts in terms.items()),
            f"output of the cell = node {self.space.cell_nodes - 1}",
        ]
        return EdgeDagNetwork, arguments, notes
