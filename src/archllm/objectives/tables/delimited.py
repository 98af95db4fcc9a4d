"""Tables in CSV or Parquet with a column of architectures; those of well-known shape are recognised."""

from __future__ import annotations

import csv
import gzip
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.graphs import ABSENT, Graphs
from archllm.objectives.tables.parquet import pyarrow
from archllm.objectives.tables.table import Table, make_table, make_table_of_graphs
from archllm.spaces import SearchSpace

ARCHITECTURE_COLUMNS = ("architecture", "arch", "arch_str", "genotype")
"""Columns that are taken for the architecture if none is named."""

_NASBENCH201 = re.compile(
    r"(?P<short>ep12_)?(?P<dataset>cifar10|cifar100|imagenet16)_(?P<what>valid|test|valid_run_test)"
)
_NASBENCH101 = re.compile(r"valid_ep(?P<epochs>\d+)")


@dataclass(frozen=True)
class _Cells:
    """A file's cells as texts."""

    path: Path
    names: list[str]
    rows: list[list[str]]

    def where(self, row: int) -> str:
        """Names a row as a spreadsheet does: the heading is row 1."""
        return f"{self.path.name}, row {row + 2}"

    def texts(self, name: str) -> list[str]:
        """The cells of a column."""
        if name not in self.names:
            raise DataError(f"{self.path.name} has no column {name!r}; it has {', '.join(self.names)}")
        at = self.names.index(name)
        return [row[at].strip() for row in self.rows]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """The cells of a column as numbers; NaN where a cell is empty."""
        found = np.full(len(self.rows), np.nan)
        for row, text in enumerate(self.texts(name)):
            if not text:
                continue
            try:
                found[row] = float(text)
            except ValueError:
                raise DataError(f"{self.where(row)}, column {name}: expected a number, found {text!r}") from None
            if not math.isfinite(found[row]):
                raise DataError(f"{self.where(row)}, column {name}: a score must be finite, found {text!r}")
        return found


def read_delimited(
    path: Path,
    space: SearchSpace,
    about: dict[str, str],
    arch_column: str | None = None,
    metrics: Sequence[str] = (),
) -> Table:
    """Reads `.csv`, `.csv.gz` or `.parquet`.

    Args:
        path: the file.
        space: the space of its architectures.
        about: provenance.
        arch_column: the column of texts; by default one of `ARCHITECTURE_COLUMNS`, or `index` for NAS-Bench-201.
        metrics: columns to keep; by default all that hold numbers.

    Raises:
        DataError: the file is damaged, a column is missing, or a row can't be used; the message names it.
    """
    cells = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    if arch_column is None and space.name == "nasbench101" and {"upper_triangle_bits", "ops"} <= set(cells.names):
        return _nasbench101_sample(cells, space, about)
    column = arch_column or _architecture_column(cells, space)
    texts = cells.texts(column)
    if metrics:
        values = {name: cells.numbers(name) for name in metrics}
    else:
        named: list[str] = [name for name in cells.names if name not in (column, "index", *ARCHITECTURE_COLUMNS)]
        values = {name: cells.numbers(name) for name in named if _numeric(cells, name)}
    if not values:
        raise DataError(f"{path.name} has no column of numbers beside {column!r}; it has {', '.join(cells.names)}")
    if space.name == "nasbench201" and arch_column is None:
        values = {_nasbench201_name(name, cells.names): found for name, found in values.items()}
    return make_table(space, texts, values, about, cells.where)


def _architecture_column(cells: _Cells, space: SearchSpace) -> str:
    for name in (*ARCHITECTURE_COLUMNS, *(("index",) if space.name == "nasbench201" else ())):
        if name in cells.names:
            return str(name)
    raise DataError(
        f"{cells.path.name} has no column {' or '.join(ARCHITECTURE_COLUMNS)}; name the column of architectures "
        f"(--arch-column), one of {', '.join(cells.names)}"
    )


def _numeric(cells: _Cells, name: str) -> bool:
    """Whether the first cell that is not empty is a number."""
    first = next((text for text in cells.texts(name) if text), "")
    try:
        float(first)
    except ValueError:
        return False
    return True


def _nasbench201_name(name: str, names: Sequence[str]) -> str:
    known = _NASBENCH201.fullmatch(name)
    if known:
        return f"{known['dataset']}.{known['what']}@{12 if known['short'] else 200}"
    if "fpga" in names and "eyeriss" in names:  # the devices of HW-NAS-Bench, milliseconds
        return f"latency_ms.{name}"
    return name


def _nasbench101_sample(cells: _Cells, space: SearchSpace, about: dict[str, str]) -> Table:
    """Cells written as bits of the upper triangle, row by row, and a digit per inner vertex; scores are shares."""
    n, v = len(cells.rows), space.max_nodes
    ops = np.full((n, v), ABSENT, dtype=np.int8)
    adjacency = np.zeros((n, v, v), dtype=np.bool_)
    columns = (cells.texts(name) for name in ("n_vertices", "upper_triangle_bits", "ops"))
    for row, (count, bits, digits) in enumerate(zip(*columns, strict=True)):
        used = int(count) if count.isdecimal() else 0
        fits = 2 <= used <= v and len(bits) == used * (used - 1) // 2 and len(digits) == used - 2
        if not fits or not set(bits) <= {"0", "1"} or not set(digits) <= {"0", "1", "2"}:
            raise DataError(f"{cells.where(row)}: {count!r}, {bits!r}, {digits!r} do not describe a cell")
        ops[row, 0], ops[row, used - 1] = 0, len(space.op_names) - 1
        ops[row, 1 : used - 1] = [int(digit) + 1 for digit in digits]
        adjacency[row][np.triu_indices(used, 1)] = [bit == "1" for bit in bits]
    graphs = Graphs(ops, adjacency)
    valid = space.validate(graphs)
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise DataError(f"{cells.where(row)}: not a member of {space.name}: {space.explain(graphs[row])}")
    values = {}
    for name in cells.names:
        if known := _NASBENCH101.fullmatch(name):
            values[f"cifar10.valid@{known['epochs']}"] = 100 * cells.numbers(name)
        elif name == "train_time_s":
            values["cifar10.seconds@108"] = cells.numbers(name)
    return make_table_of_graphs(space, graphs, values, about, cells.where)


def _csv(path: Path) -> _Cells:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is damaged or no CSV file: {error}") from error
    if len(lines) < 2:
        raise DataError(f"{path} has no rows; a heading and at least one row are expected")
    names, rows = [name.strip() for name in lines[0]], lines[1:]
    if len(set(names)) < len(names):
        raise DataError(f"{path.name}: two columns have the same name; it has {', '.join(names)}")
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise DataError(f"{path.name}, row {number + 2}: expected {len(names)} cells, found {len(row)}")
    return _Cells(path, names, rows)


def _parquet(path: Path) -> _Cells:
    pa = pyarrow()
    try:
        content = pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is damaged or no Parquet file: {error}") from error
    columns: list[list[str]] = [
        ["" if cell is None else str(cell) for cell in column.to_pylist()] for column in content.columns
    ]
    return _Cells(path, list(content.column_names), [list(row) for row in zip(*columns, strict=True)])
