"""The list of runs and the page of a generator, in a real browser."""

from __future__ import annotations

import pytest

SIZES = [(390, False), (1280, True)]

READY = "document.getElementById('draws').getAttribute('aria-busy') === 'false'"
INSIDE = "document.getElementById('inside').getAttribute('aria-busy') === 'false'"
VALID = "document.querySelector('.shares dd').textContent"


@pytest.fixture(params=SIZES, ids=["phone", "desktop, dark"])
def size(request) -> dict:
    width, dark = request.param
    return {"width": width, "dark": dark}


def fits(browser, width) -> bool:
    return browser.run("document.documentElement.scrollWidth") <= width and browser.complaints == []


def test_runs_are_listed_with_what_is_known_of_them_and_names_are_never_markup(browser, server, size):
    browser.open(f"{server.base}/runs", **size)
    assert fits(browser, size["width"])
    text = browser.run("document.querySelector('main').innerText")
    assert "runs/good" in text and "100.00%" in text and "onerror" in text
    assert browser.run("document.querySelectorAll('main img, main b b').length") == 0
    assert "can't be" in text or "is not a run configuration" in text  # why one of them is damaged
    assert all(url.startswith(server.base) for url in browser.requests)


def test_the_page_of_a_generator_shows_draws_and_figures(browser, server, size):
    browser.open(f"{server.base}/run?at=runs/good", **size)
    browser.wait_for(READY)
    browser.wait_for(INSIDE)
    assert fits(browser, size["width"])
    assert browser.run("document.querySelectorAll('#draws .archllm-drawing').length") == 12
    assert browser.run("document.querySelectorAll('#inside .chart').length") >= 1
    assert browser.run(f"parseFloat({VALID})") > 95


def test_a_slider_draws_again_and_says_how_valid_the_draws_are(browser, server):
    browser.open(f"{server.base}/run?at=runs/good", 1280)
    browser.wait_for(READY)
    browser.choose("#temperature", "3")
    browser.wait_for(f"parseFloat({VALID}) < 99 && {READY}")
    assert browser.run("document.getElementById('temperature-out').textContent") == "3"
    assert "valid" in browser.run("document.getElementById('spoken').textContent")


def test_the_keyboard_moves_the_slider(browser, server):
    browser.open(f"{server.base}/run?at=runs/good", 390)
    browser.wait_for(READY)
    browser.run("document.getElementById('temperature').focus()")
    browser.press("ArrowRight")
    assert browser.run("document.getElementById('temperature-out').textContent") == "1.05"


def test_requirements_are_read_as_people_write_them(browser, server):
    browser.open(f"{server.base}/run?at=runs/good", 1280)
    browser.wait_for(READY)
    browser.enter(".range[data-name=params] [data-end=high]", "300k")
    browser.wait_for("document.querySelectorAll('.shares dd').length === 4")
    counts = "[...document.querySelectorAll('#draws .rank span:first-child')].map(e => e.textContent)"
    shown = [int(text.split()[0].replace(",", "")) for text in browser.run(counts)]
    assert shown and max(shown) <= 300_000
    browser.enter(".range[data-name=params] [data-end=high]", "many")
    browser.wait_for(
        "document.querySelector('[data-name=params] [data-end=high]').getAttribute('aria-invalid') === 'true'"
    )


def test_what_can_not_be_used_is_told_in_words(server):
    for query in (
        "temperature=0",
        "n=0x10",
        "n=100000",
        "where=params<=1&where=nonsense",
        "where=params<=1&guidance=-1",
    ):
        answer = server.ask(f"/run/draws?at=runs/good&{query}", X_Part="1")
        assert answer.status == 400 and 'role="alert"' in answer.text, query


def test_texts_are_saved_as_members_that_differ(server, nasbench201):
    answer = server.ask("/run/texts?at=runs/good&n=50&novel=1&seed=3")
    texts = answer.text.split()
    assert answer.headers["content-disposition"].startswith("attachment") and len(set(texts)) == 50
    assert all(nasbench201.parse(text).text == text for text in texts)


def test_an_empty_folder_says_how_to_begin(tmp_path):
    from tests.ui.serving import served

    with served(tmp_path) as found:
        assert "archllm train" in found.ask("/runs").text
