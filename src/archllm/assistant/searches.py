"""Searches of the server: one at a time, in a process of its own that ends with the server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock, Timer

from archllm.errors import InvalidInput
from archllm.files import read_text
from archllm.guard import Guarded

_FAREWELL = 10.0  # seconds to store what is found
_TAIL, _LARGEST = 2_000, 1 << 26


class Searches:
    """Starts searches and knows what became of them.

    Args:
        folder: where they work; the log of the latest is `searches.log` there.
        minutes: after which one is ended.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder, self.minutes = folder, minutes
        self.log = folder / "searches.log"
        self._study = ""
        self._program: Guarded | None = None
        self._timer: Timer | None = None
        self._lock = Lock()

    def start(self, study: str, words: Sequence[str]) -> None:
        """Begins `archllm search WORDS`.

        Raises:
            InvalidInput: another one is under way.
        """
        with self._lock:
            if under_way := self.under_way():
                raise InvalidInput(f"the search {under_way} is under way, and one runs at a time; wait for it: status")
            with self.log.open("wb") as log:
                self._program = Guarded(
                    [sys.executable, "-P", "-m", "archllm", "search", *words],
                    farewell=_FAREWELL,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            self._study = study
            if self._timer is not None:
                self._timer.cancel()
            self._timer = Timer(60 * self.minutes, self._program.ask_to_end)
            self._timer.daemon = True
            self._timer.start()

    def under_way(self) -> str | None:
        """The study of the search that runs, if one does."""
        return self._study if self._program is not None and self._program.poll() is None else None

    def wait(self, seconds: float) -> None:
        """Waits until no search runs, or for so long."""
        if self._program is not None:
            try:
                self._program.wait(seconds)
            except subprocess.TimeoutExpired:
                return

    def trouble(self) -> str | None:
        """What the latest search said last, if it ended before it was done."""
        if self._program is None or self._program.poll() in (None, 0):
            return None
        return read_text(self.log, _LARGEST)[-_TAIL:].strip()

    def close(self) -> None:
        """Ends what runs."""
        if self._timer is not None:
            self._timer.cancel()
        if self._program is not None:
            self._program.end()
