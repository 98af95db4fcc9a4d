"""Genotypes as they are drawn: inner nodes are sums of their operations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.drawing import Cell, Node


def drawn_cell(
    sources: NDArray[np.int64], ops: NDArray[np.int64], inputs: Sequence[str], names: Sequence[str], title: str
) -> Cell:
    """One cell.

    Args:
        sources: `inner x arity`: what each operation reads, cell inputs first, then inner nodes.
        ops: `inner x arity` operations.
        inputs: names of the cell inputs.
        names: names of the operations.
        title: what the cell is called.
    """
    nodes = [Node(name, "input") for name in inputs]
    edges: list[tuple[int, int]] = []
    at = list(range(len(inputs)))  # where a source stands among the nodes drawn so far
    inner, arity = sources.shape
    for k in range(inner):
        total = len(nodes) + arity
        for slot in range(arity):
            edges += [(at[sources[k, slot]], len(nodes)), (len(nodes), total)]
            nodes.append(Node(names[ops[k, slot]], "op"))
        at.append(total)
        nodes.append(Node(str(k), "sum"))
    edges += [(place, len(nodes)) for place in at[len(inputs) :]]
    nodes.append(Node("output", "output"))
    return Cell(tuple(nodes), tuple(edges), title)
