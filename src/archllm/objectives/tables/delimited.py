"""Tables in CSV or Parquet with a column of architectures; those of well-known shape are recognised."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, shown
from archllm.graphs import ABSENT, Graphs
from archllm.objectives.tables.parquet import pyarrow
from archllm.objectives.tables.shapes import Shape, recognise
from archllm.objectives.tables.table import Table, make_table_of_graphs, parse_texts
from archllm.spaces import SearchSpace

ARCHITECTURE_COLUMNS = ("architecture", "arch", "arch_str", "genotype")
"""Columns that are taken for the architecture if none is named."""

LARGEST = 4 << 30
"""Most characters of a CSV file, unpacked."""

LONGEST = 1 << 20
"""Most characters of a line of a CSV file."""


@dataclass(frozen=True)
class Cells:
    """A file's cells as texts; an empty one has no value."""

    path: Path
    """The file."""

    columns: dict[str, Sequence[str]]
    """Heading -> texts, `n` each."""

    rows: Sequence[int]
    """Number of each row in the file, as a person counts."""

    def where(self, row: int) -> str:
        """Names a row."""
        return f"{self.path.name}, row {self.rows[row]}"

    def texts(self, heading: str) -> Sequence[str]:
        """The cells of a column.

        Raises:
            DataError: there is no such column.
        """
        if heading not in self.columns:
            raise DataError(f"{self.path.name} has no column {heading!r}; it has {', '.join(self.columns)}")
        return self.columns[heading]

    def numbers(self, heading: str) -> NDArray[np.float64]:
        """The cells of a column as numbers; NaN where a cell is empty.

        Raises:
            DataError: a cell holds something else, or there is no such column.
        """
        texts = self.texts(heading)
        found = np.full(len(texts), np.nan)
        for row, text in enumerate(texts):
            if not text:
                continue
            number = _number(text)
            if number is None:
                raise DataError(f"{self.where(row)}, column {heading}: expected a number, found {shown(text)}")
            if not math.isfinite(number):
                raise DataError(f"{self.where(row)}, column {heading}: a score must be finite, found {text!r}")
            found[row] = number
        return found

    def numeric(self, heading: str) -> bool:
        """Whether the first cell that is not empty holds a number."""
        first = next(filter(None, self.columns[heading]), "")
        return _number(first) is not None


def read_delimited(
    path: Path,
    space: SearchSpace,
    about: dict[str, str],
    arch_column: str | None = None,
    metrics: Sequence[str] = (),
) -> Table:
    """Reads `.csv`, `.csv.gz` or `.parquet`.

    An empty cell means that the architecture has no score there.

    Args:
        path: the file.
        space: the space of its architectures.
        about: provenance.
        arch_column: the column of texts; by default one of `ARCHITECTURE_COLUMNS`.
        metrics: columns to keep; by default all that hold numbers.

    Raises:
        DataError: the file is damaged or of another space, a column is missing, or a row can't be used; the message
            names it.
    """
    cells = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    shape = recognise(cells.columns)
    if shape is not None and shape.space != space.name:
        raise DataError(f"{path.name} is a table of {shape.space}, not of {space.name}")
    if arch_column is None and shape is not None and shape.architecture is None:
        spread: tuple[str, ...] = ("n_vertices", "upper_triangle_bits", "ops")
        graphs = _graphs_of_bits(cells, space)
    else:
        spread = (arch_column or (shape and shape.architecture) or _architecture_column(cells),)
        graphs = parse_texts(space, cells.texts(spread[0]), cells.where)
    headings = list(metrics) or _metrics(cells, shape, spread)
    if not headings:
        raise DataError(f"{path.name} has no column of numbers beside the architecture; it has {_listed(cells)}")
    if shape is None:
        values = {heading: cells.numbers(heading) for heading in headings}
        return make_table_of_graphs(space, graphs, values, about, cells.where)
    _check_indices(cells, graphs, space)
    values = {}
    for heading in headings:
        name = shape.rename(heading) or heading
        values[name] = cells.numbers(heading) * (shape.factor if ".valid@" in name else 1.0)
    return make_table_of_graphs(space, graphs, values, about | {"meaning": shape.meaning}, cells.where)


