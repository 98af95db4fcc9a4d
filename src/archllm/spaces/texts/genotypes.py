"""Texts of genotypes, as DARTS writes them: `Genotype(normal=[('skip_connect', 1), …], …)`."""

from __future__ import annotations

import ast
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from archllm.errors import FormatError, shown
from archllm.spaces.texts.genotype_form import GenotypeForm, Pair, Parts
from archllm.spaces.texts.genotype_tables import parse_table
from archllm.spaces.texts.notation import Notation, called


def parse_genotype(text: str, form: GenotypeForm) -> tuple[Parts, Parts]:
    """Reads a genotype in the forms in which it is published; the text is parsed as syntax and never evaluated.

    A name may stand in front (`DARTS_V2 = …`), modules before `Genotype`, fields without their names, a weight in third
    place of a pair, and pairs in groups, one for each inner node. Further fields must be `None`. Instead of the call,
    the fields may stand in a tuple or, by their names, in a dictionary. Tuples of NAS-Bench-301, whose pairs are
    `(input, number of the operation)`, and dictionaries of choices are read as well; see `genotype_tables`.

    Args:
        text: the genotype.
        form: what cells look like.

    Returns:
        Sources and operation numbers, both cell by cell, inner node by inner node, slot by slot.

    Raises:
        FormatError: with the position of the offending part.
    """
    notation = Notation(text, "Genotype(...)")
    cells = _compact(notation, form) or parse_table(notation, form) or _published(notation, form)
    sources, numbers = ([[[pair[at] for pair in node] for node in cell] for cell in cells] for at in (0, 1))
    return sources, numbers


def format_genotype(sources: NDArray[np.int64], ops: NDArray[np.int64], form: GenotypeForm) -> str:
    """The inverse of `parse_genotype` for `cells x inner x arity` parts."""
    parts = []
    for at, cell in enumerate(form.cells):
        flat = zip(ops[at].ravel(), sources[at].ravel(), strict=True)
        pairs = ", ".join(f"('{form.ops[op]}', {source})" for op, source in flat)
        joined = form.joined_nodes(sources[at])
        concat = f"range({joined[0]}, {joined[-1] + 1})" if len(joined) == form.inner else str(joined)
        parts.append(f"{cell}=[{pairs}], {cell}_concat={concat}")
    return f"Genotype({', '.join(parts)})"


def _published(notation: Notation, form: GenotypeForm) -> list[list[list[Pair]]]:
    """Cells of fields of pairs and of joined nodes."""
    fields = _fields(notation, form.cells)
    cells = []
    for cell in form.cells:
        pairs = [_pair(notation, element, form) for element in _pairs(notation, fields[cell], cell, form)]
        cells.append(_by_node(pairs, form))
        sources = np.array([[source for source, _ in node] for node in cells[-1]])
        _check_concat(notation, fields[f"{cell}_concat"], f"{cell}_concat", form, sources)
    return cells


def _compact(notation: Notation, form: GenotypeForm) -> list[list[list[Pair]]] | None:
    """Cells of NAS-Bench-301's tuples, pairs of an input and the number of an operation; `None` if it is none."""
    parts = _parts(notation.tree)
    if len(parts) != len(form.cells) or not all(map(_parts, parts)):
        return None
    cells = []
    for cell, part in zip(form.cells, parts, strict=True):
        pairs = []
        for element in _pairs(notation, part, cell, form):
            two = _parts(element)
            if len(two) != 2:
                raise FormatError("expected a pair like (0, 3)", notation.text, notation.offset(element))
            pairs.append((form.source(notation, two[0]), form.numbered_op(notation, two[1])))
        cells.append(_by_node(pairs, form))
    return cells


def _by_node(pairs: list[Pair], form: GenotypeForm) -> list[list[Pair]]:
    return [pairs[first : first + form.arity] for first in range(0, len(pairs), form.arity)]


def _fields(notation: Notation, cells: tuple[str, ...]) -> dict[str, ast.expr]:
    """The fields by name."""
    whole = notation.tree
    expected = [name for cell in cells for name in (cell, f"{cell}_concat")]
    named: list[tuple[str | None, ast.expr]]
    match whole:
        case ast.Call() if called(whole) == "Genotype":
            positional, named = whole.args, [(keyword.arg, keyword.value) for keyword in whole.keywords]
        case ast.Tuple(elts=positional) if len(positional) >= len(expected):
            named = []
        case ast.Dict(keys=keys, values=values) if any(_is_text(key, cells) for key in keys):
            positional = []
            named = [(_word(key), value) for key, value in zip(keys, values, strict=True)]
        case _:
            raise FormatError("expected Genotype(...)", notation.text, notation.offset(whole))
    found = dict(zip(expected, positional, strict=False))
    named += [("", node) for node in positional[len(expected) :]]
    further = False
    for name, node in named:
        if name in expected and name not in found:
            found[str(name)] = node
        elif name is None or not ((isinstance(node, ast.Constant) and node.value is None) or _is_null(node)):
            further = True
    if further or len(found) < len(expected):
        message = f"expected exactly the fields {', '.join(expected)}, or further ones that are None"
        raise FormatError(message, notation.text, notation.offset(whole))
    return found


def _is_text(node: ast.expr | None, words: tuple[str, ...]) -> bool:
    return _word(node) in words


def _word(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_null(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "null"  # as JSON has it


def _pairs(notation: Notation, node: ast.expr, cell: str, form: GenotypeForm) -> list[ast.expr]:
    """The pairs of a cell, one after the other."""
    inner, arity = form.inner, form.arity
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


def _pair(notation: Notation, element: ast.expr, form: GenotypeForm) -> Pair:
    text, parts = notation.text, _parts(element)
    if len(parts) not in (2, 3):
        raise FormatError("expected a pair like ('sep_conv_3x3', 1)", text, notation.offset(element))
    op, source = form.named_op(notation, parts[0]), form.source(notation, parts[1])
    weight = notation.value(parts[2]) if len(parts) == 3 else 0
    if type(weight) not in (int, float):
        raise FormatError(f"expected a weight, found {shown(weight)}", text, notation.offset(parts[2]))
    return source, op


def _check_concat(
    notation: Notation, node: ast.expr, name: str, form: GenotypeForm, sources: NDArray[np.int64]
) -> None:
    found: object = None
    with suppress(FormatError):
        found = notation.value(node)
    joined = form.joined_nodes(sources)
    if isinstance(found, list | tuple) and list(found) == joined:
        return
    message = f"{name} must be range({form.cell_inputs}, {form.cell_inputs + form.inner}): every inner node goes to the"
    message = f"{message} output"
    if form.loose:
        message = f"{name} must be {joined}: the inner nodes that no other one reads go to the output"
    raise FormatError(message, notation.text, notation.offset(node))
