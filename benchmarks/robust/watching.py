"""What became of one input: taken, refused in words of ours, or something that may not be; in what time and memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from archllm.errors import ArchLLMError

SECONDS, MEGABYTES = 2.0, 500.0
"""What one input may cost."""

_PATIENCE = 20  # seconds after which an input is given up


class _Late(BaseException):
    """An input takes too long."""


@dataclass(frozen=True)
class Watched:
    """What became of one input."""

    outcome: str
    """`taken`, `refused`, or what is wrong."""

    message: str
    """What was said."""

    seconds: float
    """Processor time."""

    megabytes: float
    """By which the memory grew."""

    @property
    def wrong(self) -> str:
        """What may not be; empty if all is well."""
        if self.outcome not in ("taken", "refused"):
            return self.outcome
        if self.seconds > SECONDS:
            return _SLOW
        return _LARGE if self.megabytes > MEGABYTES else ""


_SLOW, _LARGE = f"over {SECONDS:g} s", f"over {MEGABYTES:g} MB"
WRONG = ("errors not ours", "messages that can't be printed", _SLOW, _LARGE, "crashes")
"""What may not be."""


def watched(call: Callable[[], object]) -> Watched:
    """Makes a call in this process."""
    before, start = _peak(), time.process_time()
    outcome, message = "taken", ""
    handler = signal.signal(signal.SIGALRM, _late)
    signal.alarm(_PATIENCE)
    try:
        call()
    except ArchLLMError as error:
        message = str(error)
        fits = message.isprintable() or message.replace("\n", "").isprintable()
        outcome = "refused" if fits else "messages that can't be printed"
    except _Late:
        outcome = _SLOW
    except BaseException as error:  # noqa: BLE001 - all others are what is looked for
        own = [step for step in traceback.extract_tb(error.__traceback__) if "archllm" in step.filename]
        where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "the attack itself"
        outcome, message = "errors not ours", f"{type(error).__name__}: {ascii(str(error))[:100]} at {where}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    return Watched(outcome, message, time.process_time() - start, _peak() - before)


def watched_apart(call: Callable[[], object]) -> Watched:
    """Makes a call in a copy of this process, whose peak of memory is its own and which may be killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(asdict(watched(call))).encode()[:60_000])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return Watched(**json.loads(said)) if said else Watched("crashes", "the process died", 0.0, 0.0)


def _late(number: int, frame: FrameType | None) -> None:
    raise _Late


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