def headings_of(path: Path) -> list[str]:
    """The headings of a CSV file.

    Raises:
        DataError: it is damaged or no CSV file.
    """
    return next((_stripped(row) for _, row in _rows(path)), [])


def _metrics(cells: Cells, shape: Shape | None, spread: Sequence[str]) -> list[str]:
    """The headings of scores."""
    if shape is not None:
        return [heading for heading in cells.columns if shape.rename(heading)]
    others = (heading for heading in cells.columns if heading and heading not in (*spread, *ARCHITECTURE_COLUMNS))
    return [heading for heading in others if heading != "index" and cells.numeric(heading)]


def _architecture_column(cells: Cells) -> str:
    for heading in ARCHITECTURE_COLUMNS:
        if heading in cells.columns:
            return heading
    raise DataError(
        f"{cells.path.name} has no column {' or '.join(ARCHITECTURE_COLUMNS)}; name the column of architectures "
        f"(--arch-column), one of {_listed(cells)}"
    )


def _check_indices(cells: Cells, graphs: Graphs, space: SearchSpace) -> None:
    """Makes sure that official indices beside official texts are those of the texts."""
    if "index" not in cells.columns or space.name != "nasbench201":
        return
    for row, (text, key) in enumerate(zip(cells.columns["index"], space.keys(graphs), strict=True)):
        if text != str(key):
            raise DataError(f"{cells.where(row)}: index {shown(text)} is not that of the architecture, which is {key}")


def _graphs_of_bits(cells: Cells, space: SearchSpace) -> Graphs:
    """Cells written as bits of the upper triangle, row by row, and a digit per inner vertex."""
    v = space.max_nodes
    ops = np.full((len(cells.rows), v), ABSENT, dtype=np.int8)
    adjacency = np.zeros((len(cells.rows), v, v), dtype=np.bool_)
    columns = (cells.texts(heading) for heading in ("n_vertices", "upper_triangle_bits", "ops"))
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
        adjacency[row][np.triu_indices(used, 1)] = [bit == "1" for bit in bits]
    graphs = Graphs(ops, adjacency)
    valid = space.validate(graphs)
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise DataError(f"{cells.where(row)}: not a member of {space.name}: {space.explain(graphs[row])}")
    return graphs


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _listed(cells: Cells) -> str:
    return ", ".join(heading or "(no heading)" for heading in cells.columns)


def _read_csv(path: Path) -> Cells:
    lines = _rows(path)
    headings = next((_stripped(row) for _, row in lines), [])
    if len(set(headings)) < len(headings):
        raise DataError(f"{path.name}: two columns have the same heading; it has {', '.join(headings)}")
    numbers, rows = [], []
    for number, row in lines:
        if len(row) != len(headings):
            raise DataError(f"{path.name}, row {number}: expected {len(headings)} cells, found {len(row)}")
        numbers.append(number)
        rows.append(_stripped(row))
    if not rows:
        raise DataError(f"{path} has no rows; a heading and at least one row are expected")
    return Cells(path, dict(zip(headings, zip(*rows, strict=True), strict=True)), numbers)


def _stripped(row: list[str]) -> list[str]:
    return [cell.strip() for cell in row]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file that are not empty, and their numbers: that of the heading is usually 1."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(_lines(file, path)), start=1):
                if row:
                    yield number, row
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is damaged or no CSV file: {error}") from error


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file, so that neither a huge line nor a huge file fills the memory."""
    size = 0
    while line := file.readline(LONGEST):
        size += len(line)
        if len(line) == LONGEST:
            raise DataError(f"{path} is no CSV file that can be read: a line has {LONGEST:,} characters or more")
        if size > LARGEST:
            raise DataError(f"{path} is no CSV file that can be read: it has more than {LARGEST:,} characters")
        yield line


def _read_parquet(path: Path) -> Cells:
    pa = pyarrow()
    try:
        content = pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is damaged or no Parquet file: {error}") from error
    if len(content) == 0:
        raise DataError(f"{path} has no rows")
    columns: dict[str, Sequence[str]] = {
        heading: ["" if cell is None else str(cell).strip() for cell in column.to_pylist()]
        for heading, column in zip(content.column_names, content.columns, strict=True)
    }
    return Cells(path, columns, range(1, len(content) + 1))
