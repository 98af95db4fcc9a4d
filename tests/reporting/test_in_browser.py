"""Pages in a real browser: they fit phones and desktops, complain of nothing, ask for nothing, sort, and save files."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser import Browser, chromium

from archllm.objectives.evaluation import Evaluation
from archllm.spaces import load_space
from archllm.study.store import Study, open_store
from archllm.workflows.compare import compare
from archllm.workflows.report import report

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)")

HOSTILE = "</script><script>alert(1)</script><img src=//example.invalid/x.png>" + "x" * 200
SPACES = {"nasbench201": 1, "darts": 2}


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=SPACES)
def page(request, tmp_path_factory) -> Path:
    """A report of a search whose names and reasons are long and hostile."""
    import numpy as np

    space = load_space(request.param)
    names = (f"command:{HOSTILE}", "params")[: SPACES[request.param]]
    archs = list(dict.fromkeys(space.architectures(space.sample(12, np.random.default_rng(0)))))
    folder = tmp_path_factory.mktemp(request.param)
    with open_store(folder / "a.db") as store:
        store.create(Study(HOSTILE, space.name, names, ("maximise", "minimise")[: len(names)], "gp", 0))
        store.add(HOSTILE, archs, len(archs))
        for number, arch in enumerate(archs):
            store.claim(HOSTILE, "me")
            values = (float(10 - 3 * number % 7), float(arch.params))[: len(names)]
            failed = number == 4
            found = (
                Evaluation(None, failure=HOSTILE) if failed else Evaluation(values, test={HOSTILE: 1.0}, cost=number)
            )
            store.finish(HOSTILE, number, found)
    return report(folder / "a.db").path


@pytest.fixture(scope="module")
def comparison(tmp_path_factory) -> Path:
    """A report of a comparison whose methods have long names."""
    out = tmp_path_factory.mktemp("comparison") / "out"
    methods = [f"{'x' * 80}=random", "largest", "evolution"]
    compare(methods=methods, space="nasbench201", objective=["params"], seeds=2, budget=6, out=out)
    return report(out).path


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_and_complains_of_nothing_and_asks_for_nothing(browser, page, width, dark):
    browser.open(page, width, dark=dark)
    assert browser.run("innerWidth") == width
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []
    assert browser.requests == [page.absolute().as_uri()]
    assert browser.run("document.querySelectorAll('img').length") == 0
    light = browser.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 128")
    assert light != dark


def column(browser: Browser, index: int) -> list[str]:
    rows = "[...document.querySelectorAll('table.sortable tbody tr')]"
    found: list[str] = browser.run(f"{rows}.map(row => row.cells[{index}].dataset.v)")
    return found


def test_a_click_on_a_heading_sorts_and_another_one_turns_the_order(browser, page):
    browser.open(page, 1280)
    before = column(browser, 1)
    browser.click("table.sortable th:nth-child(2) button")
    scores = column(browser, 1)
    known = [float(score) for score in scores if score]
    assert known == sorted(known, reverse=True) and scores[-1] == "" and sorted(scores) == sorted(before)
    assert browser.run("document.querySelector('th[aria-sort]').getAttribute('aria-sort')") == "descending"
    browser.click("table.sortable th:nth-child(2) button")
    scores = column(browser, 1)
    assert [float(score) for score in scores if score] == sorted(known) and scores[-1] == ""
    assert browser.run("document.querySelectorAll('th[aria-sort]').length") == 1
    assert browser.complaints == []


@pytest.mark.parametrize("key", ["Enter", " "])
def test_the_keyboard_sorts_too_and_a_screen_reader_is_told(browser, page, key):
    browser.open(page, 390)
    browser.run("document.querySelector('table.sortable').parentElement.focus()")
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "#"
    browser.press(key)
    places = [int(place) for place in column(browser, 0)]
    assert places == sorted(places, reverse=True)
    assert browser.run("document.getElementById('spoken').textContent") == "Sorted by #, descending"


def test_every_drawing_has_a_name_and_every_control_too(browser, page):
    browser.open(page, 1280)
    assert browser.run("[...document.querySelectorAll('svg[role=img]')].every(svg => svg.getAttribute('aria-label'))")
    assert browser.run("[...document.querySelectorAll('button')].every(button => button.textContent.trim())")
    assert browser.run("document.querySelectorAll('h1').length") == 1
    assert browser.run("document.querySelectorAll('.snippet button').length") == 2
    assert browser.run("new Set([...document.querySelectorAll('[id]')].map(each => each.id)).size") == browser.run(
        "document.querySelectorAll('[id]').length"
    )


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_comparison_fits_and_complains_of_nothing_and_asks_for_nothing(browser, comparison, width, dark):
    browser.open(comparison, width, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []
    assert browser.requests == [comparison.absolute().as_uri()]


@pytest.mark.parametrize("width", [360, 390, 700, 1280])
def test_what_stands_in_charts_can_be_read(browser, page, comparison, width):
    for each in (page, comparison):
        browser.open(each, width)
        sizes = browser.run(
            "[...document.querySelectorAll('svg.chart text')].map(text => parseFloat(getComputedStyle(text).fontSize)"
            " * text.getScreenCTM().a || parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().b * -1)"
        )
        assert sizes and min(sizes) >= 11


def test_the_trials_can_be_saved_as_a_table(browser, page, tmp_path):
    browser.open(page, 1280)
    file = browser.saved("#trials .tools button", tmp_path)
    assert file.name == "trials.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    shown = browser.run("[...document.querySelectorAll('#trials tbody tr')].map(row => row.cells[1].dataset.v)")
    assert [list(line.values())[1] for line in lines] == shown
    assert [line["architecture"] for line in lines] == column(browser, -1 + len(lines[0]))
    assert browser.run("document.getElementById('spoken').textContent") == "Saved trials.csv"


def test_the_table_of_a_comparison_can_be_saved(browser, comparison, tmp_path):
    browser.open(comparison, 390)
    file = browser.saved("#table .tools button", tmp_path)
    with file.open(encoding="utf-8", newline="") as stream:
        assert [line["method"] for line in csv.DictReader(stream)] == ["x" * 80, "largest", "evolution"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_chart_is_saved_as_a_drawing_that_stands_alone(browser, page, tmp_path, dark):
    browser.open(page, 1280, dark=dark)
    file = browser.saved("#progress .tools button:last-child", tmp_path)
    drawing = ET.fromstring(file.read_text(encoding="utf-8"))
    assert file.suffix == ".svg" and drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert float(drawing.get("width")) > 0
    browser.open(file, 1280)
    assert browser.complaints == [] and browser.requests == [file.absolute().as_uri()]
    assert browser.run("getComputedStyle(document.querySelector('.line')).strokeWidth") != "1px"


def test_a_drawing_is_enlarged_and_escape_puts_it_away(browser, page):
    browser.open(page, 1280)
    before = browser.run("document.querySelector('.drawing svg').getBoundingClientRect().height")
    browser.click(".drawing button")
    assert browser.run("document.querySelector('dialog').open")
    assert browser.run("document.querySelector('dialog svg').getBoundingClientRect().height") > 1.5 * before
    browser.press("Escape")
    assert not browser.run("document.querySelector('dialog').open")
    assert browser.run("document.activeElement.textContent") == "Enlarge"
    assert browser.complaints == []
