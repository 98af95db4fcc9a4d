"""Pages show names of others as texts."""

from __future__ import annotations

import pytest

from archllm.reporting.html import environment, filled

jinja2 = pytest.importorskip("jinja2")

NAMES = {
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    '" onload="alert(1)': "&#34; onload=&#34;alert(1)",
    "\u202egnp.exe\x1b[2J": "\\u202egnp.exe\\x1b[2J",
    "\ud800": "\\ud800",
    "caf\u00e9": "caf\u00e9",
}


@pytest.mark.parametrize(("name", "shown"), NAMES.items())
def test_a_name_is_neither_code_nor_turns_what_follows(name: str, shown: str) -> None:
    templates = environment().overlay(loader=jinja2.DictLoader({"page": '<p title="{{ name }}">{{ name }}</p>'}))
    assert filled(templates, "page", {"name": name}) == f'<p title="{shown}">{shown}</p>'
