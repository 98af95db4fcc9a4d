"""NAS-Bench-101: cells of at most 7 vertices and 9 edges with 3 operations (Ying et al., 2019)."""

from __future__ import annotations

from archllm.graphs import Graphs
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.nasbench101 import formats


class NASBench101(NodeDag):
    """The 423,624 cells of NAS-Bench-101."""

    size = 423_624
    exact_size = enumerable = True

    def official_hash(self, graph: Graphs) -> str:
        """The benchmark's module hash (MD5 over neighbourhood refinements) of a normalised member."""
        return formats.module_hash(graph)
