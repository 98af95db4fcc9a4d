"""What a constraint means: a tree becomes a function of whole batches, its names looked up and its types checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError, FormatError
from archllm.spaces.constraints import syntax

Type = Literal["number", "text", "truth"]
Array = NDArray[Any]
NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Term:
    """A value of every member of a batch."""

    type: Type
    """What kind of value."""

    values: Callable[[Any], Array]
    """From a batch to `n` numbers, truth values, or places in `words`; NaN where there is no number."""

    words: tuple[str, ...] = ()
    """The texts that `values` points into, for a text."""

    reads: frozenset[int] = NOTHING
    """The choices that it depends on."""

    needs: frozenset[int] = NOTHING
    """The choices without which it has no value: if one is switched off, a constraint holds."""


class Vocabulary(Protocol):
    """The names that the constraints of a kind of space may use. What it does not know raises a `LookupError`."""

    def name(self, parts: tuple[str, ...]) -> Term:
        """What a name stands for."""

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        """What a function of literals stands for."""


@dataclass(frozen=True)
class Constraint:
    """A condition on members, read and checked."""

    text: str
    """As it was written."""

    term: Term
    """Its truth."""

    def holds(self, batch: Any) -> NDArray[np.bool_]:
        """`n` booleans."""
        with np.errstate(all="ignore"):
            found: NDArray[np.bool_] = np.asarray(self.term.values(batch), dtype=np.bool_)
        return found


def compile_constraints(texts: Sequence[str], vocabulary: Vocabulary, *key: str) -> tuple[Constraint, ...]:
    """Reads constraints.

    Args:
        texts: the constraints.
        vocabulary: what they may speak of.
        key: the entry of the definition that lists them.

    Raises:
        DefinitionError: one can't be read; the message names the place in it.
    """
    found = []
    for number, text in enumerate(texts):
        try:
            found.append(compile_constraint(text, vocabulary))
        except FormatError as error:
            raise DefinitionError(str(error), *key, number) from error
    return tuple(found)


def compile_constraint(text: str, vocabulary: Vocabulary) -> Constraint:
    """Reads one constraint.

    Raises:
        FormatError: it can't be read; the message names the place in it.
    """
    term = _Compiler(text, vocabulary).term(syntax.parse(text))
    if term.type != "truth":
        raise FormatError(f"a constraint says yes or no, as `... <= ...` does; this one is a {term.type}", text, 0)
    return Constraint(text, term)


_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
}
_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_LOGIC: dict[str, Callable[[Array, Array], Array]] = {"and": np.logical_and, "or": np.logical_or}
_OF_MANY: dict[str, Callable[[Array], Array]] = {
    "min": lambda rows: np.where(np.isnan(rows), np.inf, rows).min(0),
    "max": lambda rows: np.where(np.isnan(rows), -np.inf, rows).max(0),
    "sum": lambda rows: np.nansum(rows, axis=0),
}


class _Compiler:
    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text, self.vocabulary = text, vocabulary

    def wrong(self, message: str, tree: syntax.Expression) -> FormatError:
        return FormatError(message, self.text, tree.position)

    def term(self, tree: syntax.Expression) -> Term:
        match tree:
            case syntax.Literal(value):
                return _constant(value)
            case syntax.Name(parts):
                return self._looked_up(tree, lambda: self.vocabulary.name(parts))
            case syntax.Call():
                return self._call(tree)
            case syntax.Operation(sign):
                return self._operation(tree, sign)
            case syntax.Comparison(signs, operands):
                terms = [self.term(operand) for operand in operands]
                pairs = [self._compared(tree, sign, *terms[k : k + 2]) for k, sign in enumerate(signs)]
                return reduce(lambda left, right: _joined("truth", np.logical_and, left, right), pairs)
            case syntax.Membership(operand, values, negated):
                item = self.term(operand)
                equal = [self._compared(value, "==", item, _constant(value.value)) for value in values]
                found = reduce(lambda left, right: _joined("truth", np.logical_or, left, right), equal)
                return _applied("truth", np.logical_not, found) if negated else found

    def _looked_up(self, tree: syntax.Expression, look: Callable[[], Term]) -> Term:
        try:
            return look()
        except LookupError as error:
            raise self.wrong(str(error.args[0]), tree) from error

    def _call(self, tree: syntax.Call) -> Term:
        if tree.function == "abs" or tree.function in _OF_MANY:
            terms = [self._typed("number", argument) for argument in tree.arguments]
            if not terms or (tree.function == "abs" and len(terms) > 1):
                raise self.wrong(f"{tree.function} takes {'one number' if terms else 'numbers'}", tree)
            if tree.function == "abs":
                return _applied("number", np.abs, terms[0])
            return _of_many(_OF_MANY[tree.function], terms)
        literals = []
        for argument in tree.arguments:
            if not isinstance(argument, syntax.Literal):
                raise self.wrong(f"{tree.function} takes numbers or texts in quotes", argument)
            literals.append(argument.value)
        return self._looked_up(tree, lambda: self.vocabulary.call(tree.function, tuple(literals)))

    def _typed(self, kind: Type, tree: syntax.Expression) -> Term:
        term = self.term(tree)
        if term.type != kind:
            wanted = "yes or no" if kind == "truth" else f"a {kind}"
            raise self.wrong(f"expected {wanted}, found a {term.type}", tree)
        return term

    def _operation(self, tree: syntax.Operation, sign: str) -> Term:
        kind: Type = "truth" if sign in ("and", "or", "not") else "number"
        terms = [self._typed(kind, operand) for operand in tree.operands]
        if len(terms) == 1:
            return _applied(kind, np.logical_not if sign == "not" else np.negative, terms[0])
        return _joined(kind, (_LOGIC | _ARITHMETIC)[sign], *terms)

    def _compared(self, tree: syntax.Expression, sign: str, left: Term, right: Term) -> Term:
        if left.type != right.type:
            raise self.wrong(f"a {left.type} can't be compared with a {right.type}", tree)
        if left.type != "number" and sign not in ("==", "!="):
            raise self.wrong(f"a {left.type} has no order; compare it with == or !=", tree)
        compare = _COMPARE[sign]
        if left.type != "text":
            return _joined("truth", compare, left, right)
        for one, other in ((left, right), (right, left)):
            if len(one.words) == 1 and one.words[0] not in other.words:
                known = ", ".join(other.words)
                raise self.wrong(f"{one.words[0]!r} is none of the values compared with it: {known}", tree)
        same = np.array([[a == b for b in right.words] for a in left.words], dtype=np.bool_)
        table = same if sign == "==" else ~same
        return _joined("truth", lambda a, b: table[a, b], left, right)


def _constant(value: float | str | bool) -> Term:
    if isinstance(value, str):
        return Term("text", lambda batch: np.zeros(len(batch), dtype=np.int64), words=(value,))
    if isinstance(value, bool):
        return Term("truth", lambda batch: np.full(len(batch), value))
    return Term("number", lambda batch: np.full(len(batch), float(value)))


def _applied(kind: Type, function: Callable[[Array], Array], term: Term) -> Term:
    return replace(term, type=kind, values=lambda batch: function(term.values(batch)), words=())


def _joined(kind: Type, function: Callable[[Array, Array], Array], left: Term, right: Term) -> Term:
    return Term(
        kind,
        lambda batch: function(left.values(batch), right.values(batch)),
        reads=left.reads | right.reads,
        needs=left.needs | right.needs,
    )


def _of_many(function: Callable[[Array], Array], terms: Sequence[Term]) -> Term:
    """A function of several numbers that leaves out those that are switched off."""
    reads = NOTHING.union(*(term.reads for term in terms))
    return Term("number", lambda batch: function(np.stack([term.values(batch) for term in terms])), reads=reads)
