"""Tables in CSV or Parquet with a column of architectures; those of well-known shape are recognised."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import DataError, shown
from archllm.graphs import ABSENT, Graphs
from archllm.objectives.tables.cells import Cells, read_cells
from archllm.objectives.tables.shapes import Shape, recognise
from archllm.objectives.tables.table import Repeats, Table, make_table_of_graphs, parse_texts
from archllm.spaces import SearchSpace

ARCHITECTURE_COLUMNS = ("architecture", "arch", "arch_str", "genotype")
"""Columns that are taken for the architecture if none is named."""

_SPREAD = ("n_vertices", "upper_triangle_bits", "ops")  # columns that give an architecture together


def read_delimited(
    path: Path,
    space: SearchSpace,
    about: dict[str, str],
    arch_column: str | None = None,
    metrics: Sequence[str] = (),
    repeats: Repeats = "error",
) -> Table:
    """Reads `.csv`, `.csv.gz` or `.parquet`.

    An empty cell means that the architecture has no score there.

    Args:
        path: the file.
        space: the space of its architectures.
        about: provenance.
        arch_column: the column of texts; by default one of `ARCHITECTURE_COLUMNS`.
        metrics: columns to keep; by default all that hold numbers. A percent sign behind every number is left out.
        repeats: what is kept of several scores of one architecture.

    Raises:
        DataError: the file is damaged or of another space, a column is missing, or a row can't be used; the message
            names it.
    """
    found: dict[str, Any] = {}

    def choose(headings: Sequence[str]) -> Collection[str]:
        shape = recognise(headings)
        if shape is not None and shape.space != space.name:
            raise DataError(f"{path.name} is a table of {shape.space}, not of {space.name}")
        if arch_column is None and shape is not None and shape.architecture is None:
            spread: tuple[str, ...] = _SPREAD
        else:
            spread = (arch_column or (shape and shape.architecture) or _architecture_column(path, headings),)
            if spread[0] not in headings:
                raise DataError(f"{path.name} has no column {spread[0]!r}; it has {_listed(headings)}")
        found.update(shape=shape, spread=spread)
        return {*spread, "index"} if space.name == "nasbench201" and shape is not None else set(spread)

    cells = read_cells(path, choose)
    shape: Shape | None = found["shape"]
    spread: tuple[str, ...] = found["spread"]
    graphs = (
        _graphs_of_bits(cells, space) if spread == _SPREAD else parse_texts(space, cells.texts[spread[0]], cells.where)
    )
    chosen = list(metrics) or [heading for heading in cells.columns if not shape or shape.rename(heading)]
    unread = {} if metrics else {heading: why for heading in chosen if (why := cells.unread(heading)) is not None}
    headings = [heading for heading in chosen if heading not in unread and (metrics or not _is_empty(cells, heading))]
    if not headings:
        told = "".join(f"; {heading}: {why}" for heading, why in unread.items())
        raise DataError(
            f"{path.name} has no column of numbers beside the architecture; it has {_listed(cells.headings)}{told}"
        )
    if shape is not None:
        _check_indices(cells, graphs, space)
        about = about | {"meaning": shape.meaning}
    values = {}
    for heading in headings:
        name = (shape.rename(heading) if shape is not None else None) or heading
        values[name] = cells.numbers(heading) * (shape.factor if shape is not None and ".valid@" in name else 1.0)
    table = make_table_of_graphs(space, graphs, values, about, cells.where, repeats)
    return replace(table, unread=unread)


def _is_empty(cells: Cells, heading: str) -> bool:
    column = cells.columns[heading]
    return not column.values and column.wrong is None and column.infinite is None


def _architecture_column(path: Path, headings: Sequence[str]) -> str:
    for heading in ARCHITECTURE_COLUMNS:
        if heading in headings:
            return heading
    alone = "; columns are separated by commas, semicolons or tabs" if len(headings) == 1 else ""
    raise DataError(
        f"{path.name} has no column {' or '.join(ARCHITECTURE_COLUMNS)}; name the column of architectures "
        f"(--arch-column), one of {_listed(headings)}{alone}"
    )


def _check_indices(cells: Cells, graphs: Graphs, space: SearchSpace) -> None:
    """Makes sure that official indices beside official texts are those of the texts."""
    if "index" not in cells.texts or space.name != "nasbench201":
        return
    for row, (text, key) in enumerate(zip(cells.texts["index"], space.keys(graphs), strict=True)):
        if text != str(key):
            raise DataError(f"{cells.where(row)}: index {shown(text)} is not that of the architecture, which is {key}")


def _graphs_of_bits(cells: Cells, space: SearchSpace) -> Graphs:
    """Cells written as bits of the upper triangle, row by row, and a digit per inner vertex."""
    v = space.max_nodes
    ops = np.full((len(cells.rows), v), ABSENT, dtype=np.int8)
    adjacency = np.zeros((len(cells.rows), v, v), dtype=np.bool_)
    columns = (cells.texts[heading] for heading in _SPREAD)
    upper = [np.triu_indices(used, 1) for used in range(v + 1)]
    for row, (count, bits, digits) in enumerate(zip(*columns, strict=True)):
        used = int(count) if count.isdecimal() and len(count) < 3 else 0
        fits = 2 <= used <= v and len(bits) == used * (used - 1) // 2 and len(digits) == used - 2
        if not fits or not set(bits) <= {"0", "1"} or not set(digits) <= {"0", "1", "2"}:
            raise DataError(
                f"{cells.where(row)}: {shown(count)} vertices, bits {shown(bits)} and operations {shown(digits)} do "
                "not describe a cell"
            )
        ops[row, 0], ops[row, used - 1] = 0, len(space.op_names) - 1
        ops[row, 1 : used - 1] = [int(digit) + 1 for digit in digits]
        adjacency[row][upper[used]] = [bit == "1" for bit in bits]
    graphs = Graphs(ops, adjacency)
    valid = space.validate(graphs)
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise DataError(f"{cells.where(row)}: not a member of {space.name}: {space.explain(graphs[row])}")
    return graphs


def _listed(headings: Sequence[str]) -> str:
    return ", ".join(heading or "(no heading)" for heading in headings)
