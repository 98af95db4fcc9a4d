"""DARTS: a normal and a reduction cell of 4 inner nodes, each adding 2 of 7 operations (Liu et al., 2019)."""

from __future__ import annotations

import numpy as np

from archllm.graphs import Graphs
from archllm.spaces.darts import formats
from archllm.spaces.kinds.genotype import Genotype

OPS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""Operation names, in the order of the original code, without its `none`."""


class DARTS(Genotype):
    """The (1·3·6·10·7^8)² genotypes of DARTS.

    The key is the same for genotypes that differ only in the order of inner nodes or of a node's two inputs.
    """

    def __init__(self) -> None:
        super().__init__("darts", OPS, ("c_{k-2}", "c_{k-1}"), inner=4, arity=2, cells=("normal", "reduce"))

    def _parse(self, text: str) -> Graphs:
        sources, ops = formats.parse_genotype(text, OPS, self.cells, self.inner, self.arity, self.cell_inputs)
        return self.graphs_of(np.array([sources]), np.array([ops]))

    def _format(self, graph: Graphs) -> str:
        sources, ops = self.parts_of(graph)
        return formats.format_genotype(sources[0], ops[0], OPS, self.cells, self.cell_inputs)
