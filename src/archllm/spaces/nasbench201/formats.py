"""Further texts of NAS-Bench-201: the official index, and NASLib's 6-tuple."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from archllm.errors import FormatError, shown

_NASLIB_OPS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_NASLIB_EDGES = (0, 1, 3, 2, 4, 5)  # position of NASLib's k-th edge (by source) among ours (by target)


def parse_index(text: str, size: int) -> int:
    """Reads an official index.

    Raises:
        FormatError: it is not below `size`.
    """
    digits = text.strip()
    if len(digits) > 12 or int(digits) >= size:
        raise FormatError(f"an index must be 0 to {size - 1}, found {digits[:12]}", text, text.index(digits))
    return int(digits)


def parse_naslib(text: str, ops: tuple[str, ...]) -> NDArray[np.int64]:
    """Reads NASLib's `(4, 0, 3, 1, 4, 3)`; its edges go by source, its operations have other numbers.

    Raises:
        FormatError: it is not six numbers 0 to 4.
    """
    match = re.fullmatch(r"\s*(?:\((.*)\)|\[(.*)\])\s*", text, flags=re.DOTALL)
    if match is None:
        raise FormatError("expected a closing bracket after six numbers", text, len(text.rstrip()))
    at = match.start(match.lastindex or 0)
    parts = match.group(match.lastindex or 0).split(",")
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    choices = np.zeros((1, len(_NASLIB_EDGES)), dtype=np.int64)
    for number, part in enumerate(parts):
        digit = part.strip()
        if digit not in {"0", "1", "2", "3", "4"} or number >= len(_NASLIB_EDGES):
            at += len(part) - len(part.lstrip())
            raise FormatError(f"expected six numbers 0 to 4, found {shown(digit)} as number {number + 1}", text, at)
        choices[0, _NASLIB_EDGES[number]] = ops.index(_NASLIB_OPS[int(digit)])
        at += len(part) + 1
    if len(parts) < len(_NASLIB_EDGES):
        raise FormatError(f"expected six numbers, found {len(parts)}", text, match.end(match.lastindex or 0))
    return choices


def format_naslib(choices: NDArray[np.int64], ops: tuple[str, ...]) -> tuple[int, ...]:
    """NASLib's tuple of one row of choices."""
    return tuple(_NASLIB_OPS.index(ops[choices[edge]]) for edge in _NASLIB_EDGES)


def structure(choices: NDArray[np.int64], ops: tuple[str, ...]) -> str:
    """What a cell computes, as an expression: skips are followed, an operand fed by zero is zero.

    Equal expressions are what the benchmark counts as one architecture: 6,466 in all (Dong & Yang, 2020, section 2.1).
    Its rule compares sums as texts, term after sorted term, and takes a sum of zeros for an operand of its own; the
    count depends on both, so they are kept.
    """
    edge = iter(choices)
    nodes = ["0"]
    for target in range(1, 4):
        terms = []
        for source in range(target):
            op = ops[next(edge)]
            if op == "none" or nodes[source] == "#":
                terms.append("#")
            elif op == "skip_connect":
                terms.append(nodes[source])
            else:
                terms.append(f"({nodes[source]})@{op}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]
