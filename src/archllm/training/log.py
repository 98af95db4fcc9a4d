"""The journal of a training: `train.jsonl` of a run folder, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archllm.errors import RunFolderError
from archllm.files import read_text, write_text
from archllm.training.progress import Event

_LARGEST = 1 << 28  # bytes of a log


class Journal:
    """Listener that appends what happens to `train.jsonl`, one JSON object a line.

    A line that broke off when a training was killed is dropped, so that what follows stays readable.

    Args:
        folder: the run folder.
        every: steps between two lines; validations are always written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> Journal(folder)(Event("prior", 10, 1200, {"loss": 6.2}), 1.5)
        >>> read_journal(folder)
        [{'stage': 'prior', 'step': 10, 'steps': 1200, 'seconds': 1.5, 'loss': 6.2}]
    """

    def __init__(self, folder: Path, every: int = 10) -> None:
        self.path, self.every = folder / "train.jsonl", every
        if self.path.exists():
            whole = self.path.read_bytes().rpartition(b"\n")
            if whole[2]:
                self.path.write_bytes(whole[0] + whole[1])

    def __call__(self, event: Event, seconds: float) -> None:
        last = event.step == event.steps
        if event.step % self.every and not last and "validation_loss" not in event.metrics:
            return
        line = {"stage": event.stage, "step": event.step, "steps": event.steps, "seconds": round(seconds, 2)}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line | event.metrics) + "\n")
        except OSError as error:
            raise RunFolderError(f"can't write {self.path}: {error.strerror}") from error

    def settle(self) -> None:
        """Leaves one line for each step, as an uninterrupted training wrote them.

        A resumed training goes on from its last checkpoint, so it writes the steps after that a second time.

        Raises:
            RunFolderError: the journal can't be read or written.
        """
        if self.path.exists():
            lines = [json.dumps(record) + "\n" for record in read_journal(self.path.parent)]
            write_text(self.path, "".join(lines))


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """The lines of `train.jsonl`, in order, the last one counting where a resumed run wrote a step twice.

    Raises:
        RunFolderError: it can't be read.
    """
    path = folder / "train.jsonl"
    if not path.exists():
        return []
    latest: dict[tuple[str, int], dict[str, Any]] = {}
    try:
        for line in read_text(path, _LARGEST).splitlines():
            record = json.loads(line)
            latest[record["stage"], record["step"]] = record
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    return sorted(latest.values(), key=lambda r: (r["stage"] != "tokenizer", r["step"]))
