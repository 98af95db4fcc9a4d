"""genotype: cells whose inner nodes each add up a fixed number of operations on different earlier nodes.

As a graph, every operation is a node. An operation that reads a cell input is fed by that input; one that reads an
inner node is fed by all operations that this inner node adds up. All operations feed the cell's output, which
concatenates the inner nodes. A member has one such cell per cell type; cells stand side by side in one graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from archllm.drawing import Cell, Node
from archllm.errors import DefinitionError, NotEnumerable
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.base import SearchSpace
from archllm.spaces.constraints import compile_constraints
from archllm.spaces.definition import GenotypeDefinition
from archllm.spaces.fingerprints import EXACT_BELOW, fingerprints
from archllm.spaces.kinds.assignments import Assignments
from archllm.spaces.kinds.vocabularies import GenotypeVocabulary
from archllm.spaces.limits import fits
from archllm.spaces.parameters import Parameter, Parameters
from archllm.spaces.sizes import written_size
from archllm.spaces.texts import genotypes as texts
from archllm.spaces.texts.genotype_form import GenotypeForm


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


MOST_NODES = 48
"""Most nodes of a graph: the tokens of the plain tokenizer hold no more."""

_CHUNK = 65_536  # genotypes at a time


class Genotype(SearchSpace):
    """A space of genotypes.

    Labels are the cell inputs first, then the operations, then output. A space that can be listed is a set of different
    networks: genotypes that differ in the order of inner nodes alone count once. A larger one counts genotypes, as the
    literature does, and draws are uniform over those; so a network that can be written in several ways is drawn more
    often.

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
        self.form = GenotypeForm(self.ops, self.cells, self.inner, self.arity, self.cell_inputs)
        self.cell_nodes = self.cell_inputs + self.inner * self.arity + 1
        self.max_nodes = self.cell_nodes * len(self.cells)
        if self.max_nodes > MOST_NODES:
            raise DefinitionError(
                f"{len(self.cells)} cells of {self.inner} nodes with {self.arity} inputs each make graphs of "
                f"{self.max_nodes} nodes, more than {MOST_NODES}",
                "nodes",
            )
        self._wirings = [list(combinations(range(self.cell_inputs + k), self.arity)) for k in range(self.inner)]
        self._radix = [len(w) * self.ops_per_slot**self.arity for w in self._wirings]
        self.cell_size = math.prod(self._radix)
        self.exact_keys = self.cell_size ** len(self.cells) < EXACT_BELOW
        self._orders = list(permutations(range(self.inner)))
        self._patterns = self._input_patterns()
        digits = [
            len(wirings) if slot == 0 else len(self.ops) for wirings in self._wirings for slot in range(1 + self.arity)
        ]
        vocabulary = GenotypeVocabulary(self.ops, self.cells, self.inner, self.arity)
        constraints = compile_constraints(definition.constraints, vocabulary, "constraints")
        self.assignments = Assignments(digits * len(self.cells), constraints)
        self.exact_size = self.assignments.exact
        self.enumerable = self.exact_size and fits(self.assignments.size, self.max_nodes)
        self.counts_writings = not self.enumerable

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
        """Parts (`n x cells x inner x arity`) as digits: for each inner node its wiring, then its operations."""
        order = np.argsort(sources, axis=-1)
        sources, ops = np.take_along_axis(sources, order, -1), np.take_along_axis(ops, order, -1)
        digits = np.empty((*sources.shape[:3], 1 + self.arity), dtype=np.int64)
        for k, rank in enumerate(self._wiring_ranks):
            digits[:, :, k, 0] = rank[tuple(sources[:, :, k].transpose(2, 0, 1))]
        digits[..., 1:] = ops
        return digits.reshape(len(sources), len(self.cells) * self.inner * (1 + self.arity))

    def _parts(self, digits: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The inverse of `_digits`."""
        digits = digits.reshape(len(digits), len(self.cells), self.inner, 1 + self.arity)
        sources = np.empty((*digits.shape[:3], self.arity), dtype=np.int64)
        for k, wirings in enumerate(self._wirings):
            sources[:, :, k] = np.array(wirings)[digits[:, :, k, 0]]
        return sources, digits[..., 1:]

    @cached_property
    def _wiring_ranks(self) -> list[NDArray[np.int64]]:
        """For each inner node: sources, ascending -> the number of the wiring."""
        ranks = []
        for k, wirings in enumerate(self._wirings):
            rank = np.full((self.cell_inputs + k,) * self.arity, -1, dtype=np.int64)
            rank[tuple(np.array(wirings).T)] = np.arange(len(wirings))
            ranks.append(rank)
        return ranks

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
            adjacency[:, slots, start + c - 1] = True
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
        if self.assignments.constraints:
            return self.graphs_of(*self._parts(self.assignments.sample(n, rng)))
        sources = np.empty((n, len(self.cells), self.inner, self.arity), dtype=np.int64)
        for k, wirings in enumerate(self._wirings):
            sources[:, :, k] = np.array(wirings)[rng.integers(len(wirings), size=(n, len(self.cells)))]
        return self.graphs_of(sources, rng.integers(self.ops_per_slot, size=sources.shape))

    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        if graphs.nodes != self.max_nodes:
            graphs = graphs.padded(max(graphs.nodes, self.max_nodes))
        sources, ops = self.parts_of(graphs)
        inside = np.where(sources < 0, 0, sources)
        whole = self.graphs_of(inside, np.clip(ops, 0, self.ops_per_slot - 1)).padded(graphs.nodes)
        same = (whole.ops == graphs.ops).all(1) & (whole.adjacency == graphs.adjacency).all((1, 2))
        earlier = sources < self.cell_inputs + np.arange(self.inner)[:, None]
        ordered = np.sort(sources, axis=-1)
        different = (np.diff(ordered, axis=-1) > 0).all((1, 2, 3))
        valid: NDArray[np.bool_] = same & ((sources >= 0) & earlier).all((1, 2, 3)) & different
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
            if source in sources[0, cell, k, :slot]:
                return f"{where}: reads node {source} a second time; the inputs of a node must differ"
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
            order = np.argsort(sources, axis=-1)
            normal = self.graphs_of(np.take_along_axis(sources, order, -1), np.take_along_axis(slots, order, -1))
        normal = normal.padded(wide.nodes)
        ops[rows], adjacency[rows] = normal.ops, normal.adjacency
        result = Graphs(ops, adjacency)
        return result.padded(self.max_nodes) if valid.all() else result

    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        sources, ops = self.parts_of(graphs)
        for cell in range(len(self.cells)):
            choice = self._random_order(sources[:, cell], rng)
            sources[:, cell], ops[:, cell] = self._reorder(sources[:, cell], ops[:, cell], choice)
        swap = rng.random(sources.shape).argsort(-1)
        return self.graphs_of(np.take_along_axis(sources, swap, -1), np.take_along_axis(ops, swap, -1))

    def _legal_orders(self, sources: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`n x orders`: which new positions of the inner nodes keep every source before its reader."""
        legal = np.ones((len(sources), len(self._orders)), dtype=np.bool_)
        for at, order in enumerate(self._orders):
            position = np.array([*range(-self.cell_inputs, 0), *order])
            legal[:, at] = (position[sources] < np.array(order)[:, None]).all((1, 2))
        return legal

    def _random_order(self, sources: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        legal = self._legal_orders(sources)
        choice: NDArray[np.int64] = np.where(legal, rng.random(legal.shape), -1.0).argmax(1)
        return choice

    def _reorder(
        self, sources: NDArray[np.int64], ops: NDArray[np.int64], choice: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """One cell's `n x inner x arity` parts with inner node `k` moved to position `orders[choice][k]`."""
        orders = np.array(self._orders)[choice]
        position = np.concatenate(
            [np.tile(np.arange(self.cell_inputs), (len(orders), 1)), orders + self.cell_inputs], axis=1
        )
        moved = np.take_along_axis(position, sources.reshape(len(sources), self.inner * self.arity), 1)
        moved = moved.reshape(sources.shape)
        back = orders.argsort(1)[:, :, None]
        return np.take_along_axis(moved, back, 1), np.take_along_axis(ops, back, 1)

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._keys_of(*self.parts_of(graphs))

    def _keys_of(self, sources: NDArray[np.int64], ops: NDArray[np.int64]) -> NDArray[np.int64]:
        cells = [self._canonical(sources[:, cell], ops[:, cell]) for cell in range(len(self.cells))]
        if not self.exact_keys:
            return fingerprints(np.concatenate(cells, axis=1))
        keys = np.zeros(len(sources), dtype=np.int64)
        for words in cells:
            keys = keys * self.cell_size + words[:, 0]
        return keys

    def _canonical(self, sources: NDArray[np.int64], ops: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n x w`: smallest numbers over all orders of a cell's inner nodes that keep edges pointing forward."""
        # key(G) = min over legal p in S_k of number(p.G). The minimum over an orbit is the same for all its members and
        # a member itself, so keys are equal iff genotypes are isomorphic; k! <= 720 passes over whole batches.
        best = np.full((len(sources), self._words), np.iinfo(np.int64).max)
        legal = self._legal_orders(sources)
        for at in range(len(self._orders)):
            rows = np.flatnonzero(legal[:, at])
            moved, names = self._reorder(sources[rows], ops[rows], np.full(len(rows), at))
            numbers = self._cell_numbers(moved, names)
            smaller = _smaller(numbers, best[rows])
            best[rows[smaller]] = numbers[smaller]
        return best

    @cached_property
    def _word_of(self) -> list[int]:
        """For each inner node the number of the word that it is part of: as many as 64 bits hold are in one."""
        word, room, found = 0, EXACT_BELOW, []
        for radix in self._radix:
            if radix > room:
                word, room = word + 1, EXACT_BELOW
            room //= radix
            found.append(word)
        return found

    @property
    def _words(self) -> int:
        return self._word_of[-1] + 1

    def _cell_numbers(self, sources: NDArray[np.int64], ops: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n x w` mixed-radix numbers of cells as they are written."""
        # Node k: its wiring, then its operations, so radix_k = C(inputs + k, arity) |ops|^arity and
        #     0 <= number < prod_k radix_k = cell_size,   in one word where cell_size < 2^63.
        # DARTS: prod_{k=0..3} C(2 + k, 2) 7^2 = (1 * 3 * 6 * 10) 7^8 = 1,037,664,180, two cells 1.08e18 (Liu et al.).
        order = np.argsort(sources, axis=-1)
        sources, ops = np.take_along_axis(sources, order, -1), np.take_along_axis(ops, order, -1)
        numbers = np.zeros((len(sources), self._words), dtype=np.int64)
        for k, rank in enumerate(self._wiring_ranks):
            digit = rank[tuple(sources[:, k].T)]
            for slot in range(self.arity):
                digit = digit * self.ops_per_slot + ops[:, k, slot]
            word = self._word_of[k]
            numbers[:, word] = numbers[:, word] * self._radix[k] + digit
        return numbers

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
            legal = self._legal_orders(sources[:, cell])
            possible = legal.any(1)
            sources, ops, choice = sources[possible], ops[possible], legal[possible].argmax(1)
            sources[:, cell], ops[:, cell] = self._reorder(sources[:, cell], ops[:, cell], choice)
        return self.graphs_of(sources, ops)

    @cached_property
    def parameters(self) -> Parameters:
        sources = [f"input{number}" for number in range(self.cell_inputs)] + [str(k) for k in range(self.inner)]
        each = []
        for cell in self.cells:
            for k, wirings in enumerate(self._wirings):
                words = tuple("+".join(sources[source] for source in wiring) for wiring in wirings)
                each.append(Parameter(f"{cell}_{k}_reads", words))
                each += [Parameter(f"{cell}_{k}_op{slot}", self.ops) for slot in range(self.arity)]
        return Parameters(
            tuple(each),
            lambda choices: self.graphs_of(*self._parts(choices)),
            lambda graphs: self._digits(*self.parts_of(graphs)),
        )

    def _parse(self, text: str) -> Graphs:
        sources, ops = texts.parse_genotype(text, self.form)
        return self.graphs_of(np.array([sources]), np.array([ops]))

    def _format(self, graph: Graphs) -> str:
        sources, ops = self.parts_of(graph)
        return texts.format_genotype(sources[0], ops[0], self.form)

    def drawing_cells(self, graph: Graphs) -> list[Cell]:
        sources, ops = self.parts_of(graph)
        names = self.op_names[: self.cell_inputs]
        return [
            drawn_cell(sources[0, cell], ops[0, cell], names, self.ops, title) for cell, title in enumerate(self.cells)
        ]


def _smaller(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`n` booleans: which rows of numbers come before others, the first number most significant."""
    found = np.zeros(len(left), dtype=np.bool_)
    for word in range(left.shape[1] - 1, -1, -1):
        found = (left[:, word] < right[:, word]) | ((left[:, word] == right[:, word]) & found)
    return found
