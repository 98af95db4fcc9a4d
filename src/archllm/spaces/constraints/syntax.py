"""The grammar of constraints: from a text to a tree, by way of Python's own parser.

The language is a small part of Python's expressions, so `ast.parse` builds the tree and its precedences are Python's.
What reaches it is not the text but a row of tokens that we have read and checked, with `_` for every name and `1` for
every number and text: no keyword, prefix, escape, unusual character or huge number of Python's can come in by the text,
limits hold before anything is built, and messages and positions are ours, the same in every version of Python. The tree
is only looked at (by `meaning`); nothing is compiled or evaluated.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from archllm.errors import FormatError, shown

LONGEST = 2_000
"""Most characters of a constraint."""

DEEPEST = 40
"""Most brackets and signs within one another."""

MOST_TERMS = 200
"""Most names, numbers and texts of a constraint. With `DEEPEST` this bounds the depth of its tree."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
    | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    | (?P<name>[^\W\d]\w*)
    | (?P<sign>==|!=|<=|>=|//|[-+*/%<>()\[\],.])
    )""",
    re.VERBOSE | re.ASCII,
)
_KEYWORDS = ("and", "or", "not", "in")
_JOINING = ("==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "//", "%", "and", "or", "in", "not")
_NEGATABLE = ("", "(", ",", "and", "or", "not")  # what `not` may follow, unless it begins `not in`
_CLOSING = {
    "": "the end, or a comparison, sign, `and` or `or`",
    "(": "')'",
    "call": "',' or ')'",
    "[": "',' or ']'",
}


@dataclass(frozen=True)
class Token:
    """A word or sign of a constraint."""

    kind: str
    """`number`, `text`, `truth`, `name`, `sign` (the words `and`, `or`, `not` and `in` included) or `end`."""

    text: str
    """As it was written, quotes included; the end and the beginning are empty."""

    position: int
    """Offset of its first character in the constraint."""

    @property
    def is_term(self) -> bool:
        """Whether it stands for a value."""
        return self.kind in ("number", "text", "truth", "name")

    @property
    def value(self) -> float | str | bool:
        """What a number, text or truth value says."""
        if self.kind == "text":
            return self.text[1:-1]
        if self.kind == "truth":
            return self.text == "true"
        return int(self.text) if self.text.isdecimal() else float(self.text)


@dataclass(frozen=True)
class Parsed:
    """The tree of a constraint and the tokens that its nodes came from."""

    text: str
    """As it was written."""

    tree: ast.expr
    """Its tree; a node's `col_offset` is a key of `tokens`."""

    tokens: dict[int, Token]
    """Tokens by their offsets in what Python parsed, from left to right."""

    def of(self, node: ast.expr) -> list[Token]:
        """The tokens of a node."""
        return [
            token for offset, token in self.tokens.items() if node.col_offset <= offset < (node.end_col_offset or 0)
        ]

    def behind(self, node: ast.expr) -> Token:
        """The sign behind a node: the first token after it that closes no bracket around it."""
        end = node.end_col_offset or 0
        return next(token for offset, token in self.tokens.items() if offset >= end and token.text != ")")

    def position(self, node: ast.expr) -> int:
        """Where a node stands in the text: its first sign between operands, else its first character."""
        match node:
            case ast.BinOp(left=first) | ast.Compare(left=first) | ast.BoolOp(values=[first, *_]):
                return self.behind(first).position
        return self.tokens[node.col_offset].position


def parse(text: str) -> Parsed:
    """The tree of a constraint.

    Raises:
        FormatError: with the position of the first token that does not fit.

    Example:
        >>> parsed = parse("1 + slot.a < 3")
        >>> type(parsed.tree).__name__, parsed.position(parsed.tree)
        ('Compare', 11)
    """
    if len(text) > LONGEST:
        raise FormatError(f"a constraint has at most {LONGEST:,} characters, found {len(text):,}", text, LONGEST)
    tokens = list(_tokens(text))
    _check_order(text, tokens)
    offsets, source = {}, ""
    for token in tokens:
        offsets[len(source)] = token
        source += f"{'_' if token.kind == 'name' else '1' if token.is_term else token.text} "
    try:
        return Parsed(text, ast.parse(source.rstrip(), mode="eval").body, offsets)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormatError(f"Python's parser can't read this constraint ({error})", text, 0) from error


