"""Where long work is logged beside what it writes itself: a CSV file, TensorBoard, MLflow, or a listener of one's own.

Each log is a listener of the same events that progress is shown from. A file or server that fails on the way ends its
log, not the work.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archllm.config import Settings, unknown
from archllm.errors import InvalidInput, MissingExtra, RunFolderError
from archllm.files import make_folder, write_text
from archllm.plugins import is_reference, load_listener
from archllm.training.progress import Event, Listener
from archllm.workflows.options import Log
from archllm.workflows.progress import Progress, shown

_log = logging.getLogger(__name__)

_HEAD = ("started", "seconds", "stage", "step", "steps")
_BATCH, _WAIT = 500, 5.0  # metrics, and seconds, that are sent to MLflow at once


@dataclass(frozen=True)
class Work:
    """What is logged."""

    command: str
    """Its command: train, search or fit."""

    options: Settings
    """Its options."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it began."""

    @property
    def name(self) -> str:
        """What its run is called."""
        return f"{self.command}-{self.started:%Y%m%d-%H%M%S}"

    def settings(self) -> dict[str, str]:
        """Its options as texts, those inside of others by dotted names; what is not set is left out.

        Example:
            >>> from archllm.workflows.options import SearchOptions
            >>> options = SearchOptions(space="darts", objective="params", budget=9)
            >>> found = Work("search", options).settings()
            >>> found["space"], found["objective"], found["train.optimizer"]
            ('darts', 'params', 'sgd')
        """
        return _texts(self.options, "")


def _texts(settings: Settings, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in fields(settings):
        value, name = getattr(settings, each.name), f"{prefix}{each.name}"
        if isinstance(value, Settings):
            found |= _texts(value, f"{name}.")
        elif isinstance(value, tuple):
            found |= {name: ", ".join(map(_called, value))} if value else {}
        elif value is not None:
            found[name] = _called(value)
    return found


def _called(value: Any) -> str:
    named = (getattr(value, name, None) for name in ("spec", "name", "__name__"))
    return next((found for found in named if isinstance(found, str)), str(value))


@contextmanager
def listening(progress: Progress, logs: Sequence[Log], work: Work) -> Iterator[Listener | None]:
    """The one listener of long work: what shows its progress, and its logs.

    Args:
        progress: whether progress is shown, or a listener.
        logs: `csv:FILE`, `tensorboard:DIR`, `mlflow:URI`, `python:MODULE:NAME`, or functions of an `Event`.
        work: what is logged.

    Raises:
        InvalidInput: there is no such log, or it can't be opened.
        MissingExtra: its library is not installed.
    """
    with ExitStack() as stack:
        listeners = [stack.enter_context(_opened(log, work)) for log in logs]
        watching = stack.enter_context(shown(progress))

        def tell(event: Event) -> None:
            if watching is not None:
                watching(event)
            for listener in listeners:
                listener(event)

        yield tell if listeners else watching


@contextmanager
def _opened(log: Log, work: Work) -> Iterator[Listener]:
    if callable(log):
        yield log
        return
    if is_reference(log):
        yield load_listener(log)
        return
    kind, colon, where = log.partition(":")
    if kind not in _KINDS or not colon or not where:
        forms = ["csv:FILE", "tensorboard:DIR", "mlflow:URI", "python:MODULE:FUNCTION"]
        raise InvalidInput(unknown("log", log, forms))
    with _KINDS[kind](where, work) as listener:
        yield _Surviving(listener, log)


class _Surviving:
    """A log that is given up when it fails, instead of the work."""

    def __init__(self, listener: Listener, log: str) -> None:
        self.listener: Listener | None = listener
        self.log = log

    def __call__(self, event: Event) -> None:
        if self.listener is None or not event.metrics:
            return
        try:
            self.listener(event)
        except Exception as error:  # noqa: BLE001 - whatever became of a disk or server, hours of work go on
            self.listener = None
            _log.warning("nothing more is logged to %s: %s; the work goes on", self.log, error)


@contextmanager
def _csv(where: str, work: Work) -> Iterator[Listener]:
    """A row for each event; a new metric gets a new column."""
    path = Path(where)
    columns = _columns(path)
    began = time.monotonic()

    def hear(event: Event) -> None:
        if new := [name for name in event.metrics if name not in columns]:
            _widen(path, columns, new)
        row = dict(zip(_HEAD, _head(event, work, time.monotonic() - began), strict=True)) | event.metrics
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, columns).writerow(row)

    yield hear


