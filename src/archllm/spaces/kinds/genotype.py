"""genotype: cells whose inner nodes each add up a fixed number of operations on earlier nodes.

As a graph, every operation is a node. An operation that reads a cell input is fed by that input; one that reads an
inner node is fed by all operations that this inner node adds up. The operations of the inner nodes that the output
concatenates feed it: those of all inner nodes, or of those that no other one reads. A member has one such cell per cell
type; cells stand side by side in one graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.drawing import Cell, Node
from archllm.errors import DefinitionError, NotEnumerable
from archllm.graphs import ABSENT, Graphs
from archllm.operations import Operation
from archllm.spaces.base import SearchSpace
from archllm.spaces.constraints import compile_constraints
from archllm.spaces.definition import GenotypeDefinition
from archllm.spaces.fingerprints import EXACT_BELOW, fingerprints
from archllm.spaces.kinds.assignments import Assignments
from archllm.spaces.kinds.genotype_cells import GenotypeCells
from archllm.spaces.kinds.inner_nodes import sorted_pairs
from archllm.spaces.kinds.vocabularies import GenotypeVocabulary
from archllm.spaces.limits import fits
from archllm.spaces.parameters import Parameter, Parameters
from archllm.spaces.sizes import written_size
from archllm.spaces.texts import genotypes as texts
from archllm.spaces.texts.genotype_form import GenotypeForm


def drawn_cell(
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    inputs: Sequence[str],
    operations: Sequence[Operation],
    joined: Sequence[int],
    title: str,
) -> Cell:
    """One cell.

    Args:
        pairs: what each operation reads, cell inputs first, then inner nodes; and the operations; `inner x arity`.
        inputs: names of the cell inputs.
        operations: the operations.
        joined: numbers of the inner nodes that the output joins.
        title: what the cell is called.
    """
    nodes = [Node(name, "input") for name in inputs]
    edges: list[tuple[int, int]] = []
    at = list(range(len(inputs)))  # where a source stands among the nodes drawn so far
    sources, ops = pairs
    inner, arity = sources.shape
    for k in range(inner):
        total = len(nodes) + arity
        for slot in range(arity):
            edges += [(at[sources[k, slot]], len(nodes)), (len(nodes), total)]
            operation = operations[ops[k, slot]]
            nodes.append(Node(operation.name, "op", operation=operation))
        at.append(total)
        nodes.append(Node(str(k), "sum"))
    edges += [(at[len(inputs) + k], len(nodes)) for k in joined]
    nodes.append(Node("output", "output"))
    return Cell(tuple(nodes), tuple(edges), title)


MOST_NODES = 48
"""Most nodes of a graph: the tokens of the plain tokenizer hold no more."""

_CHUNK = 65_536  # genotypes at a time


class Genotype(SearchSpace):
    """A space of genotypes.

    Labels are the cell inputs first, then the operations, then output. A space that can be listed is a set of different
    networks: genotypes that differ in the order of inner nodes alone count once. A larger one counts genotypes, as the
    literature does, and draws are uniform over those; so a network that can be written in several ways is drawn more
    often. The pairs of an inner node have no order in either, also where it reads one source several times.

    Args:
        definition: operations, cells and constraints.

    Raises:
        DefinitionError: it defines no space that can be worked with.

    Example:
        >>> space = Genotype(GenotypeDefinition(name="tiny", ops=("conv", "skip"), nodes=2, cells=("normal",)))
        >>> space.size, space.max_nodes
        (42, 7)
    """

    kind = "genotype"
    ops: tuple[str, ...]
    definition: GenotypeDefinition

    def __init__(self, definition: GenotypeDefinition) -> None:
        self._define(definition)
        self.ops, self.cells = definition.ops, definition.cells
        self.inner, self.arity = definition.nodes, definition.inputs_per_node
        self.op_names = (*definition.cell_inputs, *self.ops, "output")
        self.cell_inputs = len(definition.cell_inputs)
        self.ops_per_slot = len(self.ops)
        self.form = GenotypeForm(
            self.ops, self.cells, self.inner, self.arity, self.cell_inputs, definition.concat == "loose"
        )
        self.cell_nodes = self.cell_inputs + self.inner * self.arity + 1
        self.max_nodes = self.cell_nodes * len(self.cells)
        if self.max_nodes > MOST_NODES:
            raise DefinitionError(
                f"{len(self.cells)} cells of {self.inner} nodes with {self.arity} inputs each make graphs of "
                f"{self.max_nodes} nodes, more than {MOST_NODES}",
                "nodes",
            )
        self.shape = GenotypeCells(
            self.cell_inputs, self.inner, self.arity, self.ops_per_slot, definition.repeat_inputs
        )
        self.exact_keys = self.shape.size ** len(self.cells) < EXACT_BELOW
        self._patterns = self._input_patterns()
        self.vocabulary = GenotypeVocabulary(self.ops, self.cells, self.shape.nodes)
        constraints = compile_constraints(definition.constraints, self.vocabulary, "constraints")
        self.assignments = Assignments(self.shape.radices * len(self.cells), constraints)
        self.exact_size = self.assignments.exact
        self.enumerable = self.exact_size and fits(self.assignments.size, self.max_nodes)
        self.counts_writings = not self.enumerable

    @property
    def key_span(self) -> int | None:
        return self.shape.size ** len(self.cells) if self.exact_keys else None

    def described(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._digits(*self.parts_of(graphs))

    @cached_property
    def size(self) -> int:  # type: ignore[override]
        """Number of members; see the class."""
        return len(self._classes) if self.enumerable else self.assignments.size

    @cached_property
    def _classes(self) -> NDArray[np.int64]:
        """Keys of all members, ascending."""
        keys = []
        for first in range(0, self.assignments.size, _CHUNK):
            numbers = np.arange(first, min(first + _CHUNK, self.assignments.size))
            keys.append(np.unique(self._keys_of(*self._parts(self.assignments.unrank(numbers)))))
        return np.unique(np.concatenate(keys))

    def _digits(self, sources: NDArray[np.int64], ops: NDArray[np.int64]) -> NDArray[np.int64]:
        """Parts (`n x cells x inner x arity`) as digits, cell by cell; see `GenotypeCells`."""
        cells = [self.shape.digits(sources[:, cell], ops[:, cell]) for cell in range(len(self.cells))]
        return np.concatenate(cells, axis=1)

    def _parts(self, digits: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The inverse of `_digits`."""
        return _stacked([self.shape.pairs(part) for part in np.split(digits, len(self.cells), axis=1)])

    def _input_patterns(self) -> NDArray[np.bool_]:
        """`sources x cell_nodes`: which nodes of a cell feed an operation that reads the source."""
        patterns = np.zeros((self.cell_inputs + self.inner, self.cell_nodes), dtype=np.bool_)
        patterns[np.arange(self.cell_inputs), np.arange(self.cell_inputs)] = True
        for k in range(self.inner):
            start = self.cell_inputs + k * self.arity
            patterns[self.cell_inputs + k, start : start + self.arity] = True
        return patterns

    def graphs_of(self, sources: NDArray[np.integer], ops: NDArray[np.integer]) -> Graphs:
        """Graphs of sources and operations, both `n x cells x inner x arity`; a source counts inputs first."""
        n, v, c = len(sources), self.max_nodes, self.cell_nodes
        labels = np.empty((n, v), dtype=np.int8)
        adjacency = np.zeros((n, v, v), dtype=np.bool_)
        for cell in range(len(self.cells)):
            start = cell * c
            slots = slice(start + self.cell_inputs, start + c - 1)
            labels[:, start : start + self.cell_inputs] = np.arange(self.cell_inputs)
            labels[:, slots] = ops[:, cell].reshape(n, self.inner * self.arity) + self.cell_inputs
            labels[:, start + c - 1] = len(self.op_names) - 1
            feeding = self._patterns[sources[:, cell].reshape(n, self.inner * self.arity)]  # n x slots x cell_nodes
            adjacency[:, start : start + c, slots] = feeding.transpose(0, 2, 1)
            joined = self.form.joined(sources[:, cell])
            adjacency[:, slots, start + c - 1] = np.repeat(joined, self.arity, axis=1)
        return Graphs(labels, adjacency)

    def parts_of(self, graphs: Graphs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sources and operations (`n x cells x inner x arity`); a source is -1 where the in-edges match none."""
        n, c = len(graphs), self.cell_nodes
        sources = np.full((n, len(self.cells), self.inner * self.arity), -1, dtype=np.int64)
        ops = np.empty_like(sources)
        for cell in range(len(self.cells)):
            start = cell * c
            slots = slice(start + self.cell_inputs, start + c - 1)
            ops[:, cell] = graphs.ops[:, slots].astype(np.int64) - self.cell_inputs
            feeding = graphs.adjacency[:, start : start + c, slots].transpose(0, 2, 1)
            words = feeding @ (1 << np.arange(c))  # the in-edges of a slot as one number
            for source, pattern in enumerate(self._patterns @ (1 << np.arange(c))):
                sources[:, cell][words == pattern] = source
        shape = (n, len(self.cells), self.inner, self.arity)
        return sources.reshape(shape), ops.reshape(shape)

    def enumerate(self) -> Graphs:
        if not self.enumerable:
            raise NotEnumerable(
                f"{self.name} has {written_size(self.size)} members, too many to enumerate; use sample(n, rng)"
            )
        return self._unpack(self._classes)

    def _unpack(self, keys: NDArray[np.int64]) -> Graphs:
        """The members of those keys."""
        digits = np.empty((len(keys), len(self.assignments.radices)), dtype=np.int64)
        for at in range(len(self.assignments.radices) - 1, -1, -1):
            keys, digits[:, at] = np.divmod(keys, self.assignments.radices[at])
        return self.graphs_of(*self._parts(digits))

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        self._check_count(n)
        if self.enumerable:
            return self._unpack(self._classes[rng.integers(len(self._classes), size=n)])
        if self.assignments.constraints or self.shape.repeat:
            return self.graphs_of(*self._parts(self.assignments.sample(n, rng)))
        sources = np.empty((n, len(self.cells), self.inner, self.arity), dtype=np.int64)
        for k, node in enumerate(self.shape.wired):
            sources[:, :, k] = node.wirings[rng.integers(len(node.wirings), size=(n, len(self.cells)))]
        return self.graphs_of(sources, rng.integers(self.ops_per_slot, size=sources.shape))

    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        if graphs.nodes != self.max_nodes:
            graphs = graphs.padded(max(graphs.nodes, self.max_nodes))
        sources, ops = self.parts_of(graphs)
        inside = np.where(sources < 0, 0, sources)
        whole = self.graphs_of(inside, np.clip(ops, 0, self.ops_per_slot - 1)).padded(graphs.nodes)
        same = (whole.ops == graphs.ops).all(1) & (whole.adjacency == graphs.adjacency).all((1, 2))
        earlier = sources < self.cell_inputs + np.arange(self.inner)[:, None]
        valid: NDArray[np.bool_] = same & ((sources >= 0) & earlier).all((1, 2, 3))
        if not self.shape.repeat:
            valid &= (np.diff(np.sort(sources, axis=-1), axis=-1) > 0).all((1, 2, 3))
        if self.assignments.constraints:
            rows = np.flatnonzero(valid)
            valid[rows] = self.assignments.contains(self._digits(sources[rows], ops[rows]))
        return valid

    def explain(self, graph: Graphs) -> str | None:
        if self.validate(graph)[0]:
            return None
        used = int((graph.ops[0] != ABSENT).sum())
        if used != self.max_nodes:
            return f"a genotype has {self.max_nodes} graph nodes, found {used}"
        sources, ops = self.parts_of(graph)
        for cell, k, slot in np.ndindex(len(self.cells), self.inner, self.arity):
            where = f"{self.cells[cell]}, inner node {k}, input {slot}"
            if not 0 <= ops[0, cell, k, slot] < self.ops_per_slot:
                legal = ", ".join(self.op_names[self.cell_inputs : -1])
                return f"{where}: the operation is not one of {legal}"
            source, limit = int(sources[0, cell, k, slot]), self.cell_inputs + k
            if source < 0:
                return f"{where}: the in-edges are those of no single earlier node"
            if source >= limit:
                return f"{where}: reads node {source}, but only nodes 0 to {limit - 1} come earlier"
            if source in sources[0, cell, k, :slot] and not self.shape.repeat:
                return f"{where}: reads node {source} a second time; the inputs of a node must differ"
        if self.form.loose:
            links = self.graphs_of(sources, ops).adjacency[0]
            for cell, title in enumerate(self.cells):
                output = self.cell_nodes * (cell + 1) - 1
                if (links[:, output] != graph.adjacency[0, : self.max_nodes, output]).any():
                    loose = ", ".join(map(str, np.flatnonzero(self.form.joined(sources)[0, cell])))
                    wanted = f"inner nodes {loose}, which no other one reads, and nothing else"
                    return f"{title}: the output must join {wanted}"
        for constraint in self.assignments.constraints:
            if not constraint.holds(self._digits(sources, ops))[0]:
                return f"the constraint `{constraint.text}` does not hold"
        return "the cell inputs or outputs, or their links, are not those of a genotype"

    def normalise(self, graphs: Graphs) -> Graphs:
        valid = self.validate(graphs)
        wide = graphs.padded(max(graphs.nodes, self.max_nodes))
        ops, adjacency = wide.ops.copy(), wide.adjacency.copy()
        rows = np.flatnonzero(valid)
        sources, slots = self.parts_of(wide[rows])
        if self.enumerable:  # one way of writing for each network
            normal = self._unpack(self._keys_of(sources, slots))
        else:
            normal = self.graphs_of(*sorted_pairs(sources, slots))
        normal = normal.padded(wide.nodes)
        ops[rows], adjacency[rows] = normal.ops, normal.adjacency
        result = Graphs(ops, adjacency)
        return result.padded(self.max_nodes) if valid.all() else result

    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        sources, ops = self.parts_of(graphs)
        for cell in range(len(self.cells)):
            choice = self.shape.random_order(sources[:, cell], rng)
            sources[:, cell], ops[:, cell] = self.shape.reordered(sources[:, cell], ops[:, cell], choice)
        swap = rng.random(sources.shape).argsort(-1)
        return self.graphs_of(np.take_along_axis(sources, swap, -1), np.take_along_axis(ops, swap, -1))

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._keys_of(*self.parts_of(graphs))

    def _keys_of(self, sources: NDArray[np.int64], ops: NDArray[np.int64]) -> NDArray[np.int64]:
        cells = [self.shape.canonical(sources[:, cell], ops[:, cell]) for cell in range(len(self.cells))]
        if not self.exact_keys:
            return fingerprints(np.concatenate(cells, axis=1))
        keys = np.zeros(len(sources), dtype=np.int64)
        for words in cells:
            keys = keys * self.shape.size + words[:, 0]
        return keys

    def _neighbours(self, graph: Graphs) -> Graphs:
        sources, ops = self.parts_of(graph)
        slots = list(np.ndindex(len(self.cells), self.inner, self.arity))
        changed = [(slot, op) for slot in slots for op in range(self.ops_per_slot)]
        moved = [(slot, source) for slot in slots for source in range(self.cell_inputs + self.inner)]
        sources = np.repeat(sources, len(changed) + len(moved), axis=0)
        ops = np.repeat(ops, len(sources), axis=0)
        for row, (slot, op) in enumerate(changed):
            ops[row][slot] = op
        for row, (slot, source) in enumerate(moved, start=len(changed)):
            sources[row][slot] = source
        for cell in range(len(self.cells)):  # a node may read a later one, if the two can change places
            legal = self.shape.legal_orders(sources[:, cell])
            possible = legal.any(1)
            sources, ops, choice = sources[possible], ops[possible], legal[possible].argmax(1)
            sources[:, cell], ops[:, cell] = self.shape.reordered(sources[:, cell], ops[:, cell], choice)
        return self.graphs_of(sources, ops)

    @cached_property
    def parameters(self) -> Parameters:
        sources = [f"input{number}" for number in range(self.cell_inputs)] + [str(k) for k in range(self.inner)]
        each = []
        for cell in self.cells:
            for k, node in enumerate(self.shape.wired):
                words = tuple("+".join(sources[source] for source in wiring) for wiring in node.wirings)
                each.append(Parameter(f"{cell}_{k}_reads", words))
                each += [Parameter(f"{cell}_{k}_op{slot}", self.ops) for slot in range(self.arity)]
        return Parameters(tuple(each), self._graphs_of_choices, self._choices_of_graphs)

    def _graphs_of_choices(self, choices: NDArray[np.int64]) -> Graphs:
        return self.graphs_of(
            *_stacked([self.shape.wired_pairs(part) for part in np.split(choices, len(self.cells), axis=1)])
        )

    def _choices_of_graphs(self, graphs: Graphs) -> NDArray[np.int64]:
        sources, ops = self.parts_of(graphs)
        cells = [self.shape.wired_digits(sources[:, cell], ops[:, cell]) for cell in range(len(self.cells))]
        return np.concatenate(cells, axis=1)

    def joined_of(self, graphs: Graphs) -> NDArray[np.bool_]:
        """`n x cells x inner` booleans: which inner nodes the outputs of members join."""
        return self.form.joined(self.parts_of(graphs)[0])

    def _parse(self, text: str) -> Graphs:
        sources, ops = texts.parse_genotype(text, self.form)
        return self.graphs_of(np.array([sources]), np.array([ops]))

    def _format(self, graph: Graphs) -> str:
        sources, ops = self.parts_of(graph)
        return texts.format_genotype(sources[0], ops[0], self.form)

    def drawing_cells(self, graph: Graphs) -> list[Cell]:
        sources, ops = self.parts_of(graph)
        names, joined = self.op_names[: self.cell_inputs], self.joined_of(graph)[0]
        drawn = [self.operations[op] for op in self.ops]
        return [
            drawn_cell((sources[0, at], ops[0, at]), names, drawn, np.flatnonzero(joined[at]).tolist(), title)
            for at, title in enumerate(self.cells)
        ]


def _stacked(
    cells: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Parts of cells, `n x inner x arity` each, as `n x cells x inner x arity`."""
    return np.stack([sources for sources, _ in cells], axis=1), np.stack([ops for _, ops in cells], axis=1)
