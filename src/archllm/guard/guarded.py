"""Guarded: a program that ends with this process, together with all that it started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import IO, Any

from archllm.guard import warden

_PATIENCE = 10.0  # seconds that a warden has for its work, on a machine that is very busy


class Guarded:
    """A program, run by a warden (see `archllm.guard.warden`) in a session of its own.

    Args:
        words: the program and its arguments.
        farewell: seconds that the program has to clean up when it is ended before its time.
        options: as those of `subprocess.Popen`.

    Raises:
        OSError: no process can be started. A program that can't be run ends with exit code 127 and says why on its
            error stream.

    Example:
        >>> with Guarded(["sh", "-c", "sleep 600 & echo 4"], stdout=subprocess.PIPE) as program:
        ...     int(program.stdout.read())
        4
    """

    def __init__(self, words: Sequence[str], farewell: float = 0.0, **options: Any) -> None:
        self._token, self._farewell = _new_token(), farewell
        self._warden = subprocess.Popen(
            [*_WARDEN, str(os.getpid()), self._token, str(farewell), *words], start_new_session=True, **options
        )

    @property
    def stdin(self) -> IO[bytes] | None:
        """The other end of its standard input, if that is a pipe."""
        return self._warden.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        """The other end of its standard output, if that is a pipe."""
        return self._warden.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        """The other end of its error stream, if that is a pipe."""
        return self._warden.stderr

    def poll(self) -> int | None:
        """The exit code, or the negative number of the signal that ended it; `None` while it runs."""
        return self._warden.poll()

    def wait(self, seconds: float | None = None) -> int:
        """The same, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs longer than that.
        """
        return self._warden.wait(seconds)

    def ask_to_end(self) -> None:
        """Begins to end it, without waiting for that."""
        self._warden.terminate()

    def end(self) -> int:
        """Ends it and all that it started, unless they have ended; the exit code."""
        self._warden.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._warden.wait(self._farewell + _PATIENCE)
        self._warden.kill()
        code = self._warden.wait()
        if code < 0:  # it may be the warden that was killed
            warden.sweep(self._token)
        return code

    def __enter__(self) -> Guarded:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


@contextmanager
def marked_as_ours() -> Iterator[None]:
    """What is started in this block, by code of a user's in this process, ends with this process."""
    token = _Watched.token()
    os.environ[token] = "1"
    try:
        yield
    finally:
        os.environ.pop(token, None)


class _Watched:
    """The warden of this process itself; there is one, from the first time that it is needed."""

    _process: int | None = None
    _token = ""
    _kept: tuple[Any, ...] = ()

    @classmethod
    def token(cls) -> str:
        """What marks the processes that it looks after."""
        if cls._process != os.getpid():  # there is none, or this process is a fork of the one that has it
            cls._token = _new_token()
            words = [*_WARDEN, str(os.getpid()), cls._token]
            nowhere = subprocess.DEVNULL
            watching = subprocess.Popen(
                words, start_new_session=True, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere
            )
            cls._process, cls._kept = os.getpid(), (watching, watching.stdin)  # forks hold the pipe, too
        return cls._token


_WARDEN = (sys.executable, "-I", "-S", warden.__file__)


def _new_token() -> str:
    return f"ARCHLLM_GUARD_{token_hex(8)}"