def _head(event: Event, work: Work, seconds: float) -> tuple[str, float, str, int, int]:
    return work.started.isoformat(timespec="seconds"), round(seconds, 2), event.stage, event.step, event.steps


def _columns(path: Path) -> list[str]:
    """The columns of a log, which is begun where there is none."""
    try:
        make_folder(path.parent)
        if not path.exists() or not path.stat().st_size:
            write_text(path, ",".join(_HEAD) + "\n")
        with path.open(encoding="utf-8", newline="") as file:
            found = next(csv.reader([file.readline(1 << 20)]), [])
    except (OSError, UnicodeDecodeError, RunFolderError) as error:
        raise InvalidInput(f"can't log to {path}: {error}") from error
    if tuple(found[: len(_HEAD)]) != _HEAD:
        raise InvalidInput(f"{path} is there, and no log that could be gone on with; name another file")
    return found


def _widen(path: Path, columns: list[str], new: Sequence[str]) -> None:
    """Adds columns to a log."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns += new
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


@contextmanager
def _tensorboard(where: str, work: Work) -> Iterator[Listener]:
    """A scalar `STAGE/METRIC` for each metric, in a folder of its own for each run."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtra("logging for TensorBoard", "tensorboard") from error
    folder = Path(where)
    try:
        make_folder(folder)
        writer = SummaryWriter(str(folder / work.name))
    except (OSError, RunFolderError) as error:
        raise InvalidInput(f"can't log to {folder}: {error}") from error
    writer.add_text("options", "\n".join(f"    {name} = {value}" for name, value in work.settings().items()))

    def hear(event: Event) -> None:
        for name, value in event.metrics.items():
            writer.add_scalar(f"{event.stage}/{_plain(name)}", value, event.step)

    try:
        yield hear
    finally:
        writer.close()


@contextmanager
def _mlflow(where: str, work: Work) -> Iterator[Listener]:
    """A run of the experiment `archllm`, with the options as parameters."""
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
    except ImportError as error:
        raise MissingExtra("logging to MLflow", "mlflow") from error
    uri = where
    if "://" not in where:
        uri = Path(where).absolute().as_uri()
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # of late, folders have to be agreed to
    try:
        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name("archllm")
        home = client.create_experiment("archllm") if experiment is None else experiment.experiment_id
        run = client.create_run(home, run_name=work.name).info.run_id
        settings = [Param(_plain(name), value[:500]) for name, value in work.settings().items()]
        for first in range(0, len(settings), 100):  # as many as a server takes at once
            client.log_batch(run, params=settings[first : first + 100])
    except Exception as error:
        raise InvalidInput(f"can't log to mlflow:{where}: {error}") from error
    waiting: list[Metric] = []
    sent = time.monotonic()

    def send() -> None:
        nonlocal sent
        sent = time.monotonic()
        batch, waiting[:] = waiting[:], []
        if batch:
            client.log_batch(run, metrics=batch)

    def hear(event: Event) -> None:
        now = int(time.time() * 1000)
        for name, value in event.metrics.items():
            waiting.append(Metric(f"{event.stage}/{_plain(name)}", value, now, event.step))
        if len(waiting) >= _BATCH or time.monotonic() - sent >= _WAIT:
            send()

    state = "FAILED"
    try:
        yield hear
        state = "FINISHED"
    except KeyboardInterrupt:
        state = "KILLED"
        raise
    finally:
        try:
            send()
            client.set_terminated(run, state)
        except Exception as error:  # noqa: BLE001 - as in _Surviving
            _log.warning("mlflow:%s was not told of the end: %s", where, error)


def _plain(name: str) -> str:
    """A name that TensorBoard and MLflow take; objectives have signs in theirs.

    Example:
        >>> _plain("train:digits?epochs=2")
        'train_digits_epochs_2'
    """
    return re.sub(r"[^\w.\-/]", "_", name)


_KINDS: Mapping[str, Callable[[str, Work], AbstractContextManager[Listener]]] = {
    "csv": _csv,
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
}
