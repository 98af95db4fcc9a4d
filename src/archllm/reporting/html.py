"""Pages as single files that need nothing else: templates, style, script, and the filters that templates use."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from archllm.errors import MissingExtra
from archllm.reporting.words import figure, measured

_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and marks that turn the direction of writing: pages show them as escapes."""


def rendered(template: str, context: Mapping[str, Any]) -> str:
    """The text of an HTML file. Whatever stands in the context is escaped, but for what the template calls safe.

    Args:
        template: its file in `templates`.
        context: what it shows; `css`, `js` and `js_hash` come besides.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    js = _part("report.js")
    shared = {"css": _part("report.css"), "js": js, "js_hash": b64encode(sha256(js.encode()).digest()).decode()}
    return filled(environment(), template, shared | dict(context))


@cache
def environment(*packages: str) -> Any:
    """Templates that escape all they show: those of some packages' folder `templates`, and those of this one.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtra("a report", "report") from error
    found = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package) for package in (*packages, "archllm.reporting")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"figure": figure, "breakable": _breakable}
    found.globals["measured"] = measured
    return found


def filled(templates: Any, name: str, context: Mapping[str, Any]) -> str:
    """The text of a template; whatever stands in the context is escaped, but for what the template calls safe.

    Args:
        templates: see `environment`.
        name: the template's file.
        context: what it shows.
    """
    page: str = templates.get_template(name).render(context)
    page = _STEERING.sub(lambda found: ascii(found[0])[1:-1], page)
    return page.encode(errors="backslashreplace").decode()  # names of files need not be UTF-8


def _breakable(text: str) -> Any:
    """Escaped text that may be broken after its punctuation."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/:@._])", str(text)))


def _part(name: str) -> str:
    return files("archllm.reporting").joinpath("templates", name).read_text(encoding="utf-8")
