"""Searches: the list, one of them live, several in one chart, as a table and as a file."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
from html import unescape
from urllib.parse import urlencode

import numpy as np
import pytest
from tests.ui.conftest import HOSTILE

from archllm.objectives.evaluation import Evaluation
from archllm.spaces import load_space
from archllm.study.result import Result
from archllm.study.store import Study, open_store
from archllm.ui.context import Context
from archllm.ui.search_start import options_of
from archllm.ui.watching import Studies
from archllm.workflows.options import UiOptions
from archllm.workflows.search import search

STORE = "searches/done.db"
QUIET = "document.querySelectorAll('[aria-busy=true]').length === 0"
SHOWN = f"document.querySelector('#now .tiles') !== null && document.querySelector('#trials td') !== null && {QUIET}"
COLUMN = "[...document.querySelectorAll('#trials tbody td:nth-child({})')].map(e => e.textContent)"


def page(server, study: str, at: str = STORE) -> str:
    return f"{server.base}/search?{urlencode({'at': at, 'study': study})}"


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)], ids=["phone", "desktop, dark"])
def test_all_searches_are_listed_and_names_are_never_markup(browser, server, width, dark):
    browser.open(f"{server.base}/searches", width, dark=dark)
    browser.wait_for(QUIET)
    assert browser.run("document.documentElement.scrollWidth") <= width and browser.complaints == []
    text = browser.run("document.querySelector('main').innerText")
    assert "first" in text and "second" in text and "onerror" in text and "ended" in text
    assert browser.run("document.querySelectorAll('main img').length") == 0
    assert browser.run("document.querySelectorAll('.small-curve').length") >= 2


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)], ids=["phone, dark", "desktop"])
def test_a_search_is_shown_with_its_curve_beside_random_search(browser, server, width, dark):
    browser.open(page(server, "first"), width, dark=dark)
    browser.wait_for(SHOWN)
    assert browser.run("document.documentElement.scrollWidth") <= width and browser.complaints == []
    text = browser.run("document.getElementById('now').innerText")
    assert "exact expectation" in text and "evaluations\n60" in text
    assert browser.run("document.querySelectorAll('#now .line.own, #now .line.random').length") == 4  # with the legend
    assert all(url.startswith(server.base) for url in browser.requests)


def test_the_table_is_ordered_and_filtered_and_saved_as_it_is_shown(browser, server):
    browser.open(page(server, HOSTILE), 1280)
    browser.wait_for(SHOWN)
    values = browser.run(COLUMN.format(2))
    assert values[-6:] == ["–"] * 6 and values[:14] == sorted(values[:14], reverse=True)
    browser.click("[data-sort='1']")
    browser.wait_for("document.querySelector('th[aria-sort=ascending] [data-sort=\"1\"]') !== null")
    sizes = [int(text.replace(",", "")) for text in browser.run(COLUMN.format(3)) if text != "–"]
    assert sizes == sorted(sizes)
    browser.enter("#words", "memory")
    browser.wait_for("document.querySelectorAll('#trials tbody tr').length === 3")
    address = browser.run("document.getElementById('csv').getAttribute('href')")
    saved = list(csv.DictReader(io.StringIO(server.ask(address).text)))
    assert [row["state"] for row in saved] == ["failed"] * 3 and browser.complaints == []
    browser.enter("#words", "")
    browser.choose("#show", "front")
    browser.wait_for("document.querySelectorAll('#trials tbody tr').length < 14")


def test_failures_are_told_with_how_often_and_why(browser, server):
    browser.open(page(server, HOSTILE), 390)
    browser.wait_for(SHOWN)
    told = browser.run("[...document.querySelectorAll('.failures li')].map(e => e.innerText)")
    assert len(told) == 2 and all(text.startswith("3×") for text in told) and f"{HOSTILE} of memory" in "".join(told)
    assert browser.run("document.querySelectorAll('main img').length") == 0 and browser.complaints == []


def test_no_cell_of_the_file_is_a_formula(server):
    saved = server.ask(f"/search/csv?{urlencode({'at': STORE, 'study': HOSTILE})}").text
    assert "'=cmd()" in saved and ",=cmd()" not in saved


def test_several_searches_stand_in_one_chart(browser, server):
    browser.open(f"{server.base}/searches", 1280)
    browser.wait_for(QUIET)
    for name in ("first", "second"):
        browser.click(f"[value='{STORE}|{name}']")
    browser.click("#compare")
    browser.wait_for("location.pathname === '/searches/together' && document.readyState === 'complete'")
    assert browser.run("document.querySelectorAll('.chart .line.l0, .chart .line.l1, .chart .line.random').length") == 3
    assert browser.complaints == []


def test_searches_for_different_things_are_not_compared(server):
    ids = [("id", f"{STORE}|first"), ("id", f"{STORE}|{HOSTILE}")]
    answer = server.ask(f"/searches/together?{urlencode(ids)}")
    assert answer.status == 400 and "objectives" in answer.text


def test_what_another_process_stores_is_shown_while_it_happens(browser, server, folder):
    space = load_space("nasbench201")
    archs = [space.parse(str(number)) for number in range(4)]
    with open_store(folder / "searches" / "live.db") as store:
        store.create(Study("live", "nasbench201", ("params",), ("minimise",), "random", 0))
        store.add("live", archs, 4)
        browser.open(page(server, "live", "searches/live.db"), 1280)
        browser.wait_for("document.getElementById('now').innerText.includes('No evaluation is over yet')")
        store.claim("live", "me")
        browser.wait_for("document.getElementById('state').textContent === 'running'")
        store.finish("live", 0, Evaluation(5.0))
        browser.wait_for("document.querySelector('#now .tiles dd')?.textContent.startsWith('5') ?? false")
        browser.wait_for("!document.getElementById('resume').hidden")
        assert browser.complaints == []


def test_events_are_a_stream(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        words = (
            f"GET /search/events?at={STORE}&study=first HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
        )
        client.sendall(f"{words}\r\n".encode())
        read = b""
        while b"\n\n" not in read.partition(b"data: ")[2]:
            read += client.recv(4096)
    assert b"text/event-stream" in read
    seen = json.loads(read.partition(b"data: ")[2].partition(b"\n\n")[0])
    assert seen["state"] == "ended" and seen["evaluations"] == 60


@pytest.mark.parametrize("at", ["../outside/x.db", "linked/x.db", "/etc/passwd", "runs/good/seal.json", "nothing.db"])
def test_no_store_is_read_from_elsewhere(server, at):
    for path in ("/search", "/search/now", "/search/csv", "/search/trials"):
        assert server.ask(f"{path}?{urlencode({'at': at, 'study': 'first'})}").status == 400


def test_only_what_is_new_is_read_and_a_study_that_was_made_anew_is_read_whole(tmp_path):
    space = load_space("nasbench201")
    archs = space.architectures(space.sample(30, np.random.default_rng(1)))
    studies, file = Studies(), tmp_path / "a.db"
    with open_store(file) as store:
        for made in range(2):
            store.create(Study("mine", "nasbench201", ("params",), ("minimise",), "random", 0))
            own = list(dict.fromkeys(archs[made:]))
            store.add("mine", own, len(own))
            for number in range(len(own) - made):
                store.claim("mine", "me")
                store.finish(
                    "mine", number, Evaluation(float(number)) if number % 3 else Evaluation(None, failure="no")
                )
                if number % 5 == 0:
                    found = studies.now(file, "mine")
                    assert found.over == tuple(store.finished("mine")) and [*found.open] == store.unfinished("mine")
                    assert found.result == Result.of(found.study, tuple(store.trials("mine")))
            store.delete("mine")


def test_studies_that_nobody_looks_at_make_room(tmp_path):
    archs = [load_space("nasbench201").parse(str(number)) for number in range(4)]
    names, file = ("a", "b", "c"), tmp_path / "a.db"
    with open_store(file) as store:
        for name in names:
            store.create(Study(name, "nasbench201", ("params",), ("minimise",), "random", 0))
            store.add(name, archs, 4)
            for number in range(4):
                store.claim(name, "me")
                store.finish(name, number, Evaluation(float(number)))
    studies = Studies(most_trials=8)
    first = {name: studies.now(file, name) for name in names}
    assert studies.now(file, "c") is first["c"] and studies.now(file, "b") is first["b"]
    assert studies.now(file, "a") is not first["a"]  # read anew
    assert Studies(most_trials=1).now(file, "a").over  # one that has too many alone is shown all the same


OWN = """kind = "edge_dag"
nodes = 3
[ops]
none = "archllm.networks.operations:none"
skip = "archllm.networks.operations:skip"
"""


def test_a_search_in_a_custom_space_is_shown_and_goes_on_by_what_its_store_keeps(server, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "own.toml").write_text(OWN)
    search(space="own.toml", objective=["params"], method="random", budget=3, store="own.db", study="mine")
    (folder / "own.toml").write_text(OWN.replace("nodes = 3", "nodes = 4"))
    try:
        assert "was changed since" in server.ask("/search?at=own.db&study=mine").text
        assert "archllm-drawing" in server.ask("/search/now?at=own.db&study=mine", X_Part="1").text
        trials = server.ask("/search/trials?at=own.db&study=mine", X_Part="1").text
        cell = unescape(re.search(r'href="(/cell\?of=study[^"]+)"', trials)[1])
        assert '<option value="study:own.db|mine" selected>' in server.ask(cell).text
        assert "archllm-drawing" in server.ask(cell.replace("/cell?", "/cell/about?"), X_Part="1").text
        assert server.ask("/cell/random?of=study:own.db|nothing&seed=1", X_Part="1").status == 400
        context = Context(UiOptions(folder=folder))
        try:
            options = options_of(context, "own.db", context.studies.study(folder / "own.db", "mine"), 9)
        finally:
            context.close()
        assert (options.space, options.resume, search(options).queries) == (None, True, 8)
    finally:
        for name in ("own.toml", "own.db"):
            (folder / name).unlink()
