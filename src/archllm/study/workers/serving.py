"""What a worker's process does: evaluate what comes through a pipe, until the pipe or its warden ends it."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from archllm.errors import ArchLLMError
from archllm.guard import sent_again
from archllm.objectives.base import evaluate_all
from archllm.objectives.evaluation import Evaluation
from archllm.study.store.rescue import Rescue

STORED = "stored"
"""What a worker is told once the store has its last evaluation."""


class _Stopped(BaseException):
    """The process is to end; not an `Exception`, so that code of users does not catch it."""


class _Unconfirmed:
    """The evaluation that was handed over and may not be stored yet: it has been paid for, so it is not dropped."""

    def __init__(self) -> None:
        self.rescue: Rescue | None = None
        self.evaluation: tuple[int, Evaluation] | None = None

    def keep(self) -> None:
        """Keeps it in a file, from which the next search puts it into the store."""
        if self.rescue is not None and self.evaluation is not None:
            self.rescue.keep(*self.evaluation)


def serve(pipe: int) -> None:
    """Receives objectives, then trials; sends pairs of a word and a content. Never returns.

    `("ready", None)` once the objectives are there; `("begin", number)` before each objective of an evaluation,
    `("done", evaluation)` after the last; `("broken", message)` if it can't work at all.

    Args:
        pipe: descriptor of a pipe that goes both ways.
    """
    os.set_inheritable(pipe, False)  # else what objectives start would keep it open
    code, unconfirmed = 0, _Unconfirmed()
    try:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _listen()
            with sent_again({_Stopped: signal.SIGTERM}):
                _serve(Connection(pipe), unconfirmed)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except (_Stopped, EOFError, BrokenPipeError, ConnectionResetError):
        unconfirmed.keep()
    except BaseException:  # noqa: BLE001 - a mistake of ours is told, and this process ends whatever it was
        traceback.print_exc()
        code = 1
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)  # threads of users are not waited for, and the warden ends what they started


def _serve(pipe: Connection, unconfirmed: _Unconfirmed) -> None:
    try:
        content, unconfirmed.rescue = pipe.recv()
        objectives = pickle.loads(content)  # noqa: S301 - of the search that started this process
    except (EOFError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever the modules of users raise when they are imported
        pipe.send(("broken", f"a process can't load the objectives: {type(error).__name__}: {error}"))
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    pipe.send(("ready", None))
    while True:
        asked = pipe.recv()
        if asked == STORED:
            unconfirmed.evaluation = None
            continue
        number, arch = asked
        try:
            evaluation = evaluate_all(objectives, arch, lambda at: pipe.send(("begin", at)), interrupts=_Stopped)
        except ArchLLMError as error:
            pipe.send(("broken", str(error)))
            return
        unconfirmed.evaluation = number, evaluation
        pipe.send(("done", evaluation))


def _listen() -> None:
    """SIGTERM ends what this process does; its forks, which are the user's affair, it ends as it would by itself."""
    process = os.getpid()

    def stop(number: int, _: object) -> None:
        if os.getpid() == process:
            signal.signal(number, signal.SIG_IGN)  # once is enough, wherever it is met
            raise _Stopped
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, stop)
