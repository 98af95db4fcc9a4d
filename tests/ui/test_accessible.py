"""axe-core finds no serious fault on any page, on a phone and on a desktop, light and dark."""

from __future__ import annotations

from importlib.resources import files

import pytest

FINDINGS = """axe.run().then(found => found.violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.map(node => node.html).join(" ")}`))"""

QUIET = "document.querySelectorAll('[aria-busy=true]').length === 0"
PAGES = {
    "runs": ("/runs", "true"),
    "run": ("/run?at=runs/good", QUIET),
    "cell": ("/cell?of=run:runs/good&text=7", f"document.querySelector('#neighbours li') !== null && {QUIET}"),
    "searches": ("/searches", QUIET),
    "search": ("/search?at=searches/done.db&study=first", f"document.querySelector('#now .chart') !== null && {QUIET}"),
    "together": ("/searches/together?id=searches/done.db|first&id=searches/done.db|second", "true"),
    "new search": ("/searches/new", "document.querySelectorAll('#objective option').length > 0"),
    "new fit": ("/fits?data=digits", "document.querySelector('.seen') !== null"),
    "fit": ("/fit?at=fits/done", "document.querySelector('#now table') !== null"),
    "problem": ("/run?at=nothing", "true"),
}


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)], ids=["phone, dark", "desktop"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_fault_of_accessibility(browser, server, name, width, dark):
    path, ready = PAGES[name]
    browser.open(server.base + path, width, dark=dark)
    browser.wait_for(ready)
    browser.run(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";0")
    assert browser.run(FINDINGS) == []
