"""NAS-Bench-101: cells of at most 7 vertices and 9 edges with 3 operations (Ying et al., 2019)."""

from __future__ import annotations

from archllm.graphs import Graphs
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.nasbench101 import formats

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""Operation names, in the order in which the benchmark numbers them."""


class NASBench101(NodeDag):
    """The 423,624 cells of NAS-Bench-101."""

    size = 423_624

    def __init__(self) -> None:
        super().__init__("nasbench101", OPS, max_nodes=7, max_edges=9)

    def official_hash(self, graph: Graphs) -> str:
        """The benchmark's module hash (MD5 over neighbourhood refinements) of a normalised member."""
        return formats.module_hash(graph)

    def _parse(self, text: str) -> Graphs:
        return formats.parse_json(text, self.op_names)

    def _format(self, graph: Graphs) -> str:
        return formats.format_json(graph, self.op_names)
