"""Signals that become exceptions: what happens where Python drops an exception."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_AGAIN = 0.05  # seconds after which a signal is sent again


@contextmanager
def sent_again(raised: Mapping[type[BaseException], int]) -> Iterator[None]:
    """Sends a signal again if what its handler raised was dropped.

    Python only prints, and forgets, what is raised in a finaliser, or in what a library calls around a fork. A
    signal that comes at such a moment would leave a traceback and change nothing.

    Args:
        raised: what handlers raise, and by which signal; the handlers that are there now are there again when the
            signal comes again.

    Example:
        >>> with sent_again({KeyboardInterrupt: signal.SIGINT}):
        ...     pass  # Ctrl-C interrupts, whatever is under way
    """
    before = sys.unraisablehook
    handlers = {number: signal.getsignal(number) for number in raised.values()}

    def hook(dropped: Any) -> None:
        number = raised.get(dropped.exc_type)
        if number is None or threading.current_thread() is not threading.main_thread():
            before(dropped)
            return
        signal.signal(number, handlers[number])
        later = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
        later.daemon = True
        later.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
