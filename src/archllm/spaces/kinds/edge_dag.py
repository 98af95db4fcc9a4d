"""edge_dag: one operation on every edge of the complete DAG on a few nodes.

As a graph, every edge of the cell becomes a node that carries its operation, between one input and one output; which
nodes are linked (the fixed topology) is the same for all members, so a member is a tuple of choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm import drawing
from archllm.graphs import Graphs
from archllm.spaces.constraints import compile_constraints
from archllm.spaces.definition import EdgeDagDefinition
from archllm.spaces.kinds.assignments import Assignments
from archllm.spaces.kinds.fixed_topology import FixedTopology
from archllm.spaces.kinds.vocabularies import EdgeVocabulary
from archllm.spaces.parameters import Parameter, Parameters
from archllm.spaces.texts import edges as texts


class EdgeDag(FixedTopology):
    """A space of cells with one operation per edge.

    Labels are `0` input, `1 … k` the operations, `k + 1` output. Edges come target by target, and within a target by
    source: (1←0), (2←0), (2←1), (3←0), …

    Args:
        definition: operations, nodes and constraints.

    Raises:
        DefinitionError: it defines no space that can be worked with.

    Example:
        >>> space = EdgeDag(EdgeDagDefinition(name="tiny", ops=("conv", "skip"), nodes=3))
        >>> space.size, space.format(space.enumerate()[:1])
        (8, ['|conv~0|+|conv~0|conv~1|'])
    """

    kind = "edge_dag"
    ops: tuple[str, ...]
    definition: EdgeDagDefinition
    _slot_word = "edges"

    def __init__(self, definition: EdgeDagDefinition) -> None:
        self._define(definition)
        self.ops = definition.ops
        self.op_names = ("input", *self.ops, "output")
        self.cell_nodes = definition.nodes
        self.cell_edges = tuple((source, target) for target in range(1, self.cell_nodes) for source in range(target))
        self.choices_per_edge = len(self.ops)
        self.vocabulary = EdgeVocabulary(self.ops, self.cell_edges)
        constraints = compile_constraints(definition.constraints, self.vocabulary, "constraints")
        assignments = Assignments([len(self.ops)] * len(self.cell_edges), constraints)
        self._arrange(self._links(), [range(1, len(self.ops) + 1)] * len(self.cell_edges), assignments)

    def _links(self) -> NDArray[np.bool_]:
        """`v x v` links: an edge node is fed by the edge nodes that end where it starts."""
        adjacency = np.zeros((len(self.cell_edges) + 2,) * 2, dtype=np.bool_)
        for at, (source, target) in enumerate(self.cell_edges, start=1):
            if source == 0:
                adjacency[0, at] = True
            for before, (_, end) in enumerate(self.cell_edges, start=1):
                adjacency[before, at] |= end == source
            if target == self.cell_nodes - 1:
                adjacency[at, -1] = True
        return adjacency

    @cached_property
    def parameters(self) -> Parameters:
        each = (Parameter(f"edge_{target}_{source}", self.ops) for source, target in self.cell_edges)
        return Parameters(tuple(each), self.graphs_of, self.choices_of)

    def drawing_cells(self, graph: Graphs) -> Sequence[drawing.Drawing]:
        """The cell; each operation says between which nodes it stands, numbered as in the text."""
        cell = drawing.cell_of_graph(graph, self.op_names, operations=self.operations)
        places = ["0", *(f"{source} → {target}" for source, target in self.cell_edges), str(self.cell_nodes - 1)]
        nodes = (replace(node, place=place) for node, place in zip(cell.nodes, places, strict=True))
        return [replace(cell, nodes=tuple(nodes))]

    def _parse(self, text: str) -> Graphs:
        return self.graphs_of(texts.parse_string(text, self.cell_edges, self.ops))

    def _format(self, graph: Graphs) -> str:
        return texts.format_string(self.choices_of(graph)[0], self.cell_edges, self.ops)
