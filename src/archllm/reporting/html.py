"""Pages as single files that need nothing else: templates, style, script, and the filters that templates use."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from archllm.errors import MissingExtra
from archllm.reporting.panels import figure


def rendered(template: str, context: Mapping[str, Any]) -> str:
    """The text of an HTML file. Whatever stands in the context is escaped, but for what the template calls safe.

    Args:
        template: its file in `templates`.
        context: what it shows; `css`, `js` and `js_hash` come besides.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtra("a report", "report") from error
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_part),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "breakable": _breakable}
    js = _part("report.js")
    shared = {"css": _part("report.css"), "js": js, "js_hash": b64encode(sha256(js.encode()).digest()).decode()}
    page = environment.get_template(template).render(shared | dict(context))
    return page.encode(errors="backslashreplace").decode()  # names of files need not be UTF-8


def _breakable(text: str) -> Any:
    """Escaped text that may be broken after its punctuation."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/:@._])", str(text)))


def _part(name: str) -> str:
    return files("archllm.reporting").joinpath("templates", name).read_text(encoding="utf-8")
