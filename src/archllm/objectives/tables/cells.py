"""Cells of CSV and Parquet files: texts of the columns that hold architectures, numbers of all others.

A cell becomes a number as soon as it is read, so a file takes as much memory as its numbers do, whatever it is made of.
"""

from __future__ import annotations

import csv
import gzip
import math
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, shown
from archllm.objectives.tables.parquet import opened, texts_of
from archllm.objectives.unpacking import check_gzip, reading

LARGEST = 1 << 30
"""Most characters of a CSV file, unpacked."""

LONGEST = 1 << 20
"""Most characters of a line of a CSV file."""

MOST_COLUMNS = 4_096
"""Most columns of a table."""

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass
class Column:
    """A column of numbers, and what in it is none."""

    values: array[float] = field(default_factory=lambda: array("d"))
    """Numbers by row, NaN for an empty cell; those behind the last number are left out."""

    wrong: tuple[int, str] | None = None
    """Row and text of the first cell that is no number, or has a percent sign where others have none."""

    infinite: tuple[int, str] | None = None
    """Row and text of the first number that is not finite."""

    percent: bool | None = None
    """Whether its numbers have percent signs; `None` before the first."""

    def add(self, row: int, text: str) -> None:
        """Takes a cell."""
        number = _number(text)
        if number is None or (self.percent is not None and self.percent != text.endswith("%")):
            self.wrong = self.wrong or (row, text)
            return
        self.percent = text.endswith("%")
        if not math.isfinite(number):
            self.infinite = self.infinite or (row, text)
        else:
            self.put(row, number)

    def put(self, row: int, number: float) -> None:
        """Takes a finite number."""
        self.values.extend([math.nan] * (row - len(self.values)))
        self.values.append(number)

    @property
    def begins_with_number(self) -> bool:
        """Whether its first cell that is not empty holds a number."""
        if self.wrong is None:
            return bool(self.values) or self.infinite is not None
        before = self.values[: self.wrong[0]]
        return any(not math.isnan(value) for value in before)


@dataclass(frozen=True)
class Cells:
    """A file's cells."""

    path: Path
    """The file."""

    texts: dict[str, list[str]]
    """Heading -> texts, `n` each, of the columns that were asked for; an empty one has no value."""

    columns: dict[str, Column]
    """Heading -> numbers, of all others."""

    rows: Sequence[int]
    """Number of each row in the file, as a person counts."""

    @property
    def headings(self) -> list[str]:
        """All headings."""
        return [*self.texts, *self.columns]

    def where(self, row: int) -> str:
        """Names a row."""
        return f"{self.path.name}, row {self.rows[row]}"

    def numbers(self, heading: str) -> NDArray[np.float64]:
        """The cells of a column as numbers; NaN where a cell is empty.

        Raises:
            DataError: a cell holds something else, or there is no such column.
        """
        if heading not in self.columns:
            raise DataError(f"{self.path.name} has no column {heading!r}; it has {', '.join(self.headings)}")
        column = self.columns[heading]
        if column.wrong is not None:
            row, text = column.wrong
            raise DataError(f"{self.where(row)}, column {heading}: expected a number, found {shown(text)}")
        if column.infinite is not None:
            row, text = column.infinite
            raise DataError(
                f"{self.where(row)}, column {heading}: a score must be finite, found {text!r}; leave the cell "
                "empty where there is none"
            )
        found = np.full(len(self.rows), np.nan)
        found[: len(column.values)] = column.values
        return found

    def unread(self, heading: str) -> str | None:
        """Why a column holds no numbers: its first cell; `None` if it does, or is empty."""
        column = self.columns[heading]
        if column.wrong is None or column.begins_with_number:
            return None
        return f"row {self.rows[column.wrong[0]]} holds {shown(column.wrong[1])}"


Choice = Callable[[Sequence[str]], Collection[str]]
"""From the headings of a file to those of the columns whose texts are wanted."""


def read_cells(path: Path, choose: Choice) -> Cells:
    """Reads `.csv`, `.csv.gz` or `.parquet`.

    Args:
        path: the file.
        choose: which columns are kept as texts.

    Raises:
        DataError: the file is damaged, too large, or has no rows; a row has more or fewer cells than the heading.
    """
    return _of_parquet(path, choose) if path.suffix == ".parquet" else _of_csv(path, choose)


def headings_of(path: Path) -> list[str]:
    """The headings of a CSV file.

    Raises:
        DataError: it is damaged or no CSV file.
    """
    return next((_stripped(row) for _, row in _rows(path)), [])


