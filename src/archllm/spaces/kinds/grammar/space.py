"""grammar: members are networks that a context-free grammar derives, each once, however many derivations it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.drawing import Chain, Group, Leaf, Nested
from archllm.errors import DefinitionError, NotEnumerable
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.base import SearchSpace
from archllm.spaces.fingerprints import EXACT_BELOW, fingerprints
from archllm.spaces.kinds.grammar.checks import check_rules, most_halvings
from archllm.spaces.kinds.grammar.definition import GrammarDefinition
from archllm.spaces.kinds.grammar.language import Language
from archllm.spaces.kinds.grammar.rules import Rules
from archllm.spaces.kinds.grammar.terms import Element, NoTerm, Row, clipped
from archllm.spaces.kinds.vocabularies import GrammarVocabulary
from archllm.spaces.limits import fits
from archllm.spaces.sizes import written_size

MOST_LABELS = 1_024
"""Most nodes of a member."""

MOST_LISTED = 100_000
"""Most members that are listed: each is made by itself."""

MOST_REGROWN = 32
"""Most joins that `neighbours` puts in the place of other elements."""

MOST_NEAR = 600
"""About how many neighbours the longest members have in all."""

_KEPT = 2_000_000  # labels of networks that were read
_TRIED = 4_000  # draws by which the size under a limit on parameters is estimated
_BATCH = 1_000


class Grammar(SearchSpace):
    """A space of networks that rules derive.

    A member is a network in canonical form: nested sequences flattened, `identity` removed, branches of commutative
    joins in order. `Graphs` hold its labels in the order of the text, without edges; what is behind the end is absent.

    Args:
        definition: rules, blocks and limits.

    Raises:
        DefinitionError: it defines no space that can be worked with.

    Example:
        >>> rules = {"net": ("block", "sequence(block, net)"), "block": ("conv", "residual(conv)")}
        >>> space = Grammar(GrammarDefinition(name="tiny", rules=rules, blocks=("conv",), max_blocks=2))
        >>> space.size, space.parse("sequence(conv, residual(conv))").key
        (6, 3)
    """

    kind = "grammar"
    slotted = sequential = True
    mutual_neighbours = False  # what grows in the place of an element is bounded, and what was there may not be in it
    definition: GrammarDefinition

    def __init__(self, definition: GrammarDefinition) -> None:
        self._define(definition)
        rules = Rules(definition)
        check_rules(rules)
        self.halvings = most_halvings(rules)
        self.language = Language(rules)
        self.terms = self.language.terms
        self.op_names = self.terms.names
        self.vocabulary = GrammarVocabulary(self.definition.all_blocks, self._count, self._measured)
        self.max_nodes = max(self.language.longest, 1)
        if self.max_nodes > MOST_LABELS:
            raise DefinitionError(
                f"networks of up to {self.max_nodes:,} labels can't be worked with, {MOST_LABELS:,} can: lower "
                "max_blocks or max_depth",
                *(["max_blocks"] if definition.max_blocks is not None else ["rules"]),
            )
        self._read: dict[bytes, Row | str] = {}
        self._ranks: dict[tuple[int, ...], int] = {}
        self._share: float | None = None
        self.exact_size = definition.max_params is None
        self.exact_keys = self.language.size < EXACT_BELOW
        self.enumerable = self.exact_size and self.language.size <= MOST_LISTED
        self.enumerable = self.enumerable and fits(self.language.size, self.max_nodes)

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of members; under a limit on parameters, an estimate from draws."""
        if self.definition.max_params is None:
            return self.language.size
        if self._share is None:
            rows = self.language.draw(_TRIED, np.random.default_rng(0))
            self._share = float(np.mean(list(self._small(rows))))
            if not self._share:
                raise DefinitionError(
                    f"none of {_TRIED:,} random networks has so few parameters: nothing is left; allow more",
                    "max_params",
                )
        return max(1, self.language.size * round(self._share * _TRIED) // _TRIED)

    def _small(self, rows: Iterable[Row]) -> Iterator[bool]:
        """Which rows keep to the limit on parameters, at the default setting."""
        limit = self.definition.max_params
        networks: Any = self.require_networks() if limit is not None else None
        for row in rows:
            yield limit is None or networks.params_of(row) <= limit

    # --- members -----------------------------------------------------------------------------------------------------

    def graphs_of(self, rows: Sequence[Row]) -> Graphs:
        """The graphs of networks."""
        ops = np.full((len(rows), self.max_nodes), ABSENT, dtype=np.int8)
        for at, row in enumerate(rows):
            ops[at, : len(row.labels)] = row.labels
        return Graphs.unlinked(ops)

    def row_of(self, graph: Graphs) -> Row:
        """The network of a member."""
        found = self._checked(graph.ops[0])
        assert isinstance(found, Row)
        return found

    def rows_of(self, graphs: Graphs) -> list[Row]:
        """The networks of `n` members."""
        found = []
        for ops in graphs.ops:
            row = self._checked(ops)
            assert isinstance(row, Row)
            found.append(row)
        return found

    def enumerate(self) -> Graphs:
        if not self.enumerable:
            raise NotEnumerable(
                f"{self.name} has {written_size(self.size)} members, too many to enumerate; use sample(n, rng)"
            )
        return self.graphs_of([self.language.unrank(number) for number in range(self.language.size)])

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        self._check_count(n)
        if self.definition.max_params is None:
            return self.graphs_of(self.language.draw(n, rng))
        found: list[Row] = []
        _ = self.size  # tells if the limit leaves nothing
        while len(found) < n:
            rows = self.language.draw(min(n, _BATCH), rng)
            found += [row for row, small in zip(rows, self._small(rows), strict=True) if small]
        return self.graphs_of(found[:n])

    @property
    def key_span(self) -> int | None:
        return self.language.size if self.exact_keys else None

    def _count(self, block: str, graphs: Graphs) -> NDArray[np.float64]:
        """`n` counts of a block in the texts of members."""
        found: NDArray[np.float64] = (graphs.ops == self.terms.label_of[block]).sum(1).astype(np.float64)
        return found

    def _measured(self, what: Literal["size", "depth"], graphs: Graphs) -> NDArray[np.float64]:
        """`n` numbers of blocks, repeats included, or of joins within one another."""
        return np.array([getattr(row, what) for row in self.rows_of(graphs)], dtype=np.float64)

    def _checked(self, ops: NDArray[np.int8]) -> Row | str:
        """The network of `v` labels, in canonical form, or why they are none."""
        kept = ops.tobytes()
        found = self._read.get(kept)
        return self._keep(kept, self._judged(ops)) if found is None else found

    def _keep(self, ops: bytes, found: Row | str) -> Row | str:
        if len(self._read) * self.max_nodes >= _KEPT:
            self._read.clear()
        self._read[ops] = found
        return found

    def _judged(self, ops: NDArray[np.int8]) -> Row | str:
        used = int((ops != ABSENT).sum())
        if not used:
            return "a network has at least one block, and this has no nodes"
        if (ops[:used] == ABSENT).any():
            return f"node {int((ops == ABSENT).argmax())} is absent though later nodes exist"
        try:
            row = self.terms.read(ops[:used].tolist())
        except NoTerm as error:
            return str(error)
        if not self.language.automaton.is_network(row.number):
            return self._underivable(row)
        return self._limited(row) or row

    def _limited(self, row: Row) -> str | None:
        """Which limit a row exceeds that the rules derive."""
        definition, depth = self.definition, self.definition.max_depth
        if definition.max_blocks is not None and row.size > definition.max_blocks:
            return f"a network has at most {definition.max_blocks} blocks, found {row.size}"
        if depth is not None and row.depth > depth:
            return f"a network has at most {depth} joins within one another, found {row.depth}"
        if not all(self._small([row])):
            return f"a network has at most {definition.max_params:,} parameters"
        return None

    def _underivable(self, row: Row) -> str:
        """What is wrong with a row that the start does not derive: an element that nothing derives, or the whole."""
        for element in row.elements:
            while element.shape is not None and not element.number:
                inner = [each for branch in element.rows for each in branch.elements if not each.number]
                if not inner:
                    return f"no rule derives {clipped(self.terms.text(self.terms.row([element])))}"
                element = inner[0]
        whole = clipped(self.terms.text(row))
        return f"the rule {self.definition.start} does not derive {whole}"

    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        linked = np.zeros(len(graphs), dtype=np.bool_)
        if not graphs.edgeless:
            linked |= graphs.adjacency.any(axis=(1, 2))
        return np.array(
            [
                not with_edges and isinstance(self._checked(ops), Row)
                for ops, with_edges in zip(graphs.ops, linked, strict=True)
            ],
            dtype=np.bool_,
        )

    def explain(self, graph: Graphs) -> str | None:
        if not graph.edgeless and graph.adjacency.any():
            return "members are sequences of labels and have no edges, found some"
        found = self._checked(graph.ops[0])
        return None if isinstance(found, Row) else found

    def normalise(self, graphs: Graphs) -> Graphs:
        found = [self._checked(ops) for ops in graphs.ops]
        rows = [row for row in found if isinstance(row, Row)]
        if len(rows) == len(found) and (graphs.edgeless or not graphs.adjacency.any()):
            return self.graphs_of(rows)
        valid = self.validate(graphs)
        wide = graphs.padded(max(graphs.nodes, self.max_nodes))
        ops = wide.ops.copy()
        for at in np.flatnonzero(valid):
            labels = self.row_of(graphs[int(at)]).labels
            ops[at] = ABSENT
            ops[at, : len(labels)] = labels
        return Graphs.unlinked(ops) if wide.edgeless else Graphs(ops, wide.adjacency)

    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        """The same members with the branches of commutative joins in a random order."""
        ops = np.full((len(graphs), max(graphs.nodes, self.max_nodes)), ABSENT, dtype=np.int8)
        for at, row in enumerate(self.rows_of(graphs)):
            labels = [label for element in row.elements for label in self._shuffled(element, rng)]
            ops[at, : len(labels)] = labels
        return Graphs.unlinked(ops)

    def _shuffled(self, element: Element, rng: np.random.Generator) -> list[int]:
        if element.shape is None:
            return list(element.labels)
        branches = []
        for row in element.rows:
            inner = [label for each in row.elements for label in self._shuffled(each, rng)]
            branches.append([row.branch[0], *inner, row.branch[-1]] if len(row.elements) > 1 else inner or row.branch)
        if self.language.automaton.unordered(element.shape):
            branches = [branches[at] for at in rng.permutation(len(branches))]
        return [element.labels[0], *(label for branch in branches for label in branch)]

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        rows = self.rows_of(graphs)
        if self.exact_keys:
            return np.array([self._rank(row) for row in rows], dtype=np.int64)
        return fingerprints(self.graphs_of(rows).ops.astype(np.int64))

    def _rank(self, row: Row) -> int:
        """The number of a network; a search asks for that of one member again and again."""
        found = self._ranks.get(row.labels)
        if found is None:
            if len(self._ranks) * self.max_nodes >= _KEPT:
                self._ranks.clear()
            found = self._ranks[row.labels] = self.language.rank(row)
        return found

    # --- neighbours --------------------------------------------------------------------------------------------------

    def _neighbours(self, graph: Graphs) -> Graphs:
        """Members with one element taken out, put in, or grown anew.

        What grows is one of `regrown`, and takes the place of one that stands near it there, so that whatever grew can
        be grown back. Another element can be taken out, or give way to a block or to what is in one of its branches.
        A join can become another one of as many branches.
        """
        own = self.row_of(graph)
        found: dict[tuple[int, ...], Row] = {}
        for elements in self._edited(own.elements):
            row = self.terms.row(elements)
            if row.elements and self.language.automaton.is_network(row.number) and len(row.labels) <= self.max_nodes:
                found[row.labels] = row
        rows = list(found.values()) or [own]
        graphs = self.graphs_of(rows)
        for ops, row in zip(graphs.ops, rows, strict=True):  # so that nobody has to read them again
            if self._limited(row) is None:
                self._keep(ops.tobytes(), row)
        return graphs

    def _edited(self, elements: tuple[Element, ...]) -> Iterator[tuple[Element, ...]]:
        """Rows that one edit makes of a row."""
        put_in = self.regrown[: self._reach] if elements else self.regrown
        for at in range(len(elements) + 1):
            before, after = elements[:at], elements[at:]
            yield from ((*before, each, *after) for each in put_in)
            if after:
                own, after = after[0], after[1:]
                yield (*before, *after)
                yield from ((*before, *grown, *after) for grown in self._regrown_from(own))

    def _regrown_from(self, own: Element) -> Iterator[tuple[Element, ...]]:
        """What may stand in the place of an element."""
        place = self._places.get(own.labels)
        if place is not None:
            around = range(place - self._reach, place + self._reach + 1)
            yield from ((each,) for each in {self.regrown[at % len(self.regrown)] for at in around})
        else:
            yield from ((each,) for each in self.regrown[: self._reach] if each.shape is None)
        if own.shape is None:
            return
        for number, row in enumerate(own.rows):
            yield row.elements
            for edited in self._edited(row.elements):
                branch = self.terms.row(edited)
                if branch.number:  # what nothing derives makes no member
                    join = self.terms.join(own.shape, (*own.rows[:number], branch, *own.rows[number + 1 :]))
                    if join.number:
                        yield (join,)
        for shape in self.language.automaton.shapes:
            if shape != own.shape and shape[1] == own.shape[1]:
                yield (self.terms.join(shape, own.rows),)

    @cached_property
    def regrown(self) -> tuple[Element, ...]:
        """Blocks, and small joins of them, that edits put in the place of one another."""
        blocks = [self.terms.block(name) for name in self.definition.all_blocks]
        joins = []
        for shape in self.language.automaton.shapes:
            for block in blocks if shape[1] <= 2 else ():
                rows = [self.terms.row([block]), *[self.terms.row(())] * (shape[1] - 1)]
                join = self.terms.join(shape, rows)
                joins += [join] if join.number else []
        return tuple(blocks + joins[:MOST_REGROWN])

    @cached_property
    def _places(self) -> dict[tuple[int, ...], int]:
        return {element.labels: place for place, element in enumerate(self.regrown)}

    @property
    def _reach(self) -> int:
        """How far apart in `regrown` two may stand of which one grows for the other: less where members are long."""
        return max(1, min(len(self.regrown), MOST_NEAR // self.max_nodes))

    # --- texts, features, drawings -----------------------------------------------------------------------------------

    def _parse(self, text: str) -> Graphs:
        labels = self.terms.parse(text).labels
        ops = np.full((1, max(len(labels), self.max_nodes)), ABSENT, dtype=np.int8)
        ops[0, : len(labels)] = labels
        return Graphs.unlinked(ops)

    def _format(self, graph: Graphs) -> str:
        return self.terms.text(self.row_of(graph))

    def slot_values(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n x d` counts of labels, sums of their places, counts of pairs of labels in a row, blocks and depth."""
        labels = len(self.op_names) + 1
        ops = graphs.ops.astype(np.int64) + 1
        n, v = ops.shape
        rows = np.arange(n)[:, None]
        counts = np.zeros((n, labels))
        places = np.zeros((n, labels))
        np.add.at(counts, (rows, ops), 1.0)
        np.add.at(places, (rows, ops), np.arange(v) / v)
        pairs = np.zeros((n, labels * labels))
        np.add.at(pairs, (rows, ops[:, :-1] * labels + ops[:, 1:]), 1.0)
        sizes = [(row.size, row.depth) for row in self.rows_of(graphs)]
        return np.concatenate([counts, places, pairs, np.array(sizes, dtype=np.float64).reshape(n, 2)], axis=1)

    def drawing_cells(self, graph: Graphs) -> list[Nested]:
        return [Nested(self._chain(self.row_of(graph)))]

    def _chain(self, row: Row) -> Chain:
        parts: list[Leaf | Group] = []
        for element in row.elements:
            name = self.op_names[element.labels[0]]
            if element.shape is None:
                parts.append(Leaf(name, self.operations[name]))
            else:
                op, _, times = element.shape
                title = f"{op} × {times}" if op == "repeat" else op
                parts.append(Group(title, tuple(self._chain(branch) for branch in element.rows)))
        return Chain(tuple(parts))
