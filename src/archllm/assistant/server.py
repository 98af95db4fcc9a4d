"""The tools as a Model Context Protocol server on standard input and output."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from archllm.assistant.access import McpOptions
from archllm.assistant.tools import Tools
from archllm.errors import ArchLLMError, MissingExtra, RunFolderError

if TYPE_CHECKING:
    from mcp.server import MCPServer

_ABOUT = """ArchLLM generates and searches neural architectures. The shortest way from nothing to a network: `spaces`,
`search` with an objective, `status` with `wait` until it is done, `export` of the study."""

_READING = ("spaces", "info", "sample", "status")


def serve(options: McpOptions, version: str) -> None:
    """Answers a client on standard input and output until that ends.

    Args:
        options: where, and what is allowed.
        version: what the server says of itself.

    Raises:
        RunFolderError: the folder is none.
        MissingExtra: the library is not installed.
    """
    if not options.folder.is_dir():
        raise RunFolderError(f"there is no folder {options.folder}")
    tools = Tools(options)
    try:
        server(tools, version).run("stdio")
    finally:
        tools.searches.close()


def server(tools: Tools, version: str) -> MCPServer:
    """The server of tools.

    Args:
        tools: what it offers.
        version: what it says of itself.

    Raises:
        MissingExtra: the library is not installed.
    """
    try:
        from mcp.server import MCPServer
        from mcp_types import ToolAnnotations
    except ImportError as error:
        raise MissingExtra("a server for assistants", "mcp") from error
    made = MCPServer("archllm", instructions=_ABOUT, version=version, log_level="ERROR")
    for tool in tools.all():
        name = tool.__name__
        hints = ToolAnnotations(read_only_hint=name in _READING, destructive_hint=False, open_world_hint=False)
        made.add_tool(_told(tool), name=name, annotations=hints)
    return made


def _told(tool: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A tool whose errors are told to the client."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    def told(*words: Any, **named: Any) -> dict[str, Any]:
        try:
            return tool(*words, **named)
        except ArchLLMError as error:
            raise ToolError(str(error)) from error

    return told
