"""Searches that are started, stopped and taken up again from the page; no code that is named on it is run."""

from __future__ import annotations

import json
import subprocess

import pytest

from archllm import __version__
from archllm.errors import InvalidInput
from archllm.study.store import Study
from archllm.ui.context import Context
from archllm.ui.jobs import PROGRAM
from archllm.ui.search_start import options_of
from archllm.workflows.options import UiOptions

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


def test_the_class_of_a_space_that_a_store_names_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "bringing.py").write_text("open('ran', 'w')\ndef make():\n    pass\n")
    monkeypatch.chdir(tmp_path)
    study = Study("s", "python:bringing:make", ("params",), ("minimise",), "random", 0)
    context = Context(UiOptions(folder=tmp_path))
    try:
        with pytest.raises(InvalidInput, match="a space of your own"):
            options_of(context, "a.db", study, 10)
    finally:
        context.close()
    assert not (tmp_path / "ran").exists()


def test_a_command_of_the_page_is_ours_whatever_lies_in_the_folder(tmp_path):
    for name in ("archllm", "json", "typing"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')\n")
    said = subprocess.run([*PROGRAM, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == f"archllm {__version__}\n" and not (tmp_path / "ran").exists()
