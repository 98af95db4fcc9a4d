"""Layout: where in a graph each part of an architecture stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.base import SearchSpace
from archllm.spaces.kinds.fixed_topology import FixedTopology
from archllm.spaces.kinds.genotype import Genotype

MOST_LINKED = 256
"""Most nodes of all parts together, unless none has edges: a member takes the square of them."""

MOST_LABELS = 120
"""Most different labels: they are 8-bit."""

FOREIGN = 127
"""The label in a part of what no label of the part is."""

OFF = "off"
"""Name of the label of positions that a part does not use, and of slots that are inactive."""


class Layout:
    """Graphs of members: those of the parts one after the other, each at positions of its own, without edges between.

    Parts share the labels that they have the same names for: `input` first, `output` last.

    Args:
        parts: name -> space.

    Raises:
        DefinitionError: there are too many nodes or labels.
    """

    def __init__(self, parts: Mapping[str, SearchSpace]) -> None:
        self.spaces = list(parts.values())
        ends = list(accumulate(space.max_nodes for space in self.spaces))
        self.places = [slice(end - space.max_nodes, end) for end, space in zip(ends, self.spaces, strict=True)]
        self.nodes = ends[-1]
        self.linked = not all(space.sequential for space in self.spaces)
        if self.linked and self.nodes > MOST_LINKED:
            raise DefinitionError(f"graphs of all parts have {self.nodes:,} nodes, and may have {MOST_LINKED}", "parts")
        names = dict.fromkeys(name for space in self.spaces for name in space.op_names)
        varies = [not isinstance(space, FixedTopology | Genotype) for space in self.spaces]
        if any(varies):
            names[OFF] = None
        inner = [name for name in names if name not in ("input", "output")]
        self.names = ("input", *inner, "output")
        if len(self.names) > MOST_LABELS:
            raise DefinitionError(
                f"all parts together have at most {MOST_LABELS} different labels, found {len(self.names)}", "parts"
            )
        label_of = {name: label for label, name in enumerate(self.names)}
        self._to_whole = []
        self._to_part = []
        for space, smaller in zip(self.spaces, varies, strict=True):
            whole = np.full(256, ABSENT, dtype=np.int8)
            part = np.full(256, FOREIGN, dtype=np.int8)
            if smaller:
                whole[ABSENT], part[label_of[OFF]] = label_of[OFF], ABSENT
            for label, name in enumerate(space.op_names):
                whole[label], part[label_of[name]] = label_of[name], label
            self._to_whole.append(whole)
            self._to_part.append(part)

    def taken_apart(self, graphs: Graphs) -> list[Graphs]:
        """The graphs of each part, on all positions of it, of graphs that have at least `nodes` positions."""
        parts = []
        for place, table, space in zip(self.places, self._to_part, self.spaces, strict=True):
            ops = table[graphs.ops[:, place]]  # a negative label counts from the end of the table
            edges = None if graphs.edgeless else graphs.adjacency[:, place, place]
            if edges is None or (space.sequential and not edges.any()):
                parts.append(Graphs.unlinked(ops))
            else:
                parts.append(Graphs(ops, edges))
        return parts

    def put_together(self, parts: Sequence[Graphs]) -> Graphs:
        """The inverse of `taken_apart`, for graphs on no more positions than their parts have."""
        n = len(parts[0])
        ops = np.empty((n, self.nodes), dtype=np.int8)
        edges = np.zeros((n, self.nodes, self.nodes), dtype=np.bool_) if self.linked else None
        for place, table, graphs, space in zip(self.places, self._to_whole, parts, self.spaces, strict=True):
            wide = graphs.padded(space.max_nodes)
            ops[:, place] = table[wide.ops]
            if edges is not None and not wide.edgeless:
                edges[:, place, place] = wide.adjacency
        return Graphs.unlinked(ops) if edges is None else Graphs(ops, edges)

    def misplaced(self, graphs: Graphs) -> NDArray[np.bool_]:
        """`n` booleans: graphs that have absent positions, positions behind all parts, or edges from part to part."""
        wide = graphs.padded(max(graphs.nodes, self.nodes))
        wrong: NDArray[np.bool_] = (wide.ops[:, : self.nodes] == ABSENT).any(1)
        wrong |= (wide.ops[:, self.nodes :] != ABSENT).any(1)
        if not wide.edgeless:
            between = np.ones((wide.nodes, wide.nodes), dtype=np.bool_)
            for place in self.places:
                between[place, place] = False
            wrong |= (wide.adjacency & between).any((1, 2))
        return wrong

    def cut(self, graphs: Graphs) -> Graphs:
        """Graphs on `nodes` positions, what is behind them dropped."""
        wide = graphs.padded(max(graphs.nodes, self.nodes))
        if wide.nodes == self.nodes:
            return wide
        if wide.edgeless:
            return Graphs.unlinked(wide.ops[:, : self.nodes])
        return Graphs(wide.ops[:, : self.nodes], wide.adjacency[:, : self.nodes, : self.nodes])