def _of_csv(path: Path, choose: Choice) -> Cells:
    lines = _rows(path)
    headings = next((_stripped(row) for _, row in lines), [])
    if not headings:
        raise DataError(f"{path} has no rows; a heading and at least one row are expected")
    _check_headings(path, headings)
    wanted = choose(headings)
    texts: dict[str, list[str]] = {heading: [] for heading in headings if heading in wanted}
    columns = {heading: Column() for heading in headings if heading not in wanted}
    numbers = array("q")
    same: dict[str, str] = {}  # each text is kept once
    for row, (number, cells) in enumerate(lines):
        if len(cells) != len(headings):
            hint = " (a cell that holds the separator is written in quotes)" if len(cells) > len(headings) else ""
            raise DataError(
                f"{path.name}, row {number}: expected {len(headings)} cells, found {len(cells)}{hint}; cells are "
                "separated by commas, semicolons or tabs, as in the first row"
            )
        numbers.append(number)
        for heading, cell in zip(headings, cells, strict=True):
            text = cell.strip()
            if heading in texts:
                texts[heading].append(same.setdefault(text, text))
            elif text:
                columns[heading].add(row, text)
    if not numbers:
        raise DataError(f"{path} has no rows; a heading and at least one row are expected")
    return Cells(path, texts, columns, numbers)


def _check_headings(path: Path, headings: Sequence[str]) -> None:
    if len(headings) > MOST_COLUMNS:
        raise DataError(f"{path.name} has {len(headings):,} columns, more than the {MOST_COLUMNS:,} that are read")
    if len(set(headings)) < len(headings):
        raise DataError(f"{path.name}: two columns have the same heading; it has {', '.join(headings)}")


def _stripped(row: list[str]) -> list[str]:
    return [cell.strip() for cell in row]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file that are not empty, and their numbers: that of the heading is usually 1."""
    packed = path.suffix == ".gz"
    if packed:
        check_gzip(path, "CSV file")
    elif not path.is_file():
        raise DataError(f"{path} is no ordinary file")
    with (
        reading(path, "CSV file"),
        gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        if packed
        else path.open(encoding="utf-8-sig", newline="") as file,
    ):
        lines = _lines(file, path)
        before, first = next(((number, line) for number, line in enumerate(lines, start=1) if line.strip()), (1, ""))
        separator = max(_SEPARATORS, key=lambda each: len(next(csv.reader([first], delimiter=each), [])))
        yield from _numbered(csv.reader(_with(first, lines), delimiter=separator), before)


def _with(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _numbered(rows: Iterator[list[str]], before: int) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, start=before):
        if any(row):
            yield number, row


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


def _of_parquet(path: Path, choose: Choice) -> Cells:
    file = opened(path)
    headings = list(file.schema_arrow.names)
    _check_headings(path, headings)
    wanted = choose(headings)
    rows = range(1, file.metadata.num_rows + 1)
    if not rows:
        raise DataError(f"{path} has no rows")
    texts: dict[str, list[str]] = {}
    columns: dict[str, Column] = {}
    for heading in headings:
        found = texts_of(file, path, heading)
        if heading in wanted:
            texts[heading] = [str(cell).strip() if cell is not None else "" for cell in _listed(found)]
        else:
            columns[heading] = _column(found)
    return Cells(path, texts, columns, rows)


def _column(found: Any) -> Column:
    """A column of a Parquet file: an array of numbers with NaN for what is missing, a list of texts, or its type."""
    column = Column()
    if isinstance(found, str):
        column.wrong = (0, found)
    elif isinstance(found, list):
        for row, text in enumerate(found):
            if text and text.strip():
                column.add(row, text.strip())
    else:
        values, missing = found
        bad = np.flatnonzero(~np.isfinite(values) & ~missing)
        if len(bad):
            column.infinite = (int(bad[0]), str(values[bad[0]]))
        column.values = array("d", values.tobytes())
    return column


def _listed(found: Any) -> list[Any]:
    if isinstance(found, str):
        raise DataError(f"the column of architectures holds {found}; texts are expected")
    if isinstance(found, list):
        return found
    values, missing = found
    return [
        "" if none else str(int(value) if value == int(value) else value)
        for value, none in zip(values.tolist(), missing.tolist(), strict=True)
    ]


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text.removesuffix("%"))
    except ValueError:
        return None
