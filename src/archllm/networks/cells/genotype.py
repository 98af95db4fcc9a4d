"""Networks of genotype cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from archllm.graphs import Graphs
from archllm.networks.cells.base import STAGES, CellNetworks, Plan, Uses, counted, staged
from archllm.spaces.kinds.genotype import Genotype


class GenotypeNetworks(CellNetworks):
    """Each inner node of a cell adds up operations on earlier states; a second cell type stands between two stages.

    Args:
        space: a space whose definition names a block for each operation.
    """

    space: Genotype
    strided = True

    def _uses(self, graphs: Graphs, setting: Any) -> Uses:
        space, n = self.space, len(graphs)
        sources, ops = space.parts_of(graphs)
        found = staged(setting, counted(ops[:, 0].reshape(n, -1), len(space.ops)))
        if len(space.cells) > 1:
            reads_input = sources[:, 1] < space.cell_inputs
            for stage in range(1, STAGES):
                width, size = setting.channels * 2**stage, setting.image_size // 2 ** (stage - 1)
                for stride, there in ((2, reads_input), (1, ~reads_input)):
                    chosen = np.where(there, ops[:, 1], -1).reshape(n, -1)
                    at = size if stride == 2 else size // 2
                    found.append(((width, at, stride), counted(chosen, len(space.ops))))
        return found

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
            "channels": setting.channels,
            "layers": setting.cells,
            "in_channels": setting.in_channels,
        }
        return GenotypeNetwork, arguments, [*notes, "output of a cell = its nodes, joined"]
