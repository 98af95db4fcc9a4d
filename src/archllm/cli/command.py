"""What all commands share."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from archllm.cli.console import Console
from archllm.cli.parsing import file_values, option
from archllm.config import Option, read_toml
from archllm.errors import InvalidInput
from archllm.spaces.texts.notation import named_genotype

Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]
"""An option that is off unless it is named."""


@dataclass(frozen=True)
class Common:
    """Options of every command."""

    json: Switch = False
    """Print one JSON document on stdout, everything else on stderr."""

    debug: Switch = False
    """Show tracebacks and the warnings of libraries."""

    modules: Annotated[tuple[Path, ...], Option("DIR", each=True)] = ()
    """A further folder in which Python looks for modules, such as those of blocks that a space file names; may be
    repeated. Name only what you trust: modules in it are imported, and so run."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """Base of the commands: a field is an option, its docstring the help.

    A field of settings that is marked `Option(flat=True)` adds all their fields.
    """

    NOT_IN_FILES: ClassVar[tuple[str, ...]] = ("common", "config_file")
    """Fields that a configuration file can't hold."""

    ACTIONS: ClassVar[tuple[str, ...]] = ()
    """Words behind the name that choose what the command does; help shows them as a part of it."""

    common: Annotated[Common, Option(flat=True)] = field(default_factory=Common)

    @classmethod
    def defaults(cls, words: Sequence[str]) -> dict[str, Any]:
        """Values that replace the defaults of the fields, nested as these are: those of a file, or of other words."""
        return {}

    @classmethod
    def more_help(cls) -> str:
        """What help tells besides the options."""
        return ""

    @abstractmethod
    def run(self, console: Console) -> None:
        """Does the work and prints the result."""


@dataclass(frozen=True, kw_only=True)
class ThreadedCommand(Command):
    """Base of the commands that compute."""

    threads: int = 1
    """Threads to compute with in this process; what a seed gives depends on it. `archllm doctor` tells which number is
    fastest."""

    def use_threads(self) -> None:
        """Makes torch compute with so many threads, whether or not it is imported already.

        Raises:
            InvalidInput: it is below 1.
        """
        if self.threads < 1:
            raise InvalidInput(f"threads must be at least 1, got {self.threads}")
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(self.threads)  # read when torch is imported
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(self.threads)


@dataclass(frozen=True, kw_only=True)
class LongCommand(ThreadedCommand):
    """Base of the commands that take a configuration file; words of the command line win over it."""

    config_file: Annotated[Path | None, Option("FILE.toml", name="config")] = None
    """TOML file with any of these options, by the same names, or in a table named like the command."""

    @classmethod
    def defaults(cls, words: Sequence[str]) -> dict[str, Any]:
        file = option(words, "config")
        return {} if file is None else file_values(cls, read_toml(Path(file), cls.__name__.lower()), file)


def architecture_text(word: str) -> str:
    """The text of an architecture: the word itself, what stands in a file (`@file`), or stdin (`-`).

    Of a Python file with several genotypes, `@file:NAME` takes one.

    Raises:
        InvalidInput: the file can't be read, or nothing is there.
    """
    source = "standard input" if word == "-" else word.removeprefix("@")
    try:
        if word == "-":
            word = sys.stdin.read()
        elif word.startswith("@"):
            path, name = _named(source)
            word = named_genotype(path.read_text(encoding="utf-8-sig"), name, f"@{path}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidInput(f"can't read an architecture from {source}: {reason}") from error
    if not word.strip():
        raise InvalidInput(f"there is no architecture: {source} is empty" if source != word else "its text is empty")
    return word.strip()


def _named(source: str) -> tuple[Path, str | None]:
    """The file, and the name behind it."""
    front, colon, name = source.rpartition(":")
    if colon and name.isidentifier() and not Path(source).exists():
        return Path(front), name
    return Path(source), None
