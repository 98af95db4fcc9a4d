"""Terms: networks of a grammar in canonical form, as rows of elements, as labels, and as texts.

A row is what stands one after the other. As labels, an element is its block, or the label of its join and its branches;
a branch is `identity` where it is empty, its element where it has one, and else its elements between `sequence(` and
`)`. The row of a whole network stands by itself. So each canonical form has one list of labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archllm.errors import FormatError
from archllm.spaces.kinds.grammar.automaton import DEAD, Automaton, Shape
from archllm.spaces.kinds.grammar.rules import Join, Rules
from archllm.spaces.texts.expressions import IDENTITY, Expression, parse_expression

DEEPEST = 64
"""Most joins within one another of what is read."""

Labels = tuple[int, ...]

EMPTY, CLOSE, OPEN = 0, 1, 2
_STRUCTURE = (IDENTITY, ")", "sequence(")


class Element(NamedTuple):
    """A block, or a join of rows."""

    labels: Labels
    """How it is written."""

    number: int
    """Its class."""

    size: int
    """Its blocks."""

    depth: int
    """Joins within one another."""

    shape: Shape | None
    """What kind of join it is; `None` for a block."""

    rows: tuple[Row, ...]
    """The branches of a join, in order where they have none of their own."""


class Row(NamedTuple):
    """Elements one after the other."""

    labels: Labels
    """How they are written, without what stands around a branch."""

    number: int
    """The class of the row."""

    size: int
    """Blocks of all elements."""

    depth: int
    """Joins within one another."""

    elements: tuple[Element, ...]
    """The elements."""

    @property
    def branch(self) -> Labels:
        """How it is written as a branch."""
        if len(self.elements) == 1:
            return self.labels
        return (OPEN, *self.labels, CLOSE) if self.elements else (EMPTY,)


def _branch(row: Row) -> Labels:
    return row.branch


class NoTerm(Exception):
    """Labels that are no network; the message says why."""


class Terms:
    """Makes and reads terms of one grammar.

    Args:
        rules: the rules.
        automaton: tells classes of elements and rows.
    """

    def __init__(self, rules: Rules, automaton: Automaton) -> None:
        self.rules, self.automaton = rules, automaton
        joins = dict.fromkeys(symbol.label for symbol in rules.symbols if isinstance(symbol, Join))
        self.names = (*_STRUCTURE, *joins, *rules.definition.all_blocks)
        self.label_of = {name: number for number, name in enumerate(self.names)}
        self._heads = {shape: (self._label(shape),) for shape in automaton.shapes}
        self._shapes = {label: shape for shape, (label,) in self._heads.items()}
        self._blocks = {
            self.label_of[name]: Element((self.label_of[name],), number, 1, 0, None, ())
            for name, number in automaton.block_class.items()
        }
        self._alone = {label: self.row((element,)) for label, element in self._blocks.items()}
        self._empty = self.row(())

    def _label(self, shape: Shape) -> int:
        op, branches, times = shape
        return self.label_of[f"repeat*{times}" if op == "repeat" else f"{op}/{branches}"]

    # --- making ------------------------------------------------------------------------------------------------------

    def block(self, name: str) -> Element:
        """The element of a block."""
        return self._blocks[self.label_of[name]]

    def row(self, elements: Sequence[Element]) -> Row:
        """Elements one after the other."""
        automaton, state = self.automaton, self.automaton.beginning
        if len(elements) == 1:  # most branches are
            (only,) = elements
            number = automaton.row_class[automaton.step(state, only.number)]
            return Row(only.labels, number, only.size, only.depth, (only,))
        labels: list[int] = []
        size = depth = 0
        for element in elements:
            state = automaton.step(state, element.number)
            labels.extend(element.labels)
            size += element.size
            depth = max(depth, element.depth)
        return Row(tuple(labels), automaton.row_class[state], size, depth, tuple(elements))

    def join(self, shape: Shape, rows: Sequence[Row]) -> Element:
        """A join, its branches in canonical order where order says nothing."""
        automaton = self.automaton
        ordered = tuple(sorted(rows, key=_branch) if automaton.unordered(shape) else rows)
        labels: Labels = self._heads[shape]
        size = depth = 0
        for row in ordered:
            labels += row.branch
            size += row.size
            depth = max(depth, row.depth)
        number = automaton.join(shape, tuple([row.number for row in ordered])) if size else DEAD
        return Element(labels, number, shape[2] * size, 1 + depth, shape, ordered)

    # --- labels ------------------------------------------------------------------------------------------------------

    def read(self, labels: Sequence[int]) -> Row:
        """The network that labels write, in canonical form.

        Raises:
            NoTerm: they write none, or break off.
        """
        elements, at = [], 0
        while at < len(labels):
            element, at = self._element(labels, at, 0)
            elements.append(element)
        return self.row(elements)

    def _element(self, labels: Sequence[int], at: int, depth: int) -> tuple[Element, int]:
        label = labels[at]
        block = self._blocks.get(label)
        if block is not None:
            return block, at + 1
        shape = self._shapes.get(label)
        if shape is None:
            name = self.names[label] if 0 <= label < len(self.names) else f"unknown label {label}"
            raise NoTerm(f"node {at} must be a block or a join, found {name}")
        if depth >= DEEPEST:
            raise NoTerm(f"more than {DEEPEST} joins within one another")
        rows, at = [], at + 1
        for _ in range(shape[1]):
            row, at = self._branch(labels, at, depth + 1)
            rows.append(row)
        return self.join(shape, rows), at

    def _branch(self, labels: Sequence[int], at: int, depth: int) -> tuple[Row, int]:
        if at >= len(labels):
            raise NoTerm(f"it breaks off after {len(labels)} nodes, where a branch should follow")
        alone = self._alone.get(labels[at])
        if alone is not None:
            return alone, at + 1
        if labels[at] == EMPTY:
            return self._empty, at + 1
        if labels[at] != OPEN:
            element, at = self._element(labels, at, depth)
            return self.row((element,)), at
        start, at, elements = at, at + 1, []
        while at < len(labels) and labels[at] != CLOSE:
            element, at = self._element(labels, at, depth)
            elements.append(element)
        if at >= len(labels):
            raise NoTerm(f"it breaks off after {len(labels)} nodes, before the sequence of node {start} ends")
        if len(elements) < 2:
            raise NoTerm(
                f"the sequence of node {start} has {len(elements)} parts; one is written by itself, none as {IDENTITY}"
            )
        return self.row(elements), at + 1

    # --- texts -------------------------------------------------------------------------------------------------------

    def parse(self, text: str) -> Row:
        """The network of a text, in canonical form.

        Raises:
            FormatError: it can't be read.
        """
        return self.row(self._elements(parse_expression(text), text))

    def _elements(self, expression: Expression, text: str) -> list[Element]:
        name, parts = expression.name, expression.parts
        if name == "sequence":
            return [element for part in parts for element in self._elements(part, text)]
        if parts:
            rows = [self.row(self._elements(part, text)) for part in parts]
            if name == "residual":
                name, rows = "add", [*rows, self.row(())]
            shape = name, len(rows), expression.times
            if shape not in self.automaton.shapes:
                raise FormatError(f"no rule has {self._written(shape)}", text, expression.at)
            return [self.join(shape, rows)]
        if name == IDENTITY:
            return []
        if name not in self.automaton.block_class:
            known = ", ".join(self.rules.definition.all_blocks)
            raise FormatError(f"expected a block ({known}) or a combinator", text, expression.at)
        return [self.block(name)]

    @staticmethod
    def _written(shape: Shape) -> str:
        op, branches, times = shape
        return f"repeat of {times}" if op == "repeat" else f"{op} of {branches} branches"

    def text(self, row: Row) -> str:
        """The text of a row."""
        parts = [self._text(element) for element in row.elements]
        if len(parts) == 1:
            return parts[0]
        return f"sequence({', '.join(parts)})" if parts else IDENTITY

    def _text(self, element: Element) -> str:
        if element.shape is None:
            return self.names[element.labels[0]]
        op, branches, times = element.shape
        texts = [self.text(row) for row in element.rows]
        if op == "add" and branches == 2 and texts.count(IDENTITY) == 1:
            return f"residual({next(text for text in texts if text != IDENTITY)})"
        return f"repeat({texts[0]}, {times})" if op == "repeat" else f"{op}({', '.join(texts)})"


def clipped(text: str) -> str:
    """A text as messages name it: the beginning of a long one."""
    return text if len(text) <= 200 else f"{text[:199]}…"
