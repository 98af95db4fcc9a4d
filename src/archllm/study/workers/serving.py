"""What a worker's process does: evaluate what comes through a pipe, until the pipe or its parent ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from archllm.errors import ArchLLMError
from archllm.objectives.base import evaluate_all

_FAREWELL = 2.0  # seconds to clean up after the parent has died


class _Stopped(BaseException):
    """The process is to end; not an `Exception`, so that code of users does not catch it."""


def serve(pipe: int, lifeline: int) -> None:
    """Receives objectives, then architectures; sends pairs of a word and a content.

    `("ready", None)` once the objectives are there; `("begin", number)` before each objective of an evaluation,
    `("done", evaluation)` after the last; `("broken", message)` if it can't work at all.

    Args:
        pipe: descriptor of a pipe that goes both ways.
        lifeline: descriptor of a pipe that ends when the parent does.
    """
    for inherited in (pipe, lifeline):
        os.set_inheritable(inherited, False)  # else what objectives start would keep them open
    with suppress(_Stopped, EOFError, BrokenPipeError, ConnectionResetError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _stop)
        threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
        _serve(Connection(pipe))
    os.killpg(os.getpgrp(), signal.SIGKILL)  # what objectives started, and left behind; this process leads the group


def _serve(pipe: Connection) -> None:
    try:
        objectives = pipe.recv()
    except (EOFError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever the modules of users raise when they are imported
        pipe.send(("broken", f"a process can't load the objectives: {type(error).__name__}: {error}"))
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    pipe.send(("ready", None))
    while True:
        arch = pipe.recv()
        try:
            evaluation = evaluate_all(objectives, arch, lambda number: pipe.send(("begin", number)))
        except ArchLLMError as error:
            pipe.send(("broken", str(error)))
            return
        pipe.send(("done", evaluation))


def _stop(*_: Any) -> None:
    raise _Stopped


def _end_with_parent(lifeline: int) -> None:
    """Ends the process, and what it started, when its parent has died: nobody waits for the result."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_FAREWELL)
    os.killpg(os.getpgrp(), signal.SIGKILL)
