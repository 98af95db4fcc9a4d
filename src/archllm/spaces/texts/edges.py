"""Texts of cells with an operation on every edge, as NAS-Bench-201 writes them: `|op~0|+|op~0|op~1|+…`."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from archllm.errors import FormatError, shown


def parse_string(text: str, edges: tuple[tuple[int, int], ...], ops: tuple[str, ...]) -> NDArray[np.int64]:
    """Reads `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.

    Args:
        text: the string.
        edges: `(source, target)` of each edge, in the order of the string.
        ops: legal operation names.

    Returns:
        `1 x e` choices.

    Raises:
        FormatError: with the position of the first character that does not fit.
    """
    choices = []
    at = len(text) - len(text.lstrip())
    body = text.rstrip()
    for number, (source, target) in enumerate(edges):
        opening = "|" if number == 0 else "+|" if source == 0 else ""
        if not body.startswith(opening, at):
            found = body[at : at + len(opening)]
            raise FormatError(f"expected {opening!r} before edge {target}<-{source}, found {found!r}", text, at)
        at += len(opening)
        entry = re.compile(r"[^|~+\s]+").match(body, at)
        if entry is None or entry.group() not in ops:
            found = entry.group() if entry else body[at : at + 1]
            expected = f"one of {', '.join(ops)} on edge {target}<-{source}"
            raise FormatError(f"expected {expected}, found {shown(found)}", text, at)
        at = entry.end()
        closing = f"~{source}|"
        if not body.startswith(closing, at):
            raise FormatError(f"expected {closing!r}, found {body[at : at + len(closing)]!r}", text, at)
        at += len(closing)
        choices.append(ops.index(entry.group()))
    if at != len(body):
        raise FormatError(f"expected the end of the cell, found {body[at : at + 10]!r}", text, at)
    return np.array([choices])


def format_string(choices: NDArray[np.int64], edges: tuple[tuple[int, int], ...], ops: tuple[str, ...]) -> str:
    """The inverse of `parse_string` for one row of choices."""
    nodes: dict[int, str] = {}
    for choice, (source, target) in zip(choices, edges, strict=True):
        nodes[target] = nodes.get(target, "|") + f"{ops[choice]}~{source}|"
    return "+".join(nodes.values())
