"""Texts of cells with operations on vertices: JSON with the adjacency matrix and the operations, as NAS-Bench-101's."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from archllm.errors import FormatError, shown
from archllm.graphs import ABSENT, Graphs

_LARGEST = 64  # vertices; far beyond the space, and small enough to read at once


def parse_json(text: str, op_names: tuple[str, ...]) -> Graphs:
    """Reads `{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}`.

    NAS-Bench-101's own field names `module_adjacency` and `module_operations` are read as well.

    Raises:
        FormatError: the text is not such JSON; the position is that of the offending part.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"expected JSON with matrix and ops: {error.msg}", text, error.pos) from error
    except ValueError as error:  # an integer with more digits than Python agrees to read
        longest = max(re.finditer(r"\d+", text), key=lambda digits: len(digits.group()))
        raise FormatError("expected JSON with matrix and ops, found a huge number", text, longest.start()) from error
    except RecursionError as error:
        raise FormatError("expected JSON with matrix and ops, found nesting without end", text, 0) from error
    if not isinstance(data, dict):
        raise FormatError(f"expected a JSON object with matrix and ops, found {type(data).__name__}", text, 0)
    matrix, at_matrix = _field(data, ("matrix", "module_adjacency"), text)
    ops, at_ops = _field(data, ("ops", "module_operations"), text)
    if not isinstance(ops, list) or not 1 <= len(ops) <= _LARGEST:
        raise FormatError(f"ops must be a list of 1 to {_LARGEST} operation names", text, at_ops)
    for op in ops:
        if not isinstance(op, str) or op not in op_names:
            at = text.find(json.dumps(op), at_ops) if isinstance(op, str) else at_ops
            raise FormatError(f"unknown operation {shown(op)}; legal are {', '.join(op_names)}", text, max(at, at_ops))
    square = isinstance(matrix, list) and all(isinstance(row, list) and len(row) == len(matrix) for row in matrix)
    if not square or len(matrix) != len(ops):
        raise FormatError(f"matrix must be {len(ops)} x {len(ops)}, as ops has {len(ops)} entries", text, at_matrix)
    for i, row in enumerate(matrix):
        for j, entry in enumerate(row):
            if type(entry) not in (int, bool) or entry not in (0, 1):
                at = _entry_position(text, at_matrix, i * len(ops) + j)
                raise FormatError(f"matrix[{i}][{j}] must be 0 or 1, found {shown(entry)}", text, at)
    labels = np.array([[op_names.index(op) for op in ops]], dtype=np.int8)
    return Graphs(labels, np.array([matrix], dtype=np.bool_))


def format_json(graph: Graphs, op_names: tuple[str, ...]) -> str:
    """The inverse of `parse_json`, on one line."""
    used = int((graph.ops[0] != ABSENT).sum())
    matrix = graph.adjacency[0, :used, :used].astype(int).tolist()
    return json.dumps({"matrix": matrix, "ops": [op_names[label] for label in graph.ops[0, :used]]})


def _field(data: dict[str, Any], names: tuple[str, str], text: str) -> tuple[Any, int]:
    """The value of the field of one of those names, and where the name stands in the text."""
    for name in names:
        if name in data:
            return data[name], max(text.find(json.dumps(name)), 0)
    raise FormatError(f"the field {names[0]!r} is missing; found {shown(list(data))}", text, 0)


def _entry_position(text: str, field: int, number: int) -> int:
    """Where the entry of that number, row by row, begins in the matrix whose field name stands at `field`."""
    entries = re.compile(r"[^\s\[\],]+").finditer(text, text.find("[", field))
    return next((entry.start() for at, entry in enumerate(entries) if at == number), field)
