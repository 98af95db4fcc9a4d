"""NAS-Bench-201: one of 5 operations on each of the 6 edges of a 4-node cell (Dong & Yang, 2020)."""

from __future__ import annotations

import random
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces.kinds.edge_dag import EdgeDag
from archllm.spaces.nasbench201 import formats


class NASBench201(EdgeDag):
    """The 15,625 cells of NAS-Bench-201, in the official order: keys are official indices."""

    class_count = 6_466

    def official_hash(self, graph: Graphs) -> str:
        """The official index, as text."""
        return str(int(self._keys(graph)[0]))

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """The official index, and NASLib's tuple."""
        return {"index": int(self._keys(graph)[0]), "naslib": self.naslib(graph)}

    def validate_loosely(self, graphs: Graphs) -> NDArray[np.bool_]:
        """The rule of arch2vec's official code: labels alone count, and that of the second node may be anything."""
        ops = graphs.padded(max(graphs.nodes, self.max_nodes)).ops
        last = self.max_nodes - 1
        inner = ops[:, 2:last]  # the official loop begins at the third node
        legal: NDArray[np.bool_] = (
            (ops[:, 0] == 0)
            & ((inner > 0) & (inner <= len(self.ops))).all(1)
            & (ops[:, last] == len(self.ops) + 1)
            & (ops[:, self.max_nodes :] < 0).all(1)
        )
        return legal

    def class_keys(self, graphs: Graphs) -> NDArray[np.int64]:
        """Equal for cells that compute the same once skips are followed and zeros dropped, as the benchmark counts."""
        return self._class_of_index[self.keys(graphs)]

    @cached_property
    def _official_order(self) -> NDArray[np.int64]:
        """Lexicographic rank of each official index: the benchmark shuffled its list once, with seed 88."""
        order = list(range(self.size))
        random.Random(88).shuffle(order)
        return np.array(order)

    @cached_property
    def _official_index(self) -> NDArray[np.int64]:
        return np.argsort(self._official_order)

    @cached_property
    def _class_of_index(self) -> NDArray[np.int64]:
        texts = [formats.structure(row, self.ops) for row in self._unrank(np.arange(self.size))]
        return np.unique(np.array(texts), return_inverse=True)[1]

    def _rank(self, choices: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._official_index[super()._rank(choices)]

    def _unrank(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        return super()._unrank(self._official_order[ranks])

    def _parse(self, text: str) -> Graphs:
        if text.isascii() and text.strip().isdecimal():
            index = formats.parse_index(text, self.size)
            return self.graphs_of(self._unrank(np.array([index])))
        if text.lstrip().startswith(("(", "[")):
            return self.graphs_of(formats.parse_naslib(text, self.ops))
        return super()._parse(text)

    def naslib(self, graph: Graphs) -> tuple[int, ...]:
        """NASLib's 6-tuple of a member."""
        return formats.format_naslib(self.choices_of(graph)[0], self.ops)
