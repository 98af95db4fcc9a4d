"""What the client of the server may name: things in one folder, and objectives that run no code of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from archllm.config import Bounds, Option, Settings
from archllm.errors import InvalidInput, shown
from archllm.plugins import is_reference

_CODE = ("command:", "python:")
_PLAIN = re.compile(r"params|macs|latency|proxy:\w+|table:[\w-]+/[\w-]+|train:[\w-]+(\?[\w=&.-]*)?")
_TURNED = re.compile(r"^(minimise|maximise):")


@dataclass(frozen=True, kw_only=True)
class McpOptions(Settings):
    """Options of `archllm mcp`.

    Example:
        >>> McpOptions(folder="runs").write
        False
    """

    folder: Annotated[Path, Option("FOLDER", positional=True)] = Path()
    """Folder that holds runs, space files and stores; the client can name nothing outside of it."""

    write: bool = False
    """Let the client start searches and export networks into FOLDER; else it only reads and samples."""

    programs: bool = False
    """Let searches run code that the client names, command: and python:, as you. It can then do whatever you can."""

    max_budget: Annotated[int, Bounds(1), Option("N")] = 500
    """Most evaluations of a search."""

    minutes: Annotated[float, Bounds(above=0)] = 30.0
    """Longest time of a search, which is then ended; what it found is kept."""

    def _check_together(self) -> None:
        if self.programs and not self.write:
            raise InvalidInput("programs are run by searches, which need --write, too")


@dataclass(frozen=True)
class Access:
    """Checks of what a client names.

    Args:
        options: what is allowed.
    """

    options: McpOptions

    @property
    def home(self) -> Path:
        """The folder, without links."""
        return self.options.folder.resolve()

    def inside(self, name: str, what: str) -> Path:
        """The path of a file or folder in the folder of the server.

        Raises:
            InvalidInput: it lies elsewhere, be it by a link.
        """
        try:
            path = (self.home / name).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidInput(f"{what} is no path: {shown(name)}") from error
        if path == self.home or not path.is_relative_to(self.home):
            raise InvalidInput(f"{what} must lie in the folder of this server, and {shown(name)} does not")
        return path

    def space(self, name: str) -> str:
        """The name of a space, or the path of a space file in the folder.

        Raises:
            InvalidInput: it is none of these, or runs code, and that is not allowed.
        """
        from archllm.spaces.registry import is_file_name, is_name

        if is_reference(name) and not self.options.programs:
            raise InvalidInput(
                f"{shown(name)} runs code, which this server does not allow; who starts it can (--write --programs)"
            )
        return str(self.inside(name, "a space file")) if is_file_name(name) and not is_name(name) else name

    def architecture(self, text: str) -> str:
        """The text of an architecture.

        Raises:
            InvalidInput: it names a store, which may lie anywhere.
        """
        from archllm.workflows.stored_trial import names_store

        if names_store(text):
            raise InvalidInput(f"an architecture is given as its text, and {shown(text)} names a store; name a study")
        return text

    def objective(self, spec: str) -> str:
        """An objective that a search may have.

        Raises:
            InvalidInput: it runs code or reads elsewhere, and that is not allowed.
        """
        bare = _TURNED.sub("", spec)
        if bare.startswith(_CODE) and not self.options.programs:
            raise InvalidInput(
                f"{shown(spec)} runs code, which this server does not allow; who starts it can (--write --programs)"
            )
        if not bare.startswith(_CODE) and not _PLAIN.fullmatch(bare):
            raise InvalidInput(
                f"an objective is params, macs, latency, proxy:NAME, table:TABLE/METRIC, train:DATA or "
                f"train:DATA?KEY=VALUE with a built-in data set, or command:PROGRAM ARGS, got {shown(spec)}"
            )
        return spec

    def method(self, name: str) -> str:
        """A search method that comes with archllm or an installed package.

        Raises:
            InvalidInput: there is none of the name.
        """
        from archllm.config import unknown
        from archllm.searchers.registry import searcher_names

        if name not in searcher_names():
            raise InvalidInput(unknown("method", name, searcher_names()))
        return name

    def require_writing(self) -> None:
        """Makes sure that the client may change something.

        Raises:
            InvalidInput: it may not.
        """
        if not self.options.write:
            raise InvalidInput("this server only reads; who starts it can allow searches and files (--write)")
