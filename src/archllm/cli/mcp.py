"""`archllm mcp`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archllm import __version__
from archllm.assistant.access import McpOptions
from archllm.cli.command import ThreadedCommand
from archllm.cli.console import Console
from archllm.config import Option


@dataclass(frozen=True, kw_only=True)
class Mcp(ThreadedCommand):
    """Let an assistant work with spaces, generators, searches and exports of a folder: a server of its protocol, MCP.

    The assistant's program starts it and talks to it on standard input and output (extra mcp). It only reads, unless
    --write lets it search and export, and --programs lets it score architectures by commands of its own.
    """

    options: Annotated[McpOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.assistant.server import serve

        serve(self.options, __version__)
