"""Serves the page: who may reach it, where it listens, and what the first line says."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

from archllm.errors import ArchLLMError, InvalidInput, MissingExtra
from archllm.ui.access import LOOPBACK, Access
from archllm.workflows.options import UiOptions

PORT = 8760
"""Where the page is looked for first; the next ports are tried where it is taken."""

_TRIED = 20
_SHORTEST = 16  # characters of a token
_MOST_CONNECTIONS = 256
_LONGEST_HEAD = 32_768  # bytes of a request before its body
_WAITING = 256  # connections that wait to be accepted


@dataclass(frozen=True)
class Address:
    """Where the page is."""

    url: str
    """With the token: who has it may do what the page can do."""

    host: str
    """What the server listens at."""

    port: int
    """And its port."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm ui --json` prints, once the page can be opened."""
        return dict(vars(self))


def serve(options: UiOptions, ready: Callable[[Address], None], *, debug: bool = False) -> None:
    """Serves the page until it is interrupted.

    Args:
        options: the folder, and who may reach it.
        ready: told the address once the page can be opened.
        debug: whether tracebacks of our own errors are printed.

    Raises:
        InvalidInput: an option can't be used, or the port is taken.
        RunFolderError: there is no such folder.
        MissingExtra: the libraries for it are not installed.
    """
    with suppress(KeyboardInterrupt):
        Server(options, debug=debug).run(ready)


class Server:
    """The page, listening already but not yet answering.

    Args:
        options: the folder, and who may reach it.
        debug: whether tracebacks of our own errors are printed.

    Raises:
        InvalidInput: an option can't be used, or the port is taken.
        RunFolderError: there is no such folder.
        MissingExtra: the libraries for it are not installed.

    Example:
        >>> server = Server(UiOptions(port=0))
        >>> server.address.host
        '127.0.0.1'
        >>> server.close()
    """

    def __init__(self, options: UiOptions, *, debug: bool = False) -> None:
        try:
            import jinja2  # noqa: F401
            import sqlalchemy  # noqa: F401
            import starlette  # noqa: F401
            import uvicorn
        except ImportError as error:
            raise MissingExtra("the local page", "ui") from error
        from archllm.ui.app import application

        token = _token(options)
        self._socket = _listening(options)
        port = int(self._socket.getsockname()[1])
        names = () if options.host in LOOPBACK else (options.host, socket.gethostname(), socket.getfqdn())
        try:
            app = application(options, Access(token, port, names), debug)
        except ArchLLMError:
            self._socket.close()
            raise
        shown = "127.0.0.1" if options.host in ("localhost", "0.0.0.0", "::") else options.host
        shown = f"[{shown}]" if ":" in shown and "[" not in shown else shown
        self.address = Address(f"http://{shown}:{port}/?token={token}", options.host, port)
        """Where the page is."""
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="on",
                limit_concurrency=_MOST_CONNECTIONS,
                h11_max_incomplete_event_size=_LONGEST_HEAD,
                timeout_graceful_shutdown=3,
            )
        )

    def run(self, ready: Callable[[Address], None]) -> None:
        """Answers until `stop` is called, or Ctrl-C comes.

        Args:
            ready: told the address at once: who connects now is answered in a moment.
        """
        self._socket.listen(_WAITING)
        ready(self.address)
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self.close()

    def stop(self) -> None:
        """Lets `run` end soon, from any thread."""
        self._server.should_exit = True

    def close(self) -> None:
        """Gives the port back."""
        self._socket.close()


def _token(options: UiOptions) -> str:
    """The token of the file, or a new one.

    Raises:
        InvalidInput: others can reach the page and there is no file, or it can't be used.
    """
    file = options.token_file
    if file is None:
        if options.host not in LOOPBACK:
            raise InvalidInput(
                f"--host {options.host} lets other machines reach the page. Whoever has its token can read all in the "
                "folder, start searches and fits as you, and is not hindered by passwords; what is sent is not "
                "encrypted. Put a token of your own into a file that you alone can read and name it (--token-file), "
                "or leave --host out and forward the port: ssh -L 8760:127.0.0.1:8760 THIS_MACHINE"
            )
        return token_urlsafe(32)
    try:
        mode = file.stat().st_mode
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"can't read the token in {file}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise InvalidInput(f"others can read {file}, so its token is no secret: chmod 600 {file}, and change it")
    if len(token) < _SHORTEST or not token.isascii() or not all(each.isalnum() or each in "-_.~" for each in token):
        raise InvalidInput(
            f"the token in {file} must have at least {_SHORTEST} letters, digits, - _ . ~ and nothing else; make one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return token


def _listening(options: UiOptions) -> socket.socket:
    """A socket that listens; of this machine alone unless another host is named.

    Raises:
        InvalidInput: the port is taken, or the host is none of this machine's.
    """
    host = "127.0.0.1" if options.host == "localhost" else options.host
    ports = [options.port] if options.port is not None else [*range(PORT, PORT + _TRIED), 0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reason: OSError | None = None
    for port in ports:
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((host.removeprefix("[").removesuffix("]"), port))
        except OSError as error:
            opened.close()
            reason = error
        else:
            return opened
    asked = "" if options.port is None else f":{options.port}"
    raise InvalidInput(f"can't listen at {options.host}{asked}: {reason and reason.strerror}; name another --port")
