"""Searches that are started, stopped and taken up again from the page; no code that is named on it is run."""

from __future__ import annotations

import json

import pytest

STATE = "document.getElementById('state')?.textContent"
START = {"of": "nasbench201", "objectives": ["params"], "method": "random", "budget": 3, "seed": 0, "where": []}


def sent(server, path: str, value: object, **headers: str):
    given = {"Content_Type": "application/json", "Origin": server.base} | headers
    return server.ask(path, "POST", json.dumps(value).encode(), X_Part="1", **given)


def test_a_search_is_started_watched_to_its_end_and_taken_up_again(browser, server, folder):
    browser.open(f"{server.base}/searches/new?of=nasbench201", 1280)
    browser.wait_for("document.querySelectorAll('#objective option').length > 0")
    browser.choose("#objective", "params")
    browser.choose("#method", "random")
    browser.enter("#evaluations", "4")
    browser.enter("#where", "params <= 3e5")
    browser.run("document.querySelector('details').open = true")
    browser.enter("#store", "searches/new.db")
    browser.click("#go")
    browser.wait_for("location.pathname === '/search' && document.getElementById('now') !== null")
    browser.wait_for(f"{STATE} === 'ended' && document.querySelectorAll('#trials tbody tr').length === 4")
    assert "--where 'params <= 3e5'" in browser.run("document.getElementById('log-s').innerText")
    assert (folder / "searches" / "new.db").is_file()
    browser.enter("#budget", "6")
    browser.click("#resume button")
    browser.wait_for(f"{STATE} === 'ended' && document.querySelectorAll('#trials tbody tr').length === 6")
    browser.wait_for("document.getElementById('log').textContent.includes('queries')")
    assert browser.complaints == []


def test_a_search_that_runs_is_stopped_and_what_is_evaluated_is_kept(browser, server):
    asked = START | {"budget": 15_000, "store": "searches/long.db", "method": "evolution", "study": "long"}
    assert sent(server, "/searches/start", asked).status == 200
    again = sent(server, "/searches/start", asked)
    assert again.status == 400 and "still runs" in again.text
    browser.open(f"{server.base}/search?at=searches/long.db&study=long", 390)
    browser.wait_for(f"{STATE} === 'running' && document.querySelector('#trials td') !== null")
    browser.click("#stop")
    browser.wait_for(f"['interrupted', 'ended'].includes({STATE})")
    browser.wait_for("document.getElementById('log').textContent.includes('--resume')")


@pytest.mark.parametrize(
    "changed",
    [
        {"objectives": ["python:os:getcwd"]},
        {"objectives": ["command:id"]},
        {"objectives": ["minimise:command:id"]},
        {"objectives": ["train:/etc"]},
        {"objectives": ["--help"]},
        {"objectives": []},
        {"method": "python:os:path"},
        {"of": "python:os:path"},
        {"of": "file:../outside/x.toml"},
        {"store": "../outside/x.db"},
        {"store": "linked/x.db"},
        {"store": "runs/good/seal.json"},
        {"store": "-x.db"},
        {"study": "--workers"},
        {"study": "<b>"},
        {"budget": 0},
        {"budget": "9"},
        {"where": ["nonsense"]},
        {"where": ["--help"]},
    ],
)
def test_nothing_is_started_that_names_code_or_leads_out_of_the_folder(server, changed):
    answer = sent(server, "/searches/start", START | changed)
    assert answer.status == 400 and 'role="alert"' in answer.text


def test_a_form_of_another_page_starts_nothing(server):
    plain = server.ask("/searches/start", "POST", json.dumps(START).encode(), Content_Type="text/plain", X_Part="1")
    assert plain.status == 400
    assert sent(server, "/searches/start", START, Origin="http://evil.example").status == 403
    assert server.ask("/searches/start", "GET").status == 405


def test_programs_that_a_store_names_are_not_started(server):
    from tests.ui.conftest import HOSTILE

    answer = sent(server, "/search/resume", {"at": "searches/done.db", "study": HOSTILE, "budget": 100})
    assert answer.status == 400 and "program" in answer.text
