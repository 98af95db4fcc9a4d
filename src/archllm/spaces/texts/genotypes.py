"""Texts of genotypes, as DARTS writes them: `Genotype(normal=[('skip_connect', 1), …], …)`."""

from __future__ import annotations

import ast
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from archllm.errors import FormatError, shown
from archllm.spaces.texts.notation import Notation, called

Parts = list[list[list[int]]]  # cell, inner node, slot


def parse_genotype(
    text: str, ops: tuple[str, ...], cells: tuple[str, ...], inner: int, arity: int, cell_inputs: int
) -> tuple[Parts, Parts]:
    """Reads a genotype in the forms in which it is published; the text is parsed as syntax and never evaluated.

    A name may stand in front (`DARTS_V2 = …`), modules before `Genotype`, fields without their names, a weight in third
    place of a pair, and pairs in groups, one for each inner node. Further fields must be `None`.

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
    notation = Notation(text, "Genotype(...)")
    fields = _fields(notation, cells)
    sources: Parts = []
    numbers: Parts = []
    for cell in cells:
        pairs = _pairs(notation, fields[cell], cell, inner, arity)
        flat = [_pair(notation, element, ops, cell_inputs + inner) for element in pairs]
        sources.append([[flat[k * arity + slot][1] for slot in range(arity)] for k in range(inner)])
        numbers.append([[flat[k * arity + slot][0] for slot in range(arity)] for k in range(inner)])
        _check_concat(notation, fields[f"{cell}_concat"], f"{cell}_concat", cell_inputs, inner)
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


def _fields(notation: Notation, cells: tuple[str, ...]) -> dict[str, ast.expr]:
    """The fields by name."""
    call = notation.tree
    if not isinstance(call, ast.Call) or called(call) != "Genotype":
        raise FormatError("expected Genotype(...)", notation.text, notation.offset(call))
    expected = [name for cell in cells for name in (cell, f"{cell}_concat")]
    found = dict(zip(expected, call.args, strict=False))
    further = len(call.args) > len(expected)
    for keyword in call.keywords:
        if keyword.arg in expected and keyword.arg not in found:
            found[str(keyword.arg)] = keyword.value
        elif not isinstance(keyword.value, ast.Constant) or keyword.value.value is not None or not keyword.arg:
            further = True
    if further or len(found) < len(expected):
        message = f"expected exactly the fields {', '.join(expected)}, or further ones that are None"
        raise FormatError(message, notation.text, notation.offset(call))
    return found


def _pairs(notation: Notation, node: ast.expr, cell: str, inner: int, arity: int) -> list[ast.expr]:
    """The pairs of a cell, one after the other."""
    parts = _parts(node)
    groups = [_parts(part) for part in parts]
    if len(parts) == inner and all(len(group) == arity and all(map(_parts, group)) for group in groups):
        return [pair for group in groups for pair in group]
    if len(parts) != inner * arity:
        message = f"{cell} must be a list of {inner * arity} pairs, or of {inner} groups of {arity} pairs"
        raise FormatError(message, notation.text, notation.offset(node))
    return parts


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.List | ast.Tuple) else []


def _pair(notation: Notation, element: ast.expr, ops: tuple[str, ...], sources: int) -> tuple[int, int]:
    text, parts = notation.text, _parts(element)
    if len(parts) not in (2, 3):
        raise FormatError("expected a pair like ('sep_conv_3x3', 1)", text, notation.offset(element))
    op, source, *weight = map(notation.value, parts)
    if not isinstance(op, str) or op not in ops:
        hint = "; a space file of your own can have it" if op == "none" else ""
        message = f"unknown operation {shown(op)}; legal are {', '.join(ops)}{hint}"
        raise FormatError(message, text, notation.offset(parts[0]))
    if type(source) is not int or not 0 <= source < sources:
        wanted = f"a node number 0 to {sources - 1} is needed"
        raise FormatError(f"{wanted}, found {shown(source)}", text, notation.offset(parts[1]))
    if weight and type(weight[0]) not in (int, float):
        raise FormatError(f"expected a weight, found {shown(weight[0])}", text, notation.offset(parts[2]))
    return ops.index(op), source


def _check_concat(notation: Notation, node: ast.expr, name: str, cell_inputs: int, inner: int) -> None:
    found: object = None
    with suppress(FormatError):
        found = notation.value(node)
    if not isinstance(found, list | tuple) or list(found) != list(range(cell_inputs, cell_inputs + inner)):
        wanted = f"range({cell_inputs}, {cell_inputs + inner})"
        message = f"{name} must be {wanted}: every inner node goes to the output"
        raise FormatError(message, notation.text, notation.offset(node))
