"""Pages and parts of pages from templates; whatever they show is escaped."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from archllm.reporting.html import environment, filled
from archllm.reporting.words import duration
from archllm.ui.context import context_of
from archllm.workflows.doctor import version

SECTIONS = (("/runs", "Runs"), ("/searches", "Searches"), ("/fits", "Fit"), ("/cell", "A cell"))
"""Address and name of what the top of every page leads to."""


def page(request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A whole page.

    Args:
        request: what was asked for.
        template: a file of `templates` that extends `base.html.j2`.
        status: of the answer.
        shown: what the template shows.
    """
    home = context_of(request).home
    shared = {
        "sections": SECTIONS,
        "here": request.url.path,
        "folder": str(home.root),
        "folder_name": home.root.name or str(home.root),
        "version": version("archllm") or "source",
    }
    return HTMLResponse(_filled(template, shared | shown), status)


def part(template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A part of a page, which a script puts in its place."""
    return HTMLResponse(rendered(template, **shown), status)


def rendered(template: str, **shown: Any) -> str:
    """The text of such a part."""
    return _filled(template, shown)


def shown_alone(template: str, name: str, value: str) -> str:
    """The text of a page that stands alone."""
    return _filled(template, {name: value, "version": version("archllm") or "source"})


def problem(request: Request, said: str, status: int) -> Response:
    """What went wrong: as a part of a page where a script asked, else as a page."""
    if request.headers.get("sec-fetch-mode", "navigate") != "navigate" or "x-part" in request.headers:
        return part("problem.html.j2", status, said=said)
    return page(request, "problem_page.html.j2", status, said=said)


def _filled(template: str, shown: dict[str, Any]) -> str:
    templates = environment("archllm.ui")
    templates.filters |= {"ago": ago, "bytes": in_bytes, "duration": duration, "figure3": _figure3, "zip": zip}
    return filled(templates, template, shown)


def _figure3(value: float) -> str:
    """A number in four digits."""
    return f"{value:,.4g}".replace("-", "−")


def ago(then: float, now: float | None = None) -> str:
    """How long ago a time was, in seconds since 1970.

    Example:
        >>> ago(0.0, 30.0), ago(0.0, 7_500.0), ago(0.0, 200_000.0)
        ('just now', '2 h ago', '2 days ago')
    """
    gone = (time.time() if now is None else now) - then
    if gone < 60:
        return "just now"
    for size, one, several in ((86_400, "1 day ago", "days ago"), (3_600, "1 h ago", "h ago"), (60, "", "min ago")):
        count = int(gone // size)
        if count:
            return one if count == 1 and one else f"{count:,} {several}"
    return "just now"


def in_bytes(count: float) -> str:
    """A size as people say it.

    Example:
        >>> in_bytes(512), in_bytes(1_830_000), in_bytes(12_500_000_000)
        ('512 B', '1.8 MB', '12.5 GB')
    """
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"
