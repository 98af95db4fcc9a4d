"""Searches that are started, stopped and taken up again from the page: commands of their own, which end with it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from archllm.errors import InvalidInput
from archllm.spaces.registry import space_names
from archllm.ui import asking
from archllm.ui.cells import space_of
from archllm.ui.commands import told, words_of
from archllm.ui.context import Context, context_of
from archllm.ui.pages import page
from archllm.ui.posting import posted
from archllm.ui.search_start import METHODS, OF_A_RUN, objectives_for, options_from, options_of
from archllm.ui.watching import Snapshot
from archllm.workflows.options import SearchOptions

_MOST_SHOWN = 200  # runs and space files in a menu


def routes() -> list[Route]:
    """Where searches are started and stopped."""
    return [
        Route("/searches/new", _new),
        Route("/searches/objectives", _objectives),
        posted("/searches/start", _start),
        posted("/search/stop", _stop),
        posted("/search/resume", _resume),
    ]


def _new(request: Request) -> Response:
    home = context_of(request).home
    return page(
        request,
        "search_new.html.j2",
        names=space_names(),
        runs=[each.path for each in home.listing("run")[:_MOST_SHOWN]],
        files=[each.path for each in home.listing("space")[:_MOST_SHOWN]],
        of=asking.text(request, "of", "nasbench201"),
        methods=METHODS,
        of_a_run=OF_A_RUN,
    )


def _objectives(request: Request) -> Response:
    """What can be searched for in a space."""
    return JSONResponse(objectives_for(space_of(context_of(request), asking.text(request, "of"))))


def _start(context: Context, asked: dict[str, Any]) -> Response:
    options, at = options_from(context, asked)
    return _begun(context, options, at)


def _resume(context: Context, asked: dict[str, Any]) -> Response:
    at, found = _named(context, asked)
    budget = asked.get("budget")
    if type(budget) is not int or not len(found.over) < budget <= 10**9:
        raise InvalidInput(f"{len(found.over):,} evaluations are over already; name a larger number")
    if found.running:
        raise InvalidInput("another process is at work on it; stop that first")
    return _begun(context, options_of(context, at, found.study, budget), at)


def _begun(context: Context, options: SearchOptions, at: str) -> Response:
    name = str(options.study)
    root = context.home.root
    context.jobs.start((at, name), words_of("search", options), told("search", options, root), root)
    context.home.forget()
    return JSONResponse({"at": at, "study": name})


def _stop(context: Context, asked: dict[str, Any]) -> Response:
    context.jobs.stop((str(asked.get("at")), str(asked.get("study"))))
    return JSONResponse({"stopped": True})


def _named(context: Context, asked: dict[str, Any]) -> tuple[str, Snapshot]:
    at, name = str(asked.get("at")), str(asked.get("study"))
    return at, context.studies.now(context.home.there(at, "store"), name)
