"""Texts of genotypes, as DARTS writes them: `Genotype(normal=[('skip_connect', 1), …], …)`."""

from __future__ import annotations

import ast
import re

import numpy as np
from numpy.typing import NDArray

from archllm.errors import FormatError, shown

Parts = list[list[list[int]]]  # cell, inner node, slot

_LONGEST = 20_000  # characters; a genotype has a few hundred


def parse_genotype(
    text: str, ops: tuple[str, ...], cells: tuple[str, ...], inner: int, arity: int, cell_inputs: int
) -> tuple[Parts, Parts]:
    """Reads a genotype; the text is parsed as syntax and never evaluated.

    Args:
        text: the genotype.
        ops: legal operation names.
        cells: names of the cell types.
        inner: inner nodes per cell.
        arity: operations per inner node.
        cell_inputs: inputs of a cell.

    Returns:
        Sources and operation numbers, both cell by cell, inner node by inner node, slot by slot.

    Raises:
        FormatError: with the position of the offending part.
    """
    call = _call(text)
    fields = {keyword.arg: keyword.value for keyword in call.keywords}
    expected = [name for cell in cells for name in (cell, f"{cell}_concat")]
    if call.args or sorted(map(str, fields)) != sorted(expected) or len(fields) != len(call.keywords):
        raise FormatError(f"expected exactly the fields {', '.join(expected)}", text, _offset(text, call))
    sources: Parts = []
    numbers: Parts = []
    for cell in cells:
        pairs = fields[cell]
        if not isinstance(pairs, ast.List | ast.Tuple) or len(pairs.elts) != inner * arity:
            raise FormatError(f"{cell} must be a list of {inner * arity} pairs", text, _offset(text, pairs))
        flat = [_pair(text, element, ops, cell_inputs + inner) for element in pairs.elts]
        sources.append([[flat[k * arity + slot][1] for slot in range(arity)] for k in range(inner)])
        numbers.append([[flat[k * arity + slot][0] for slot in range(arity)] for k in range(inner)])
        _check_concat(text, fields[f"{cell}_concat"], f"{cell}_concat", cell_inputs, inner)
    return sources, numbers


def format_genotype(
    sources: NDArray[np.int64],
    ops: NDArray[np.int64],
    op_names: tuple[str, ...],
    cells: tuple[str, ...],
    cell_inputs: int,
) -> str:
    """The inverse of `parse_genotype` for `cells x inner x arity` parts."""
    parts = []
    for at, cell in enumerate(cells):
        flat = zip(ops[at].ravel(), sources[at].ravel(), strict=True)
        pairs = ", ".join(f"('{op_names[op]}', {source})" for op, source in flat)
        parts.append(f"{cell}=[{pairs}], {cell}_concat=range({cell_inputs}, {cell_inputs + sources.shape[1]})")
    return f"Genotype({', '.join(parts)})"


def _call(text: str) -> ast.Call:
    if len(text) > _LONGEST:
        raise FormatError(f"expected at most {_LONGEST} characters, found {len(text)}", text, _LONGEST)
    stripped = text.strip()
    try:
        tree = ast.parse(stripped, mode="eval")
    except SyntaxError as error:
        at = _place(text, error.lineno or 1, error.offset - 1) if error.offset else len(text.rstrip())
        raise FormatError(f"expected Genotype(...): {error.msg}", text, at) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise FormatError(f"expected Genotype(...), found text that is no syntax: {error}", text, 0) from error
    call = tree.body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "Genotype":
        raise FormatError("expected Genotype(...)", text, _offset(text, call))
    return call


def _pair(text: str, element: ast.expr, ops: tuple[str, ...], sources: int) -> tuple[int, int]:
    parts = element.elts if isinstance(element, ast.Tuple | ast.List) else []
    values = [part.value for part in parts if isinstance(part, ast.Constant)]
    if len(parts) != 2 or len(values) != 2:
        raise FormatError("expected a pair like ('sep_conv_3x3', 1)", text, _offset(text, element))
    op, source = values
    if not isinstance(op, str) or op not in ops:
        raise FormatError(f"unknown operation {shown(op)}; legal are {', '.join(ops)}", text, _offset(text, parts[0]))
    if type(source) is not int or not 0 <= source < sources:
        wanted = f"a node number 0 to {sources - 1} is needed"
        raise FormatError(f"{wanted}, found {shown(source)}", text, _offset(text, parts[1]))
    return ops.index(op), source


def _check_concat(text: str, value: ast.expr, name: str, cell_inputs: int, inner: int) -> None:
    expected = list(range(cell_inputs, cell_inputs + inner))
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range":
        bounds = [part.value for part in value.args if isinstance(part, ast.Constant) and type(part.value) is int]
        whole = len(bounds) == len(value.args) == 2 and not value.keywords
        found = bounds if whole else None
        good = found == [cell_inputs, cell_inputs + inner]
    elif isinstance(value, ast.List | ast.Tuple):
        good = [part.value if isinstance(part, ast.Constant) else None for part in value.elts] == expected
    else:
        good = False
    if not good:
        wanted = f"range({cell_inputs}, {cell_inputs + inner})"
        raise FormatError(f"{name} must be {wanted}: every inner node goes to the output", text, _offset(text, value))


def _offset(text: str, node: ast.expr) -> int:
    """Position in `text` of a node of its syntax, whose column counts UTF-8 bytes."""
    line = _lines(text)[node.lineno - 1]
    return _place(text, node.lineno, len(line.encode()[: node.col_offset].decode(errors="ignore")))


def _place(text: str, line: int, column: int) -> int:
    """Position in `text` of a (1-based) line and a column of its stripped form."""
    lead = len(text) - len(text.lstrip())
    return lead + sum(len(part) for part in _lines(text)[: line - 1]) + column


def _lines(text: str) -> list[str]:
    """The lines of the stripped form as Python's syntax counts them: a form feed, for one, ends none."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text.strip())
