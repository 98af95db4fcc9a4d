"""What the command line prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from archllm.cli.streams import is_unicode, writing
from archllm.errors import escaped
from archllm.training.progress import Listener
from archllm.workflows.progress import bars, duration, lines

if TYPE_CHECKING:
    from archllm.reporting.tables import Table

_ENDLESS = 1 << 30  # characters of a line in a file, which has room for any table
_GAP = 3  # characters between two columns

__all__ = ["Console", "duration", "fields"]


@dataclass(frozen=True)
class Console:
    """Where a command's words go.

    With `json`, stdout holds one JSON document and nothing else.
    """

    json: bool = False
    """Print one JSON document instead of text."""

    silent: bool = False
    """Print nothing: of several processes that train together, only the main one speaks."""

    def document(self, data: Any) -> None:
        """The result for machines; does nothing without `json`."""
        if self.json and not self.silent:
            text = json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False)
            if not text.replace("\n", "").isprintable():  # else marks in a text could turn the direction of writing
                text = "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)
            if not is_unicode(sys.stdout):
                text = json.dumps(_finite(data), indent=2, allow_nan=False)
            self.write(text + "\n")

    def say(self, line: str = "") -> None:
        """A line of the result for people, without what could steer a terminal; does nothing with `json`."""
        if not self.json and not self.silent:
            self.write(escaped(line) + "\n")

    def row(self, *cells: str) -> None:
        """A line of cells with tabs between them, for other programs to read; does nothing with `json`."""
        if not self.json and not self.silent:
            self.write("\t".join(escaped(cell).replace("\n", "\\n") for cell in cells) + "\n")

    def write(self, content: str) -> None:
        """Writes a result as it is: a document, the content of a file.

        Raises:
            OutputFailed: standard output can't be written to.
        """
        with writing(sys.stdout):
            sys.stdout.write(content)

    def flush(self) -> None:
        """Lets readers have what was written so far, where the command goes on.

        Raises:
            OutputFailed: standard output can't be written to.
        """
        with writing(sys.stdout):
            sys.stdout.flush()

    def note(self, line: str) -> None:
        """A line beside the result."""
        if not self.silent:
            with suppress(OSError):  # it is said beside the result, and no reason to lose that
                sys.stderr.write(escaped(line) + "\n")

    def table(self, table: Table) -> None:
        """A table of the result; does nothing with `json`."""
        if self.json or self.silent:
            return
        from rich.console import Console as Rich

        rich = Rich(file=sys.stdout, highlight=False)
        room = rich.width if rich.is_terminal else _ENDLESS
        if table.title:
            self.say(table.title)
            self.say()
        for number, widths in enumerate(bands(table, room)):
            if number:
                self.say()
            rich.width = sum(widths.values()) + _GAP * len(widths)
            with writing(sys.stdout):
                rich.print(_drawn(table, widths))
        if table.notes:
            self.say()
        for note in table.notes:
            self.say(note)

    @contextmanager
    def progress(self) -> Iterator[Listener]:
        """A listener that shows how far the work is: bars on a terminal, a line now and then elsewhere."""
        if sys.stderr.isatty() and not self.silent:
            with bars() as listener:
                yield listener
        else:
            with lines(self.note) as listener:
                yield listener


def bands(table: Table, room: int) -> list[dict[int, int]]:
    """The columns of a table, and how wide they are, in as many parts as it takes for each to fit into the room.

    The first column, which says what a row is about, begins each part. No word is broken: a column is as wide as its
    widest cell, or as its longest word where cells may have several lines, and headings wrap between words.

    Args:
        table: the table.
        room: characters of a line.
    """
    least, most = [], []
    for index, heading in enumerate(table.columns):
        cells = [line for row in table.rows for line in escaped(row[index]).splitlines()]
        wraps = index > 0 and index in table.left
        words = [word for cell in cells for word in cell.split()] if wraps else cells
        least.append(max(map(cell_len, [*escaped(heading).split(), *words, ""])))
        most.append(max(map(cell_len, [escaped(heading), *cells])))
    parts: list[dict[int, int]] = [{0: least[0]}]
    for index in range(1, len(least)):
        if len(parts[-1]) > 1 and sum(parts[-1].values()) + least[index] + _GAP * len(parts[-1]) > room:
            parts.append({0: least[0]})
        parts[-1][index] = least[index]
    for part in parts:
        spare = room - sum(part.values()) - _GAP * (len(part) - 1)
        for index in part:  # what is left goes to headings and texts that would wrap
            more = max(0, min(most[index] - part[index], spare))
            part[index] += more
            spare -= more
    return parts


def _drawn(table: Table, widths: dict[int, int]) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for index, width in widths.items():
        drawn.add_column(
            Text(escaped(table.columns[index])), justify="left" if index in table.left else "right", width=width
        )
    for row in table.rows:
        drawn.add_row(*(Text(escaped(row[index])) for index in widths))
    return drawn


def fields(pairs: dict[str, Any]) -> list[str]:
    """Names and values in two columns."""
    width = max(map(len, pairs), default=0)
    return [f"{name:<{width}}  {value}" for name, value in pairs.items()]


def _finite(data: Any) -> Any:
    """The same with NaN and infinity, which JSON has no words for, as `None`."""
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
