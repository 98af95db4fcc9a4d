"""Large spaces of cells with operations on vertices: drawn vertex by vertex, told apart by canonical forms.

Too many graphs to go through once for each network, so what is counted, and drawn uniformly, are cells with their
vertices in one order: a cell that can be written in several orders counts once for each. Where every vertex reads the
one before it there is only one order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.graphs import ABSENT, Graphs, concatenate
from archllm.spaces.constraints import Constraint, check_work
from archllm.spaces.definition import NodeDagDefinition
from archllm.spaces.fingerprints import fingerprints
from archllm.spaces.kinds.canonical import canonical
from archllm.spaces.kinds.listed_dags import RAREST, fulfilled
from archllm.spaces.kinds.ordered_dags import MOST_STEPS, Degrees, OrderedDags
from archllm.spaces.kinds.shares import accepted_share
from archllm.spaces.kinds.vocabularies import INPUT_READ, OUTPUT_READS, VERTICES
from archllm.spaces.sizes import rounded_size

_WORD = 63  # bits of a number that stay positive
_TRIAL = 5_000  # cells drawn at a time
_MOST_TRIALS = 10
_MOST_AT_ONCE = 20_000  # cells


class LargeDags:
    """Cells within limits, counted by `OrderedDags`, the rest of what they fulfil by their share.

    Args:
        definition: the limits.
        constraints: what every cell fulfils. Those that speak of the number of vertices and of the edges into the
            output, or out of the input, are counted exactly.

    Raises:
        DefinitionError: no cell does, too few do to draw from, or the limit of edges takes too long to count.
    """

    enumerated = None

    def __init__(self, definition: NodeDagDefinition, constraints: Sequence[Constraint]) -> None:
        self.definition, self.max_nodes = definition, definition.max_vertices
        exact = [c for c in constraints if c.term.reads <= {VERTICES, OUTPUT_READS}]
        read = [c for c in constraints if c not in exact and c.term.reads <= {VERTICES, INPUT_READ}]
        self._others = [c for c in constraints if c not in exact and c not in read]
        self.cells = OrderedDags(
            ops=len(definition.ops),
            max_vertices=self.max_nodes,
            max_edges=definition.max_edges,
            max_in=definition.max_in_degree,
            chain=definition.chain,
            output_reads=self._degrees(exact, into=True),
            input_read=self._degrees(read, into=False),
        )
        self._check_work()
        self.exact = not self._others and definition.max_out_degree is None
        self.share = 1.0
        self.size = self.cells.size
        if not self.size:
            raise self._empty(constraints)
        if not self.exact:
            self._estimate()
        bits = self.max_nodes.bit_length() + (self.max_nodes - 2) * len(definition.ops).bit_length()
        self.exact_keys = bits + self.max_nodes * (self.max_nodes - 1) // 2 <= _WORD

    def _degrees(self, constraints: Sequence[Constraint], into: bool) -> dict[int, Degrees]:
        """Number of vertices -> the degrees of the output, or the input, with which constraints hold."""
        found = {}
        for vertices in range(2, self.max_nodes + 1) if constraints else ():
            cells = _probes(vertices, len(self.definition.ops), into)
            found[vertices] = frozenset((np.flatnonzero(fulfilled(constraints, cells)) + 1).tolist())
        return found

    def _check_work(self) -> None:
        if self.cells.work > MOST_STEPS:
            raise DefinitionError(
                f"cells of {self.max_nodes} vertices with at most {self.definition.max_edges} edges take too long to "
                f"count: allow fewer vertices or edges, or all {self.max_nodes * (self.max_nodes - 1) // 2} edges; a "
                "limit on max_in_degree, and constraints on the degrees of input and output, are counted at once",
                "max_edges",
            )

    def _empty(self, constraints: Sequence[Constraint]) -> DefinitionError:
        for number, constraint in enumerate(constraints):
            into = constraint.term.reads <= {VERTICES, OUTPUT_READS}
            if not any(self._degrees([constraint], into).values()):
                return DefinitionError(f"nothing fulfils `{constraint.text}`", "constraints", number)
        return DefinitionError("no cell keeps to the limits, or fulfils all constraints together", "max_edges")

    def _estimate(self) -> None:
        check_work(self._others, _TRIAL * _MOST_TRIALS)
        found = accepted_share(lambda n, rng: len(self._accepted(n, rng)), _TRIAL, _TRIAL * _MOST_TRIALS)
        self.share = found.value
        if self.share < RAREST:
            raise DefinitionError(
                f"only {found} random cells keep to all limits and constraints, and there are too "
                f"many cells ({rounded_size(self.size)}) to go through: loosen them, or allow fewer vertices; "
                "max_in_degree, and what speaks of the number of vertices or of the degree of the output or input "
                "alone, makes drawing no slower",
                "constraints" if self._others else "max_out_degree",
            )
        self.size = found.of(self.size)

    def _accepted(self, n: int, rng: np.random.Generator) -> Graphs:
        """Those of `n` cells that keep to all limits, as drawn."""
        cells = self.cells.draw(n, rng)
        if self.definition.max_out_degree is not None:
            cells = cells[cells.adjacency.sum(2).max(1) <= self.definition.max_out_degree]
        return cells[fulfilled(self._others, cells)] if self._others else cells

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        """`n` cells, uniform over orders of vertices, as the space writes them."""
        parts, found = [], 0
        while found < n:
            wanted = min(int((n - found) / self.share * 1.1) + 10, _MOST_AT_ONCE) if self.share < 1 else n - found
            parts.append(self._accepted(min(wanted, _MOST_AT_ONCE), rng)[: n - found])
            found += len(parts[-1])
        return self.normal(concatenate(parts))

    def normal(self, cells: Graphs) -> Graphs:
        """Pruned cells in the form in which the space writes them.

        Raises:
            InvalidArchitecture: one has so many symmetries that its form is not found in bounded time.
        """
        return cells if self.definition.chain else canonical(cells)

    def keys(self, cells: Graphs) -> NDArray[np.int64]:
        """`n` canonical keys of pruned cells.

        Raises:
            InvalidArchitecture: one has so many symmetries that its form is not found in bounded time.
        """
        words = self._words(self.normal(cells))
        return words[:, 0] if self.exact_keys else fingerprints(words)

    def _words(self, cells: Graphs) -> NDArray[np.int64]:
        """`n x w` numbers with all bits of the cells: number of vertices, operations, edges."""
        v, n = self.max_nodes, len(cells)
        present = cells.ops != ABSENT
        inner = np.where(present & (cells.ops <= len(self.definition.ops)), cells.ops, 0)[:, 1 : v - 1]
        parts = [
            _bits(present.sum(1)[:, None], v.bit_length()),
            _bits(inner, len(self.definition.ops).bit_length()),
            cells.adjacency[:, *np.triu_indices(v, 1)],
        ]
        bits = np.concatenate(parts, axis=1)
        bits = np.pad(bits, ((0, 0), (0, -bits.shape[1] % _WORD)))
        places = np.int64(1) << np.arange(_WORD, dtype=np.int64)
        words: NDArray[np.int64] = bits.reshape(n, bits.shape[1] // _WORD, _WORD) @ places
        return words


def _bits(numbers: NDArray[np.integer], width: int) -> NDArray[np.bool_]:
    """`n x (k width)`: the lowest bits of `n x k` numbers."""
    bits = (numbers[:, :, None].astype(np.int64) >> np.arange(width)) & 1
    return bits.reshape(len(numbers), numbers.shape[1] * width).astype(np.bool_)


def _probes(vertices: int, ops: int, into: bool) -> Graphs:
    """Graphs of so many vertices: one for each number of edges into the output, or out of the input."""
    degrees = np.arange(1, vertices)
    links = np.zeros((vertices - 1, vertices, vertices), dtype=np.bool_)
    if into:
        links[:, :-1, -1] = np.arange(vertices - 1) < degrees[:, None]
    else:
        links[:, 0, 1:] = np.arange(vertices - 1) < degrees[:, None]
    return Graphs(np.tile([0, *[1] * (vertices - 2), ops + 1], (vertices - 1, 1)), links)
