"""Texts in Python's notation, read and never evaluated: `Genotype(normal=[('skip_connect', 1)], …)`, `{'ks': [3, 5]}`.

Python's own parser makes a tree of the text, within bounds of length, and only the few forms in which plain values are
printed are read from it: constants, lists, tuples, dictionaries, `range(2, 6)`, `list(range(2, 6))`, and the numbers
and arrays of numpy, as in `np.int64(0)`.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import cached_property
from itertools import accumulate
from typing import Any

from archllm.errors import FormatError, InvalidInput

LONGEST = 20_000
"""Most characters of a text."""

LONGEST_FILE = 1_000_000
"""Most characters of a file of genotypes."""

_LONGEST_RANGE = 1_000
_SAME = ("int", "float", "str", "str_", "list", "tuple", "array", "asarray", *(f"int{n}" for n in (8, 16, 32, 64)))
_SAME = (*_SAME, *(f"uint{n}" for n in (8, 16, 32, 64)), "float16", "float32", "float64")
_NAMES = {"null": None, "true": True, "false": False}  # as JSON has them


class Notation:
    """A text and the tree of the one expression that it is, or that it gives a name to.

    Args:
        text: the text.
        expected: what should stand there, for messages.

    Raises:
        FormatError: it is no expression; the position is that of the mistake.

    Example:
        >>> Notation("D = dict(a=list(range(2, 4)))", "a dictionary").tree.func.id
        'dict'
        >>> Notation("('skip', np.int64(0))", "a pair").value()
        ('skip', 0)
    """

    def __init__(self, text: str, expected: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise FormatError(f"expected at most {LONGEST} characters, found {len(text)}", text, LONGEST)
        try:
            body = _parsed(text.strip())
        except SyntaxError as error:
            at = self._place(error.lineno or 1, error.offset - 1) if error.offset else len(text.rstrip())
            raise FormatError(f"expected {expected}: {error.msg}", text, at) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise FormatError(f"expected {expected}, found text that is no syntax: {error}", text, 0) from error
        found = body[0] if len(body) == 1 else None
        if not isinstance(found, ast.Expr | ast.Assign | ast.AnnAssign) or found.value is None:
            raise FormatError(f"expected {expected}", text, 0)
        self.tree: ast.expr = found.value

    def value(self, node: ast.expr | None = None) -> Any:
        """The plain value that a node stands for, by default the whole.

        Raises:
            FormatError: it stands for something else.
        """
        node = self.tree if node is None else node
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
            case ast.Name(id=name) if name in _NAMES:
                return _NAMES[name]
            case ast.List(elts=parts):
                return [self.value(part) for part in parts]
            case ast.Tuple(elts=parts):
                return tuple(self.value(part) for part in parts)
            case ast.Dict(keys=keys, values=values):
                return {self._key(key, node): self.value(value) for key, value in zip(keys, values, strict=True)}
            case ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[]):
                return self._range(node, [self.value(argument) for argument in arguments])
            case ast.Call(args=[argument, *_]) if called(node) in _SAME:
                return self.value(argument)
        raise FormatError("expected a plain value", self.text, self.offset(node))

    def _key(self, key: ast.expr | None, node: ast.expr) -> Any:
        found = self.value(key) if key is not None else ()
        if not isinstance(found, str | int):
            raise FormatError("expected a text as key", self.text, self.offset(key or node))
        return found

    def _range(self, node: ast.expr, bounds: list[Any]) -> list[int]:
        if all(type(bound) is int for bound in bounds) and 1 <= len(bounds) <= 3 and bounds[2:] != [0]:
            found = range(*bounds)
            if len(found) <= _LONGEST_RANGE:
                return list(found)
        raise FormatError("expected a range such as range(2, 6)", self.text, self.offset(node))

    def offset(self, node: ast.expr) -> int:
        """Position in the text of a node, whose column counts UTF-8 bytes."""
        line = self._lines[node.lineno - 1]
        column = node.col_offset
        if not line.isascii():
            column = len(line.encode(errors="replace")[:column].decode(errors="ignore"))
        return self._place(node.lineno, column)

    def _place(self, line: int, column: int) -> int:
        """Position in the text of a (1-based) line and a column of its stripped form."""
        return self._starts[min(line, len(self._starts)) - 1] + column

    @cached_property
    def _starts(self) -> list[int]:
        """Positions in the text at which the lines of the stripped form start, and where the last one ends."""
        return list(accumulate(map(len, self._lines), initial=len(self.text) - len(self.text.lstrip())))

    @cached_property  # each node of a long text asks for its position
    def _lines(self) -> list[str]:
        """The lines of the stripped form as Python's syntax counts them: a form feed, for one, ends none."""
        return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", self.text.strip())


def called(node: ast.expr) -> str:
    """The name of what a node calls, without the modules in front; empty if it calls nothing by name."""
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def named_genotype(text: str, name: str | None, where: str) -> str:
    """The text of a genotype in a Python file of genotypes; any other text as it is.

    Args:
        text: the text of the file.
        name: the name of the genotype; needed if there are several.
        where: what the file is called in messages.

    Raises:
        InvalidInput: there is none of that name, or there are several; the message lists them.
    """
    found: dict[str, str] = {}
    if len(text) <= LONGEST_FILE:
        try:
            body = _parsed(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            body = []
        lines = text.splitlines(keepends=True)
        for each in body:
            if isinstance(each, ast.Assign) and called(each.value) == "Genotype":
                segment = _segment(lines, each.value)
                found |= {target.id: segment for target in each.targets if isinstance(target, ast.Name)}
    names = f"it has {', '.join(found)}" if found else "it has no genotypes"
    if name is not None:
        if name not in found:
            raise InvalidInput(f"{where} has no genotype {name}; {names}")
        return found[name]
    if len(found) > 1:
        raise InvalidInput(f"{where} has several genotypes; name one as {where}:NAME, {names}")
    return next(iter(found.values())) if found else text


def _segment(lines: list[str], node: ast.expr) -> str:
    """The source of a node of a file; its columns count UTF-8 bytes."""
    own = [line.encode() for line in lines[node.lineno - 1 : node.end_lineno]]
    own[-1] = own[-1][: node.end_col_offset]
    own[0] = own[0][node.col_offset :]
    return b"".join(own).decode()


def _parsed(text: str) -> list[ast.stmt]:
    with warnings.catch_warnings():  # of escapes and comparisons that look like mistakes
        warnings.simplefilter("ignore")
        return ast.parse(text).body
