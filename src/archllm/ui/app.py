"""The application: which address leads where, and what becomes of errors."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cached_property, partial
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from archllm.errors import ArchLLMError, printable
from archllm.ui import runs
from archllm.ui.access import Access, App, Gate, TooLarge
from archllm.ui.context import Context
from archllm.ui.pages import problem, shown_alone
from archllm.ui.uploads import LARGEST_UPLOAD, UPLOAD
from archllm.workflows.options import UiOptions

_FIRST = 2.0  # seconds that the first page has for itself

_AREAS = (
    (("cell",), ("archllm.ui.cells",)),
    (("search", "searches"), ("archllm.ui.searches", "archllm.ui.starting")),
    (("fit", "fits"), ("archllm.ui.fits",)),
)
"""First parts of addresses, and the modules that answer them."""

_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def application(options: UiOptions, access: Access, debug: bool = False) -> App:
    """The page as an ASGI application, behind its gate.

    Args:
        options: the folder, and what may be done from the page.
        access: what a request must show.
        debug: whether tracebacks of our own errors are printed.

    Raises:
        RunFolderError: there is no such folder.
    """
    context = Context(options)
    routes = [
        Route("/", lambda _: RedirectResponse("/runs"), name="home"),
        Route("/static/{name}", _static),
        Route("/favicon.ico", lambda _: Response(status_code=204)),
        *runs.routes(),
        *(Area(*area) for area in _AREAS),
    ]
    handlers: dict[Any, Callable[..., Response]] = {
        ArchLLMError: _told,
        TooLarge: _too_large,
        HTTPException: _missing,
        Exception: partial(_crashed, debug),
    }

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        threading.Thread(target=warm_up, daemon=True).start()
        yield
        context.close()

    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    app.state.context = context
    larger = {UPLOAD: LARGEST_UPLOAD}
    return Gate(app, access, partial(shown_alone, "entrance.html.j2", "said"), larger)


class Area(BaseRoute):
    """Addresses whose modules are imported when one of them is first asked for, so that the list of runs opens at once.

    Args:
        first: the first parts of these addresses.
        modules: each has a function `routes`.
    """

    def __init__(self, first: Collection[str], modules: Sequence[str]) -> None:
        self.first, self.modules = first, modules

    @cached_property
    def _router(self) -> Router:
        return Router([route for name in self.modules for route in import_module(name).routes()])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        ours = scope["type"] == "http" and scope["path"].removeprefix("/").partition("/")[0] in self.first
        return (Match.FULL if ours else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        return self._router.url_path_for(name, **path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._router(scope, receive, send)


def warm_up() -> None:
    """Imports what the next pages need, while people still look at the list."""
    time.sleep(_FIRST)
    with suppress(ImportError):
        for name in (*(name for _, modules in _AREAS for name in modules), "archllm.generation.generator"):
            import_module(name)


_STATIC: dict[str, tuple[bytes, str]] = {}


def _static(request: Request) -> Response:
    """A file that comes with the package; the names are those that it has, so none can lead elsewhere."""
    name = request.path_params["name"]
    if not _STATIC:
        for package, folder in (("archllm.reporting", "templates"), ("archllm.ui", "static")):
            for file in files(package).joinpath(folder).iterdir():
                if file.name.endswith(tuple(_KINDS)):
                    content = file.read_bytes()
                    _STATIC[file.name] = content, sha256(content).hexdigest()[:16]
    if name not in _STATIC:
        raise HTTPException(404)
    content, tag = _STATIC[name]
    headers = {"etag": f'"{tag}"', "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == f'"{tag}"':
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_KINDS[name[name.rindex(".") :]], headers=headers)


def _told(request: Request, error: Exception) -> Response:
    """What a user can do something about, in its own words."""
    return problem(request, str(error), 400)


def _too_large(request: Request, error: Exception) -> Response:
    """More was sent than is read; the rest of it is not waited for."""
    found = problem(request, str(error), 413)
    found.headers["connection"] = "close"
    return found


def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    said = "There is no such page." if status == 404 else f"This can't be asked for so ({status})."
    return problem(request, said, status)


def _crashed(debug: bool, request: Request, error: Exception) -> Response:
    """A bug of ours: the page says so in a line, the terminal where it is."""
    sys.stderr.write(f"archllm ui: internal error: {type(error).__name__}: {printable(str(error))}\n")
    if debug:
        traceback.print_exception(error)
    return problem(request, f"Internal error: {type(error).__name__}: {printable(str(error))}", 500)
