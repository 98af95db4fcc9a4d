"""What all commands share."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

import tyro

from archllm.cli.console import Console
from archllm.errors import InvalidInput

Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]
"""An option that is off unless it is named."""


@dataclass(frozen=True)
class Common:
    """Options of every command."""

    json: Switch = False
    """Print one JSON document on stdout, everything else on stderr."""

    debug: Switch = False
    """Show tracebacks and the warnings of libraries."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """Base of the commands: a field is an option, its docstring the help."""

    common: Annotated[Common, tyro.conf.arg(name="")] = field(default_factory=Common)

    @classmethod
    def defaults(cls, words: list[str]) -> Self | None:
        """Defaults that depend on other words of the command line; `None` for those of the fields."""
        return None

    @abstractmethod
    def run(self, console: Console) -> None:
        """Does the work and prints the result."""


def use_threads(threads: int) -> None:
    """Makes torch compute with that many threads, whether or not it is imported already.

    Raises:
        InvalidInput: it is below 1.
    """
    if threads < 1:
        raise InvalidInput(f"threads must be at least 1, got {threads}")
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)  # read when torch is imported
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def architecture_text(word: str) -> str:
    """The text of an architecture: the word itself, what stands in a file (`@file`), or stdin (`-`).

    Raises:
        InvalidInput: the file can't be read, or nothing is there.
    """
    source = "standard input" if word == "-" else word.removeprefix("@")
    try:
        if word == "-":
            word = sys.stdin.read()
        elif word.startswith("@"):
            word = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidInput(f"can't read an architecture from {source}: {reason}") from error
    if not word.strip():
        raise InvalidInput("the text of the architecture is empty")
    return word.strip()