def _tokens(text: str) -> Iterator[Token]:
    at, terms, before = 0, 0, ""
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            what = "a text without its closing quote" if text[at] in "\"'" else repr(text[at])
            hint = "; equality is written ==" if text[at] == "=" else ""
            raise FormatError(f"expected a name, number, text or sign, found {what}{hint}", text, at)
        kind = match.lastgroup or ""
        word, position = match[kind], match.start(kind)
        if kind == "name" and before != ".":
            kind = "truth" if word in ("true", "false") else "sign" if word in _KEYWORDS else kind
        if kind == "number" and not float(word) <= 2**53:
            raise FormatError("numbers are at most 2^53", text, position)
        token = Token(kind, word, position)
        terms += token.is_term and before != "."
        if terms > MOST_TERMS:
            what = f"a constraint has at most {MOST_TERMS} names, numbers and texts; write several constraints instead"
            raise FormatError(what, text, position)
        yield token
        at, before = match.end(), word
    yield Token("end", "", len(text))


def _check_order(text: str, tokens: list[Token]) -> None:
    """Checks that each token may stand where it stands, and how deep it stands.

    Raises:
        FormatError: at the first token that may not.
    """
    waiting: list[str] = []  # from the outside in: brackets without their ends, signs without their operands
    before = Token("sign", "", 0)
    for token in tokens:
        if len(waiting) > DEEPEST:
            raise FormatError(f"at most {DEEPEST} brackets and signs within one another", text, token.position)
        ended = before.is_term or before.text in (")", "]")  # a value ends right before the token
        callable_ = before.kind == "name"
        expected = (
            _expected_behind(token, before, callable_, waiting) if ended else _expected_after(token, before, waiting)
        )
        if expected:
            found = shown(token.value) if token.kind == "text" else token.text or "the end"
            raise FormatError(f"expected {expected}, found {found}", text, token.position)
        if token.text in (")", "]"):
            waiting.pop()
        elif token.text == "(" and callable_:
            waiting.append("call")
        elif token.text in ("(", "[") or (token.text in ("not", "-") and not ended):
            waiting.append(token.text)
        if token.is_term or token.text in (")", "]"):
            while waiting and waiting[-1] in ("not", "-"):
                waiting.pop()
        before = token


def _expected_behind(token: Token, before: Token, callable_: bool, waiting: list[str]) -> str:
    """What was expected behind a value, if not this token; else nothing."""
    inside = waiting[-1] if waiting else ""
    closing = {")": ("(", "call"), "]": ("[",), ",": ("call", "["), "end": ("",)}
    fits = (
        token.text in _JOINING
        or inside in closing.get(token.text or token.kind, ())
        or (token.text == "(" and callable_)
        or (token.text == "." and before.kind == "name")
    )
    return "" if fits and not token.is_term else _CLOSING[inside]


def _expected_after(token: Token, before: Token, waiting: list[str]) -> str:
    """What was expected after a sign, if not this token; else nothing."""
    if before.text == ".":
        return "" if token.kind == "name" else "a name after '.'"
    if before.text == "in":
        return "" if token.text == "[" else "'['"
    negation = before.text == "not" and not (waiting and waiting[-1] == "not")
    if negation:  # `not` behind a value
        return "" if token.text == "in" else "`in` after `not`"
    fits = (
        token.is_term
        or token.text in ("-", "(")
        or (token.text == "not" and before.text in _NEGATABLE)
        or (token.text == ")" and waiting[-1:] == ["call"] and before.text in ("(", ","))
    )
    return "" if fits else "a name, number or text"
