"""Networks of custom cells of each kind: operations on edges, on pairs of edges, on vertices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.networks.cells.base import CellNetworks, Plan, Use, counted, staged
from archllm.networks.cells.setting import STAGES, CellNetworkSetting
from archllm.networks.cells.sizes import staged_size
from archllm.networks.vertex_cell import VertexCell
from archllm.spaces.kinds.edge_dag import EdgeDag
from archllm.spaces.kinds.genotype import Genotype
from archllm.spaces.kinds.node_dag import NodeDag


class EdgeDagNetworks(CellNetworks):
    """Each node of a cell is the sum of its edges' operations on earlier nodes.

    Args:
        space: a space whose definition names a block for each operation.
    """

    space: EdgeDag

    def _uses(self, graphs: Graphs) -> list[Use]:
        return staged(counted(self.space.choices_of(graphs), len(self.space.ops)))

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
            **setting.arguments,
            "in_channels": setting.in_channels,
        }
        notes = [
            "node 0 = input of the cell",
            *(f"node {node} = {' + '.join(parts)}" for node, parts in terms.items()),
            f"output of the cell = node {self.space.cell_nodes - 1}",
        ]
        return EdgeDagNetwork, arguments, notes


class GenotypeNetworks(CellNetworks):
    """Each inner node of a cell adds up operations on earlier states; a second cell type stands between two stages.

    Args:
        space: a space whose definition names a block for each operation.
    """

    space: Genotype
    strided = True

    def _uses(self, graphs: Graphs) -> list[Use]:
        space, n = self.space, len(graphs)
        sources, ops = space.parts_of(graphs)
        found = staged(counted(ops[:, 0].reshape(n, -1), len(space.ops)))
        if len(space.cells) > 1:
            reads_input = sources[:, 1] < space.cell_inputs
            for stage in range(1, STAGES):
                for stride, there in ((2, reads_input), (1, ~reads_input)):
                    chosen = np.where(there, ops[:, 1], -1).reshape(n, -1)
                    found.append(Use(stage, counted(chosen, len(space.ops)), stride, repeated=False))
        return found

    def _frames(self, graphs: Graphs) -> NDArray[np.int64]:
        joined = self.space.joined_of(graphs).sum(2)
        frames: NDArray[np.int64] = joined @ (self.space.inner + 1) ** np.arange(len(self.space.cells))
        return frames

    def _plan(self, graph: Graphs, setting: Any) -> Plan:
        from archllm.networks.cells.modules import GenotypeNetwork

        space = self.space
        sources, ops = space.parts_of(graph)
        states = [*space.op_names[: space.cell_inputs], *(f"node {k}" for k in range(space.inner))]
        cells, notes = [], []
        for cell, title in enumerate(space.cells):
            edges = [
                (space.ops[op], int(source))
                for op, source in zip(ops[0, cell].ravel(), sources[0, cell].ravel(), strict=True)
            ]
            cells.append(tuple(edges))
            for k in range(space.inner):
                terms = (f"{op}({states[source]})" for op, source in edges[k * space.arity :][: space.arity])
                notes.append(f"{title} node {k} = {' + '.join(terms)}")
        arguments = {
            "cells": tuple(cells),
            "inputs": space.cell_inputs,
            "per_node": space.arity,
            "num_classes": setting.num_classes,
            **{"layers" if name == "cells" else name: value for name, value in setting.arguments.items()},
            "in_channels": setting.in_channels,
        }
        if not space.form.loose:
            return GenotypeNetwork, arguments, [*notes, "output of a cell = its nodes, joined"]
        joins = [tuple(np.flatnonzero(joined).tolist()) for joined in space.joined_of(graph)[0]]
        for title, nodes in zip(space.cells, joins, strict=True):
            notes.append(f"output of {title} = {', '.join(f'node {k}' for k in nodes)}, joined")
        return GenotypeNetwork, arguments | {"joins": tuple(joins)}, notes


class NodeDagNetworks(CellNetworks):
    """Each vertex of a cell adds up what feeds it and applies its operation.

    Args:
        space: a space whose definition names a block for each operation.
    """

    space: NodeDag

    def _uses(self, graphs: Graphs) -> list[Use]:
        return staged(counted(graphs.ops.astype(np.int64) - 1, len(self.space.ops)))

    def _count_fixed(self, graph: Graphs, setting: CellNetworkSetting) -> tuple[int, int]:
        return staged_size(setting)

    def _plan(self, graph: Graphs, setting: Any) -> Plan:
        from archllm.networks.cells.modules import NodeDagNetwork

        cell = VertexCell.of(graph, self.space.op_names)
        arguments = {
            "matrix": cell.matrix,
            "ops": cell.ops[1:-1],
            "num_classes": setting.num_classes,
            **setting.arguments,
            "in_channels": setting.in_channels,
        }
        return NodeDagNetwork, arguments, [*cell.notes(), f"output = {' + '.join(cell.sources(-1))}"]
