"""Small spaces of cells with operations on vertices: each network counted once, listed, or drawn shape by shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.graphs import Graphs, concatenate
from archllm.spaces.constraints import Constraint, check_work
from archllm.spaces.definition import NodeDagDefinition
from archllm.spaces.kinds.paths import by_vertices
from archllm.spaces.kinds.permutations import KEY_BITS, NodePermutations
from archllm.spaces.kinds.shares import accepted_share
from archllm.spaces.limits import fits

MOST_GRAPHS = 20_000_000
"""Most raw edge sets of a space, of which one per unlabelled graph is kept."""

RAREST = 1e-4
"""A lower share of accepted draws would make drawing hopelessly slow."""

_TRIAL = 50_000  # cells drawn at a time
_MOST_TRIALS = 10


def can_be_listed(definition: NodeDagDefinition) -> bool:
    """Whether all unlabelled graphs within the limits can be gone through, and keys of 64 bits hold all of a cell."""
    vertices, edges = definition.max_vertices, math.comb(definition.max_vertices, 2)
    if edges + (vertices - 2) * len(definition.ops).bit_length() > KEY_BITS:
        return False
    return sum(math.comb(edges, k) for k in range(min(definition.max_edges, edges) + 1)) <= MOST_GRAPHS


class ListedDags:
    """Cells within limits: enumerated, or else counted and drawn shape by shape; each network counts once.

    Args:
        definition: the limits.
        constraints: what every cell fulfils.

    Raises:
        DefinitionError: no cell does, or too few do to draw from.
    """

    exact_keys = True

    def __init__(self, definition: NodeDagDefinition, constraints: Sequence[Constraint]) -> None:
        self.definition, self.constraints, self.max_nodes = definition, constraints, definition.max_vertices
        self._permutations = {v: NodePermutations(v, len(definition.ops)) for v in range(2, self.max_nodes + 1)}
        permutations = self._permutations.values()
        limits = definition.max_edges, definition.max_in_degree, definition.max_out_degree, definition.chain
        self.shapes = [r.shapes(*limits) for r in permutations]
        self.size = sum(r.count(shapes) for r, shapes in zip(permutations, self.shapes, strict=True))
        self.exact, self.share, self.enumerated = True, 1.0, None
        if not self.size:
            raise DefinitionError("no cell keeps to the limits", "max_edges")
        if fits(self.size, self.max_nodes):
            check_work(constraints, self.size)
            keys = [r.enumerate(shapes) for r, shapes in zip(permutations, self.shapes, strict=True)]
            parts = [r.unpack(k) for r, k in zip(permutations, keys, strict=True)]
            everything = concatenate(parts).padded(self.max_nodes)
            self.enumerated = everything[fulfilled(constraints, everything)]
            self.size = len(self.enumerated)
            if not self.size:
                raise self._unsatisfied(everything)
        elif constraints:
            self._estimate()

    def normal(self, cells: Graphs) -> Graphs:
        """Pruned cells in the form in which the space writes them."""
        ops, adjacency = cells.ops.copy(), cells.adjacency.copy()
        keys = self.keys(cells)
        for v, at in by_vertices(cells).items():
            written = self._permutations[v].unpack(keys[at]).padded(self.max_nodes)
            ops[at], adjacency[at] = written.ops, written.adjacency
        return Graphs(ops, adjacency)

    def keys(self, cells: Graphs) -> NDArray[np.int64]:
        """`n` canonical keys of pruned cells."""
        keys = np.empty(len(cells), dtype=np.int64)
        for v, at in by_vertices(cells).items():
            keys[at] = self._permutations[v].canonical(cells.ops[at, :v], cells.adjacency[at, :v, :v])
        return keys

    def _estimate(self) -> None:
        check_work(self.constraints, _TRIAL * _MOST_TRIALS)
        found = accepted_share(
            lambda n, rng: int(fulfilled(self.constraints, self._draw(n, rng)).sum()), _TRIAL, _TRIAL * _MOST_TRIALS
        )
        self.share, self.exact = found.value, False
        if self.share < RAREST:
            last = len(self.constraints) - 1
            raise DefinitionError(
                f"only {found} random cells fulfil the constraints, and there are too many cells "
                f"({self.size:,}) to go through: loosen them, or allow fewer vertices, edges or operations",
                "constraints",
                last,
            )
        self.size = max(1, round(self.size * self.share))

    def _unsatisfied(self, everything: Graphs) -> DefinitionError:
        for number, constraint in enumerate(self.constraints):
            if not constraint.holds(everything).any():
                return DefinitionError(f"nothing fulfils `{constraint.text}`", "constraints", number)
        return DefinitionError("nothing fulfils all constraints together", "constraints")

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        """`n` uniform cells, as the space writes them."""
        if self.enumerated is not None:
            return self.enumerated[rng.integers(len(self.enumerated), size=n)]
        parts, found = [], 0
        while found < n:
            cells = self._draw(min(int((n - found) / self.share * 1.1) + 100, 200_000), rng)
            parts.append(cells[fulfilled(self.constraints, cells)][: n - found])
            found += len(parts[-1])
        return concatenate(parts)

    def _draw(self, n: int, rng: np.random.Generator) -> Graphs:
        """About `n` uniform cells within the limits."""
        # Propose (v, A, l) uniformly over shapes and labellings: v by its weight |shapes_v| k^(v-2), A and l evenly.
        # `draw` keeps one labelling of each orbit, so each cell has exactly one accepted proposal: uniform over cells.
        permutations = list(self._permutations.values())
        raw = np.array([float(len(s)) * r.labellings for r, s in zip(permutations, self.shapes, strict=True)])
        parts = []
        for r, shapes, count in zip(permutations, self.shapes, rng.multinomial(n, raw / raw.sum()), strict=True):
            if count:
                keys = r.draw(shapes[rng.integers(len(shapes), size=count)], rng)
                parts.append(r.unpack(keys).padded(self.max_nodes))
        cells = concatenate(parts)
        return cells[rng.permutation(len(cells))]


def fulfilled(constraints: Sequence[Constraint], cells: Graphs) -> NDArray[np.bool_]:
    """`n` booleans: which cells fulfil all constraints."""
    held = np.ones(len(cells), dtype=np.bool_)
    for constraint in constraints:
        held &= constraint.holds(cells)
    return held
