"""The grammar of constraints: from a text to a tree, by recursive descent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from archllm.errors import FormatError

LONGEST = 2_000
"""Most characters of a constraint."""

DEEPEST = 40
"""Most brackets and signs within one another."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
    | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>==|!=|<=|>=|//|[-+*/%<>()\[\],.])
    )""",
    re.VERBOSE | re.ASCII,
)
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_RESERVED = ("and", "or", "not", "in", "true", "false")


@dataclass(frozen=True)
class Literal:
    """A number, a text or a truth value."""

    value: float | str | bool
    position: int


@dataclass(frozen=True)
class Name:
    """A name, such as `slot.width1`."""

    parts: tuple[str, ...]
    position: int


@dataclass(frozen=True)
class Call:
    """A function of arguments, such as `count("skip")`."""

    function: str
    arguments: tuple[Expression, ...]
    position: int


@dataclass(frozen=True)
class Operation:
    """Arithmetic or logic: a sign or word with its operands."""

    sign: str
    operands: tuple[Expression, ...]
    position: int


@dataclass(frozen=True)
class Comparison:
    """A chain of comparisons: `signs[k]` stands between `operands[k]` and `operands[k + 1]`."""

    signs: tuple[str, ...]
    operands: tuple[Expression, ...]
    position: int


@dataclass(frozen=True)
class Membership:
    """`operand in [...]`, or `not in`."""

    operand: Expression
    values: tuple[Literal, ...]
    negated: bool
    position: int


Expression = Literal | Name | Call | Operation | Comparison | Membership


@dataclass(frozen=True)
class _Token:
    kind: str  # number, text, word, sign, end
    text: str
    position: int


def parse(text: str) -> Expression:
    """The tree of a constraint.

    Raises:
        FormatError: with the position of the first token that does not fit.
    """
    if len(text) > LONGEST:
        raise FormatError(f"a constraint has at most {LONGEST:,} characters, found {len(text):,}", text, LONGEST)
    return _Parser(text).whole()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            what = "a text without its closing quote" if text[at] in "\"'" else repr(text[at])
            hint = "; equality is written ==" if text[at] == "=" else ""
            raise FormatError(f"expected a name, number, text or sign, found {what}{hint}", text, at)
        kind = match.lastgroup or ""
        found.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at, self.depth = text, _tokens(text), 0, 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def whole(self) -> Expression:
        tree = self.any_of()
        if self.token.kind != "end":
            raise self.wrong("the end, or a comparison, sign, `and` or `or`")
        return tree

    def wrong(self, expected: str) -> FormatError:
        found = self.token.text or "the end"
        return FormatError(f"expected {expected}, found {found}", self.text, self.token.position)

    def taken(self, *texts: str) -> _Token | None:
        """Takes the next token if it is one of those signs or words."""
        token = self.token
        if token.kind in ("word", "sign") and token.text in texts:
            self.at += 1
            return token
        return None

    def need(self, sign: str) -> None:
        if self.taken(sign) is None:
            raise self.wrong(repr(sign))

    def nested(self, rule: Callable[[], Expression]) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise FormatError(
                f"at most {DEEPEST} brackets and signs within one another", self.text, self.token.position
            )
        tree = rule()
        self.depth -= 1
        return tree

    def joined(self, rule: Callable[[], Expression], *signs: str) -> Expression:
        """Operands of a rule joined by signs, from left to right."""
        tree = rule()
        while token := self.taken(*signs):
            tree = Operation(token.text, (tree, rule()), token.position)
        return tree

    def any_of(self) -> Expression:
        return self.joined(self.all_of, "or")

    def all_of(self) -> Expression:
        return self.joined(self.negation, "and")

    def negation(self) -> Expression:
        if token := self.taken("not"):
            return Operation("not", (self.nested(self.negation),), token.position)
        return self.comparison()

    def comparison(self) -> Expression:
        first = self.total()
        position = self.token.position
        negated = self.taken("not") is not None
        if negated or self.token.text == "in":
            if self.taken("in") is None:
                raise self.wrong("`in` after `not`")
            return Membership(first, self.listed(), negated, position)
        signs, operands = [], [first]
        while token := self.taken(*_COMPARISONS):
            signs.append(token.text)
            operands.append(self.total())
        return Comparison(tuple(signs), tuple(operands), position) if signs else first

    def listed(self) -> tuple[Literal, ...]:
        self.need("[")
        values = []
        while True:
            value = self.signed()
            if isinstance(value, Operation) and isinstance(value.operands[0], Literal):  # a negative number
                value = Literal(-float(value.operands[0].value), value.position)
            if not isinstance(value, Literal):
                raise FormatError("a list holds numbers or texts", self.text, value.position)
            values.append(value)
            if self.taken("]"):
                return tuple(values)
            if not self.taken(","):
                raise self.wrong("',' or ']'")

    def total(self) -> Expression:
        return self.joined(self.product, "+", "-")

    def product(self) -> Expression:
        return self.joined(self.signed, "*", "/", "//", "%")

    def signed(self) -> Expression:
        if token := self.taken("-"):
            return Operation("-", (self.nested(self.signed),), token.position)
        return self.atom()

    def atom(self) -> Expression:
        token = self.token
        if token.kind == "number":
            self.at += 1
            if not float(token.text) <= 2**53:
                raise FormatError("numbers are at most 2^53", self.text, token.position)
            return Literal(int(token.text) if token.text.isdecimal() else float(token.text), token.position)
        if token.kind == "text":
            self.at += 1
            return Literal(token.text[1:-1], token.position)
        if self.taken("true", "false"):
            return Literal(token.text == "true", token.position)
        if self.taken("("):
            tree = self.nested(self.any_of)
            self.need(")")
            return tree
        if token.kind == "word" and token.text not in _RESERVED:
            return self.named()
        raise self.wrong("a name, number or text")

    def named(self) -> Expression:
        first = self.token
        self.at += 1
        if self.taken("("):
            arguments = []
            while not self.taken(")"):
                arguments.append(self.nested(self.any_of))
                if not self.taken(",") and self.token.text != ")":
                    raise self.wrong("',' or ')'")
            return Call(first.text, tuple(arguments), first.position)
        parts = [first.text]
        while self.taken("."):
            if self.token.kind != "word":
                raise self.wrong("a name after '.'")
            parts.append(self.token.text)
            self.at += 1
        return Name(tuple(parts), first.position)
