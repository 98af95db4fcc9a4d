"""Standard input, output and errors as they may be found: closed, full, or of an encoding that lacks characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TextIO

from archllm.errors import OutputFailed


def prepare_streams() -> None:
    """Makes all three usable.

    One that was closed leads nowhere: else the next file that is opened, such as a store, would get its number, and be
    written to by whatever prints. What an encoding has no character for is written as its escape.
    """
    for number, mode in enumerate(("r", "w", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        name = ("stdin", "stdout", "stderr")[number]
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open
    if isinstance(sys.stdout, TextIOWrapper) and not is_unicode(sys.stdout):
        sys.stdout.reconfigure(errors="backslashreplace")


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream takes every character."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-").startswith("utf")


@contextmanager
def writing(stream: TextIO) -> Iterator[None]:
    """Around what writes to a stream.

    Raises:
        OutputFailed: it can't be written to; what is left of its content is given up.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        lead_nowhere(stream)
        name = "standard output" if stream is sys.stdout else "standard error"
        raise OutputFailed(f"can't write the result to {name}: {error.strerror or error}") from error


def lead_nowhere(stream: TextIO) -> None:
    """Lets a stream lead nowhere: what is still buffered has no reader, and Python would complain of it at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
