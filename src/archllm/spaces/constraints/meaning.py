"""What a constraint means: a tree becomes a function of whole batches, its names looked up and its types checked."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError, FormatError
from archllm.spaces.constraints import syntax
from archllm.spaces.limits import MOST_WORK

Type = Literal["number", "text", "truth"]
Array = NDArray[Any]
NOTHING: frozenset[int] = frozenset()

_CHUNK = 65_536  # members at a time


@dataclass(frozen=True)
class Term:
    """A value of every member of a batch.

    Example:
        >>> Term("number", lambda batch: batch.sum(1), reads=frozenset({0, 1})).values(np.array([[1, 2]]))
        array([3])
    """

    type: Type
    """What kind of value."""

    values: Callable[[Any], Array]
    """From a batch to `n` numbers, truth values, or places in `words`; NaN where there is no number."""

    words: tuple[str, ...] = ()
    """The texts that `values` points into, for a text."""

    reads: frozenset[int] = NOTHING
    """The choices that it depends on."""

    needs: frozenset[int] = NOTHING
    """The choices without which it has no value: if one is inactive, a constraint holds."""

    steps: int = 1
    """About how many steps its value takes for one member, where it looks at more than the choices that it reads."""


class Vocabulary(Protocol):
    """The names that the constraints of a kind of space may use. What it does not know raises a `LookupError`.

    Example:
        >>> class Widths:
        ...     def name(self, parts: tuple[str, ...]) -> Term:
        ...         if parts != ("width",):
        ...             raise LookupError(".".join(parts))
        ...         return Term("number", lambda batch: batch[:, 0])
        ...     def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        ...         raise LookupError(function)
        >>> (constraint,) = compile_constraints(["width <= 8"], Widths(), "constraints")
        >>> constraint.holds(np.array([[4], [16]]))
        array([ True, False])
    """

    def name(self, parts: tuple[str, ...]) -> Term:
        """What a name stands for."""

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        """What a function of literals stands for; the name of one of a part holds a dot."""


@dataclass(frozen=True)
class Constraint:
    """A condition on members, read and checked.

    Example:
        >>> term = Term("truth", lambda batch: batch[:, 0] > 2)
        >>> Constraint("width > 2", term).holds(np.array([[1], [3]]))
        array([False,  True])
    """

    text: str
    """As it was written."""

    term: Term
    """Its truth."""

    work: int = 1
    """About how many steps it takes to check one member: what its terms read, and how they are joined."""

    def holds(self, batch: Any) -> NDArray[np.bool_]:
        """`n` booleans. Members are looked at some at a time: each term of a constraint is an array of its own."""
        if len(batch) > _CHUNK:
            parts = [self.holds(batch[start : start + _CHUNK]) for start in range(0, len(batch), _CHUNK)]
            return np.concatenate(parts)
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


def check_work(constraints: Sequence[Constraint], members: int) -> None:
    """Makes sure that constraints can be checked on so many members in seconds, before that is begun.

    Raises:
        DefinitionError: it takes longer.
    """
    if sum(constraint.work for constraint in constraints) * members > MOST_WORK:
        raise DefinitionError(
            f"to check all of them on {members:,} members takes too long: write fewer or shorter ones, or allow fewer "
            "choices",
            "constraints",
        )


def compile_constraint(text: str, vocabulary: Vocabulary) -> Constraint:
    """Reads one constraint.

    Raises:
        FormatError: it can't be read; the message names the place in it.

    Example:
        >>> from archllm.spaces.kinds.vocabularies import EdgeVocabulary
        >>> vocabulary = EdgeVocabulary(("none", "skip"), ((0, 1), (0, 2), (1, 2)))
        >>> compile_constraint('count("skip") <= 1', vocabulary).holds(np.array([[0, 1, 0], [1, 1, 0]]))
        array([ True, False])
    """
    parsed = syntax.parse(text)
    compiler = _Compiler(parsed, vocabulary)
    term = compiler.term(parsed.tree)
    if term.type != "truth":
        raise FormatError(f"a constraint says yes or no, as `... <= ...` does; this one is a {term.type}", text, 0)
    return Constraint(text, term, compiler.work)


_ARITHMETIC: dict[type[ast.operator], Callable[[Array, Array], Array]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.remainder,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Array, Array], Array]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_OF_MANY: dict[str, Callable[[Array], Array]] = {
    "min": lambda rows: np.where(np.isnan(rows), np.inf, rows).min(0),
    "max": lambda rows: np.where(np.isnan(rows), -np.inf, rows).max(0),
    "sum": lambda rows: np.nansum(rows, axis=0),
}


class _Compiler:
    """From nodes of the tree to terms; every type of node that is not named here is refused."""

    def __init__(self, parsed: syntax.Parsed, vocabulary: Vocabulary) -> None:
        self.parsed, self.vocabulary = parsed, vocabulary
        self.terms: dict[ast.expr, Term] = {}

    def wrong(self, message: str, place: ast.expr | int) -> FormatError:
        return FormatError(message, self.parsed.text, place if isinstance(place, int) else self.parsed.position(place))

    def term(self, tree: ast.expr) -> Term:
        """The term of a tree: operands before what joins them, by a stack of our own instead of recursion."""
        waiting = [tree]
        while waiting:
            missing = [operand for operand in self._operands(waiting[-1]) if operand not in self.terms]
            waiting += reversed(missing)
            if not missing:
                node = waiting.pop()
                self.terms[node] = self._of(node)
        return self.terms[tree]

    @property
    def work(self) -> int:
        """Steps for one member: a term that is not made of others looks at every choice that it reads."""
        own = (1 if self._operands(node) else max(len(term.reads), term.steps) for node, term in self.terms.items())
        return sum(own)

    def _operands(self, node: ast.expr) -> list[ast.expr]:
        """The nodes whose terms that of a node is made of."""
        match node:
            case ast.BoolOp(values=values):
                return values
            case ast.BinOp(left=left, right=right):
                return [left, right]
            case ast.UnaryOp(operand=operand):
                return [operand]
            case ast.Compare(left=left, comparators=others):
                return [left, *(other for other in others if not isinstance(other, ast.List))]
            case ast.Call(args=arguments) if self._is_arithmetic(node):
                return arguments
        return []

    def _is_arithmetic(self, call: ast.Call) -> bool:
        return self._function(call) in ("abs", *_OF_MANY)

    def _function(self, call: ast.Call) -> str:
        """The name of what is called, with the part that it is asked of: `count`, `cell.count`."""
        return ".".join(token.text for token in self.parsed.of(call.func) if token.kind == "name")

    def _first(self, node: ast.expr) -> syntax.Token:
        return self.parsed.tokens[node.col_offset]

    def _of(self, node: ast.expr) -> Term:
        """The term of a node whose operands have theirs."""
        match node:
            case ast.Constant():
                return _constant(self._first(node).value)
            case ast.Name() | ast.Attribute():
                parts = tuple(token.text for token in self.parsed.of(node) if token.kind == "name")
                return self._looked_up(node, lambda: self.vocabulary.name(parts))
            case ast.Call(args=arguments):
                return self._arithmetic(node) if self._is_arithmetic(node) else self._called(node, arguments)
            case ast.BoolOp(op=op, values=values):
                function = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return _joined("truth", function, *(self._typed("truth", value) for value in values))
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
                return _joined(
                    "number", _ARITHMETIC[type(op)], self._typed("number", left), self._typed("number", right)
                )
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _applied("truth", np.logical_not, self._typed("truth", operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _applied("number", np.negative, self._typed("number", operand))
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[ast.List(elts=values)]):
                found = self._among(left, values)
                return _applied("truth", np.logical_not, found) if isinstance(op, ast.NotIn) else found
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compared_all([left, *others], ops)
        raise self.wrong("this is no part of the language of constraints", node)

    def _typed(self, kind: Type, tree: ast.expr) -> Term:
        """The term of an operand that must be of a type."""
        term = self.terms[tree]
        if term.type != kind:
            wanted = "yes or no" if kind == "truth" else f"a {kind}"
            raise self.wrong(f"expected {wanted}, found a {term.type}", tree)
        return term

    def _looked_up(self, tree: ast.expr, look: Callable[[], Term]) -> Term:
        try:
            return look()
        except LookupError as error:
            raise self.wrong(str(error.args[0]), tree) from error

    def _arithmetic(self, call: ast.Call) -> Term:
        """`abs`, `min`, `max` or `sum` of numbers."""
        function = self._first(call).text
        terms = [self._typed("number", argument) for argument in call.args]
        if not terms or (function == "abs" and len(terms) > 1):
            raise self.wrong(f"{function} takes {'one number' if terms else 'numbers'}", call)
        return _applied("number", np.abs, terms[0]) if function == "abs" else _of_many(_OF_MANY[function], terms)

    def _called(self, call: ast.Call, arguments: list[ast.expr]) -> Term:
        """A function of the vocabulary."""
        function = self._function(call)
        literals = [self._literal(argument, f"{function} takes numbers or texts in quotes") for argument in arguments]
        return self._looked_up(call, lambda: self.vocabulary.call(function, tuple(literals)))

    def _literal(self, node: ast.expr, rule: str) -> float | str | bool:
        if not isinstance(node, ast.Constant):
            raise self.wrong(rule, node)
        return self._first(node).value

    def _among(self, item: ast.expr, values: list[ast.expr]) -> Term:
        """Whether a value is one of a list of literals."""
        equal = []
        for node in values:
            negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
            value = self._literal(node.operand if isinstance(node, ast.UnaryOp) and negative else node, _LIST)
            if negative:
                if isinstance(value, str | bool):
                    raise self.wrong(_LIST, node)
                value = -value
            equal.append(self._compared(ast.Eq, self.terms[item], _constant(value), self.parsed.position(node)))
        return _joined("truth", np.logical_or, *equal)

    def _compared_all(self, operands: list[ast.expr], ops: list[ast.cmpop]) -> Term:
        """A chain of comparisons, which all must hold."""
        pairs = []
        for op, left, right in zip(ops, operands, operands[1:], strict=False):
            position = self.parsed.behind(left).position
            if type(op) not in _COMPARE:
                raise self.wrong("`in [...]` is no link of a chain; join it by `and`", position)
            pairs.append(self._compared(type(op), self.terms[left], self.terms[right], position))
        return _joined("truth", np.logical_and, *pairs)

    def _compared(self, op: type[ast.cmpop], left: Term, right: Term, position: int) -> Term:
        if left.type != right.type:
            raise self.wrong(f"a {left.type} can't be compared with a {right.type}", position)
        if left.type != "number" and op not in (ast.Eq, ast.NotEq):
            raise self.wrong(f"a {left.type} has no order; compare it with == or !=", position)
        if left.type != "text":
            return _joined("truth", _COMPARE[op], left, right)
        for one, other in ((left, right), (right, left)):
            if len(one.words) == 1 and one.words[0] not in other.words:
                known = ", ".join(other.words)
                raise self.wrong(f"{one.words[0]!r} is none of the values compared with it: {known}", position)
        same = np.array([[a == b for b in right.words] for a in left.words], dtype=np.bool_)
        table = same if op is ast.Eq else ~same
        return _joined("truth", lambda a, b: table[a, b], left, right)


_LIST = "a list holds numbers or texts"


def _constant(value: float | str | bool) -> Term:
    if isinstance(value, str):
        return Term("text", lambda batch: np.zeros(len(batch), dtype=np.int64), words=(value,))
    if isinstance(value, bool):
        return Term("truth", lambda batch: np.full(len(batch), value))
    return Term("number", lambda batch: np.full(len(batch), float(value)))


def _applied(kind: Type, function: Callable[[Array], Array], term: Term) -> Term:
    return replace(term, type=kind, values=lambda batch: function(term.values(batch)), words=())


def _joined(kind: Type, function: Callable[[Array, Array], Array], *terms: Term) -> Term:
    """A function of two values, from left to right over any number of terms."""

    def values(batch: Any) -> Array:
        found = terms[0].values(batch)
        for term in terms[1:]:
            found = function(found, term.values(batch))
        return found

    return Term(
        kind,
        values,
        reads=NOTHING.union(*(term.reads for term in terms)),
        needs=NOTHING.union(*(term.needs for term in terms)),
    )


def _of_many(function: Callable[[Array], Array], terms: Sequence[Term]) -> Term:
    """A function of several numbers that leaves out those that are inactive."""
    reads = NOTHING.union(*(term.reads for term in terms))
    return Term("number", lambda batch: function(np.stack([term.values(batch) for term in terms])), reads=reads)
