"""What the command line prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archllm.reporting.tables import Table
    from archllm.training.progress import Event

_EVERY = 10.0  # seconds between two lines of progress where there is no terminal
_SHOWN = {
    "loss": "loss {:.3f}",
    "exact": "exact {:.1%}",
    "validation_loss": "validation {:.3f}",
    "best": "best {:.6g}",
    "failed": "{:.0f} failed",
}


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
            sys.stdout.write(json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def say(self, line: str = "") -> None:
        """A line of the result for people; does nothing with `json`."""
        if not self.json and not self.silent:
            sys.stdout.write(line + "\n")

    def note(self, line: str) -> None:
        """A line beside the result."""
        if not self.silent:
            sys.stderr.write(line + "\n")

    def table(self, table: Table) -> None:
        """A table of the result; does nothing with `json`."""
        if self.json or self.silent:
            return
        from rich import box
        from rich.console import Console as Rich
        from rich.table import Table as RichTable
        from rich.text import Text

        drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
        for index, heading in enumerate(table.columns):
            wraps = index > 0 and index in table.left
            drawn.add_column(Text(heading), justify="left" if index in table.left else "right", no_wrap=not wraps)
        for row in table.rows:
            drawn.add_row(*(Text(cell) for cell in row))
        rich = Rich(file=sys.stdout, highlight=False)
        if not rich.is_terminal:  # a file has room for the whole table
            rich.width = 500
            rich.width = rich.measure(drawn).maximum
        if table.title:
            self.say(table.title)
            self.say()
        rich.print(drawn)
        if table.notes:
            self.say()
        for note in table.notes:
            self.say(note)

    @contextmanager
    def progress(self) -> Iterator[Callable[[Event], None]]:
        """A listener that shows how far the work is: bars on a terminal, a line now and then elsewhere."""
        if sys.stderr.isatty() and not self.silent:
            with _bars() as listener:
                yield listener
        else:
            lines = _Lines(self.note)
            yield lines.hear
            lines.close()


def fields(pairs: dict[str, Any]) -> list[str]:
    """Names and values in two columns."""
    width = max(map(len, pairs), default=0)
    return [f"{name:<{width}}  {value}" for name, value in pairs.items()]


def duration(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> duration(4.2), duration(75)
        ('4.2 s', '1 min 15 s')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def figures(metrics: dict[str, float]) -> str:
    """The figures of an event that are worth showing."""
    return "  ".join(form.format(metrics[name]) for name, form in _SHOWN.items() if name in metrics)


@contextmanager
def _bars() -> Iterator[Callable[[Event], None]]:
    from rich.console import Console as Rich
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=Rich(stderr=True), refresh_per_second=4) as progress:
        tasks: dict[str, Any] = {}
        seen: dict[str, dict[str, float]] = {}

        def hear(event: Event) -> None:
            if event.stage not in tasks:
                for earlier in tasks.values():  # a stage may stop before its last step
                    progress.update(earlier, total=progress.tasks[earlier].completed)
                tasks[event.stage] = progress.add_task(event.stage, figures="")
            latest = seen.setdefault(event.stage, {})
            latest.update(event.metrics)
            progress.update(tasks[event.stage], completed=event.step, total=event.steps, figures=figures(latest))

        yield hear


class _Lines:
    """Progress as sparse lines: now and then, and at the end of each stage."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write
        self.stage = ""
        self.latest: Event | None = None
        self.metrics: dict[str, float] = {}
        self.first = self.begun = self.told = 0.0

    def hear(self, event: Event) -> None:
        now = time.monotonic()
        if event.stage != self.stage:
            self.close()
            self.stage, self.metrics = event.stage, {}
            self.begun = self.told = now
            self.first = event.step - 1
        self.latest = event
        self.metrics.update(event.metrics)
        if now - self.told >= _EVERY and event.step < event.steps:
            self.told = now
            done = event.step - self.first
            left = (now - self.begun) / max(done, 1) * (event.steps - event.step)
            self.write(f"{self._head(event)}  about {duration(left)} left")

    def close(self) -> None:
        """Tells how the stage ended."""
        if self.latest is not None:
            self.write(f"{self._head(self.latest)}  {duration(time.monotonic() - self.begun)}")
        self.latest = None

    def _head(self, event: Event) -> str:
        head = f"{event.stage:<10} {event.step:,}/{event.steps:,}"
        shown = figures(self.metrics)
        return f"{head}  {shown}" if shown else head


def _finite(data: Any) -> Any:
    """The same with NaN and infinity, which JSON has no words for, as `None`."""
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
