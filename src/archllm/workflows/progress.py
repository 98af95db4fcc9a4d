"""How far long work is, shown: bars on a terminal and in notebooks, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

from archllm.config import unknown
from archllm.errors import InvalidInput
from archllm.training.progress import Event, Listener

Progress: TypeAlias = bool | Literal["auto"] | Listener
"""Whether progress is shown: yes, no, `auto` for in interactive sessions only, or a listener of one's own."""

_EVERY = 10.0  # seconds between two lines of progress where there is no terminal
_SHOWN = {
    "loss": "loss {:.3f}",
    "exact": "exact {:.1%}",
    "validation_loss": "validation {:.3f}",
    "best": "best {:.6g}",
    "failed": "{:.0f} failed",
}


@contextmanager
def shown(progress: Progress) -> Iterator[Listener | None]:
    """The listener for a choice of progress.

    Example:
        >>> with shown(False) as listener:
        ...     print(listener)
        None

    Raises:
        InvalidInput: it is no such choice.
    """
    if callable(progress):
        yield progress
    elif progress is True or (progress == "auto" and _interactive()):
        with bars() if sys.stderr.isatty() or _notebook() else lines(_print) as listener:
            yield listener
    elif progress is False or progress == "auto":
        yield None
    else:
        raise InvalidInput(unknown("progress", progress, ["auto", "True", "False", "a function of an Event"]))


def _interactive() -> bool:
    return _notebook() or sys.stderr.isatty()


def _notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()  # nothing is imported to find out
    return hasattr(shell, "kernel")


def _print(line: str) -> None:
    sys.stderr.write(line + "\n")


@contextmanager
def lines(write: Callable[[str], None]) -> Iterator[Listener]:
    """A listener that writes a line now and then, and at the end of each stage."""
    told = _Lines(write)
    yield told.hear
    told.close()


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


def clock(seconds: float) -> str:
    """A time as a clock shows it.

    Example:
        >>> clock(75), clock(3_725.4)
        ('1:15', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def bars() -> Iterator[Listener]:
    """A listener that shows a bar for each stage, on a terminal or in a notebook."""
    from rich.console import Console as Rich
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[done]:>13}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=Rich(stderr=True), refresh_per_second=4) as progress:
        tasks: dict[str, Any] = {}
        seen: dict[str, dict[str, float]] = {}

        def hear(event: Event) -> None:
            if event.note:
                progress.console.print(event.note, markup=False, highlight=False)
                return
            if event.stage not in tasks:
                for earlier in tasks.values():  # a stage may stop before its last step
                    progress.update(earlier, total=progress.tasks[earlier].completed)
                tasks[event.stage] = progress.add_task(event.stage, figures="", done="")
            latest = seen.setdefault(event.stage, {})
            latest.update(event.metrics)
            figures, done = _told(event, latest), _done(event)
            progress.update(tasks[event.stage], completed=event.step, total=event.steps, figures=figures, done=done)

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
        if event.note:
            self.write(event.note)
            return
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
        head = f"{event.stage:<10} {_done(event)}"
        told = _told(event, self.metrics)
        return f"{head}  {told}" if told else head


def _done(event: Event) -> str:
    """Steps done and planned."""
    if event.unit == "s":
        return f"{clock(event.step)}/{clock(event.steps)}"
    return f"{event.step:,}/{event.steps:,}"


def _told(event: Event, metrics: dict[str, float]) -> str:
    """What is under way, and the metrics that are worth showing."""
    figures = [form.format(metrics[name]) for name, form in _SHOWN.items() if name in metrics]
    if "left" in metrics:
        figures.append(f"{clock(metrics['left'])} left in all")
    return "  ".join([event.about, *figures] if event.about else figures)
