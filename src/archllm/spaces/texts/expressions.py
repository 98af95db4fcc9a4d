"""Functional expressions, in rules of grammars and in texts of members: `sequence(conv, residual(conv))`."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from archllm.errors import FormatError, shown
from archllm.spaces.texts.notation import Notation

COMBINATORS = ("sequence", "residual", "add", "concat", "cell", "repeat")
"""Names that put expressions together."""

IDENTITY = "identity"
"""The name of what gives its input."""

MOST_REPEATS = 16
"""Most times that `repeat` makes a part."""

CELLS = (1, 3, 6, 10, 15)
"""How many parts a `cell` may have: the edges of the complete DAG on 2 to 6 nodes."""

MOST_BRANCHES = 6
"""Most branches of `add` and `concat`."""


@dataclass(frozen=True)
class Expression:
    """A name, or a combinator of expressions."""

    name: str
    """A combinator, `identity`, or what a grammar gives this name."""

    parts: tuple[Expression, ...] = ()
    """What a combinator puts together."""

    times: int = 1
    """How often `repeat` makes its part."""

    at: int = 0
    """Position in the text."""


def parse_expression(text: str) -> Expression:
    """Reads an expression.

    Raises:
        FormatError: it is none; the message names the position.

    Example:
        >>> parse_expression("residual(conv)").parts[0].name
        'conv'
    """
    notation = Notation(text, "an expression such as sequence(conv, residual(conv))")
    return _expression(notation, notation.tree)


def _expression(notation: Notation, node: ast.expr) -> Expression:
    at = notation.offset(node)

    def wrong(message: str) -> FormatError:
        return FormatError(message, notation.text, at)

    match node:
        case ast.Name(id=name):
            if name in COMBINATORS:
                raise wrong(f"expected what {name} puts together, as {_USAGE[name]}")
            return Expression(name, at=at)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in COMBINATORS:
            times = 1
            if name == "repeat":
                times = _times(arguments[1:])
                if not 2 <= times <= MOST_REPEATS:
                    raise wrong(f"expected a part and how often, 2 to {MOST_REPEATS}: {_USAGE[name]}")
                arguments = arguments[:1]
            parts = tuple(_expression(notation, argument) for argument in arguments)
            if not _fits(name, len(parts)):
                raise wrong(f"{name} is written {_USAGE[name]}; found {len(parts)} parts")
            return Expression(name, parts, times, at)
        case ast.Call(func=ast.Name(id=name)):
            raise wrong(f"expected one of {', '.join(COMBINATORS)} before '(', found {shown(name)}")
    raise wrong("expected a name, or a combinator such as sequence(...)")


def _times(arguments: list[ast.expr]) -> int:
    match arguments:
        case [ast.Constant(value=int() as value)] if type(value) is int:
            return value
    return 0


def _fits(name: str, parts: int) -> bool:
    if name in ("residual", "repeat"):
        return parts == 1
    if name == "cell":
        return parts in CELLS
    return parts >= 1 if name == "sequence" else 2 <= parts <= MOST_BRANCHES


_USAGE = {
    "sequence": "sequence(a, b, …)",
    "residual": "residual(a)",
    "add": f"add(a, b, …), 2 to {MOST_BRANCHES} branches",
    "concat": f"concat(a, b, …), 2 to {MOST_BRANCHES} branches",
    "cell": f"cell(a, …), a part for each edge: {', '.join(map(str, CELLS))}",
    "repeat": "repeat(a, 3)",
}
