"""Values and texts as Python source: the one place where what comes from outside becomes part of a program.

A text becomes a literal, or lines of a docstring; whatever it holds, Python reads it back as that text and as nothing
else. `check_source` makes sure of it for a whole file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from keyword import iskeyword
from typing import Any

from archllm.errors import ExportError

WIDTH = 120
"""Longest line, that of our own source."""


def literal(value: Any, indent: int = 0) -> str:
    r"""A literal, on one line if it is short, else an item a line.

    Args:
        value: a text, a number, a truth value, `None`, or a list, tuple or dictionary of such.
        indent: columns that stand before it.

    Raises:
        ExportError: it is something else, or a number that Python has no literal for.

    Example:
        >>> print(literal(("a", "it's", 'so "said"')))
        ("a", "it's", "so \"said\"")
    """
    if type(value) is str:
        return f'"{_escaped(value)}"'
    if value is None or type(value) in (bool, int):
        return repr(value)
    if type(value) is float and abs(value) < float("inf"):
        return repr(value)
    if type(value) is dict:
        entries = ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{entries}}}"
    if type(value) not in (list, tuple):
        raise ExportError(f"{value!r} has no literal in Python")
    items = [literal(item, indent + 4) for item in value]
    left, right = ("[", "]") if isinstance(value, list) else ("(", ")")
    flat = not any(isinstance(item, list | tuple) for item in value)
    if flat or (len(items) == 1 and "\n" not in items[0]):
        tail = "," if isinstance(value, tuple) and len(items) == 1 else ""
        line = f"{left}{', '.join(items)}{tail}{right}"
        if len(line) + indent + 20 <= WIDTH:
            return line
    pad = " " * indent
    return f"{left}\n" + "".join(f"{pad}    {item},\n" for item in items) + f"{pad}{right}"


def docstring(lines: Sequence[str]) -> str:
    """A docstring of these lines; a line that breaks inside is written with the break escaped.

    Quotes stay as they are where they stand alone, so that a text in JSON can be read.
    """
    return '"""' + "".join(f"{_readable(line)}\n" for line in lines) + '"""'


def dotted(name: str) -> str:
    """The name of a module or of an attribute of one, as code.

    Raises:
        ExportError: it is no such name.
    """
    parts = name.split(".")
    if not all(part.isascii() and part.isidentifier() and not iskeyword(part) for part in parts):
        raise ExportError(f"{name!r} is no name that can stand in Python source")
    return name


def check_source(source: str, same: str) -> None:
    """Makes sure that a file compiles and holds nothing but what was meant.

    Args:
        source: the file.
        same: the file as it would be with harmless texts in place of those from outside: all but the texts must be the
            same, statement by statement.

    Raises:
        ExportError: it does not.
    """
    try:
        if _shape(source) == _shape(same):
            return
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExportError(f"the file would be no Python: {error}") from error
    raise ExportError("the file would hold more than the network: a name in it breaks out of its place")


def harmless(value: Any) -> Any:
    """The same value with other texts in it, for the second file of `check_source`."""
    if isinstance(value, dict):
        return {str(number): harmless(item) for number, item in enumerate(value.values())}
    if isinstance(value, list | tuple):
        return type(value)(harmless(item) for item in value)
    return "text" if isinstance(value, str) else value


def _shape(source: str) -> str:
    """The syntax tree, with every text left out."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def _escaped(text: str) -> str:
    """A text inside double quotes, in ASCII."""
    return "".join(
        f"\\{each}" if each in '\\"' else each if each.isascii() and each.isprintable() else _coded(each)
        for each in text
    )


def _readable(line: str) -> str:
    """A line inside a docstring: what can be seen stays, but for quotes in a row, which could end it."""
    shown = "".join("\\\\" if each == "\\" else each if each.isprintable() else _coded(each) for each in line)
    return re.sub(r'"(?=")', r"\"", shown)


def _coded(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
