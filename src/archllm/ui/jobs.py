"""Commands that were started from the page: programs of their own, with a log, which end with it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from archllm.errors import InvalidInput, printable
from archllm.guard import Guarded

PROGRAM = (sys.executable, "-P", "-m", "archllm")
"""What is started, with the words of a command."""

MOST_RUNNING = 4
"""Commands that run at once."""

MOST_KEPT = 200
"""Commands whose logs are kept; the oldest that has ended goes first."""

LONGEST_LOG = 20_000
"""Bytes of a log that are shown, its last ones."""

_FAREWELL = 20.0  # seconds that a command has to store what is done


@dataclass(eq=False)
class Job:
    """One command."""

    subject: tuple[str, ...]
    """What it works on, such as a store and a study."""

    line: str
    """The command line that stands for it."""

    began: float
    """When it was started, in seconds since 1970."""

    log: Path
    """What it printed."""

    program: Guarded
    """The program."""

    stopped: bool = False
    """Whether it was asked to end."""

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.program.poll() is None

    @property
    def state(self) -> str:
        """`running`, `stopping`, `stopped`, `done` or `failed`."""
        code = self.program.poll()
        if code is None:
            return "stopping" if self.stopped else "running"
        return "done" if code == 0 else "stopped" if self.stopped else "failed"

    def tail(self) -> str:
        """The end of its log, as text that steers nothing."""
        with self.log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - LONGEST_LOG, 0))
            text = file.read().decode("utf-8", "replace")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return "\n".join(printable(line) for line in (lines if size <= LONGEST_LOG else lines[1:])).strip()


class Jobs:
    """All commands of one page."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="archllm-ui-")
        self._lock = threading.Lock()
        self._jobs: list[Job] = []
        self._count = 0

    def start(self, subject: tuple[str, ...], words: list[str], line: str, folder: Path) -> Job:
        """Starts `archllm` with these words.

        Args:
            subject: what it works on; nothing else works on it at the same time.
            words: the command and its arguments.
            line: the command line as a person would type it.
            folder: its working directory.

        Raises:
            InvalidInput: too many run already, or one works on the same.
        """
        with self._lock:
            running = [job for job in self._jobs if job.running]
            if any(job.subject == subject for job in running):
                raise InvalidInput("this page has started that already, and it still runs")
            if len(running) >= MOST_RUNNING:
                raise InvalidInput(f"{len(running)} commands of this page run already; wait for one, or stop it")
            self._count += 1
            log = Path(self._folder.name, f"{self._count}.log")
            with log.open("wb") as out:
                program = Guarded(
                    [*PROGRAM, *words],
                    farewell=_FAREWELL,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                )
            job = Job(subject, line, time.time(), log, program)
            self._jobs.append(job)
            self._forget()
            return job

    def latest(self, subject: tuple[str, ...]) -> Job | None:
        """The last command that worked on something; `None` if none of this page did."""
        with self._lock:
            return next((job for job in reversed(self._jobs) if job.subject == subject), None)

    def stop(self, subject: tuple[str, ...]) -> Job:
        """Asks the command that works on something to store what is done and to end.

        Raises:
            InvalidInput: none of this page does.
        """
        job = self.latest(subject)
        if job is None or not job.running:
            raise InvalidInput("nothing that this page started works on it")
        job.stopped = True
        job.program.ask_to_end()
        return job

    def close(self) -> None:
        """Ends all commands; they store what is done first."""
        with self._lock:
            running = [job for job in self._jobs if job.running]
            for job in running:
                job.program.ask_to_end()
            for job in running:
                job.program.end()
            self._folder.cleanup()

    def _forget(self) -> None:
        while len(self._jobs) > MOST_KEPT:
            ended = next((job for job in self._jobs if not job.running), None)
            if ended is None:
                return
            self._jobs.remove(ended)
            ended.log.unlink(missing_ok=True)
