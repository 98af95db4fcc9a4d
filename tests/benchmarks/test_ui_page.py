"""The load on the local page: each job builds its inputs and runs in small, and the page says what was measured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from benchmarks import ui
from benchmarks.pages import ui as ui_page
from tests.ui.serving import served

pytest.importorskip("starlette")

ABOUT = {"command": "x", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


def arguments(tmp_path: Path, *words: str) -> Any:
    return ui.BENCHMARK.parse(["--folder", str(tmp_path), *words])


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is served by this process, which has its libraries already; no generator is loaded."""

    @contextmanager
    def serving(folder: Path) -> Iterator[ui.Server]:
        with served(folder) as found:
            yield ui.Server(cast(Any, SimpleNamespace(pid=os.getpid())), found.url, 0.1, found.cookie)

    monkeypatch.setattr(ui, "serving", serving)
    monkeypatch.setattr(ui, "PAGES", [path for path in ui.PAGES if "draws" not in path])
    monkeypatch.setattr("archllm.ui.app.warm_up", lambda: None)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("study", ui.STUDIES)
def test_a_study_of_many_trials_is_asked_for_all_that_readers_want(
    tmp_path: Path, study: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(ui, "REPEATS", 2)
    monkeypatch.setattr(ui, "SETTLED", 0.0)
    asked = arguments(tmp_path, "--trials", "150")
    name, job = next((name, job) for name, job in ui.jobs(asked).items() if job.get("study") == study)
    found = ui.prepare(job, asked)()
    assert {title: len(each) for title, each in found["answers"].items() if len(each) != 2} == {"all as CSV": 1}
    text = ui_page.page([{"name": name, **job, **found, "about": ABOUT}])
    assert "## A study of 150 trials" in text and "| filtered by words |" in text


@pytest.mark.usefixtures("near")
def test_clients_get_answers_and_no_errors(tmp_path: Path) -> None:
    asked = arguments(tmp_path, "--clients", "4", "--seconds", "1")
    job = ui.jobs(asked)["clients"]
    found = ui.prepare(job, asked)()
    assert found["errors"] == [] and found["answers"] >= 4 and found["events"] >= 1
    text = ui_page.page([{"name": "clients", **job, **found, "about": ABOUT}])
    assert "no error (met)" in text
    text = ui_page.page([{"name": "clients", **job, **found, "wrong": 2, "memory": [1, 2, 3], "about": ABOUT}])
    assert "no error (missed by 2)" in text and "it grew by 50 %" in text


def test_the_start_is_timed(tmp_path: Path) -> None:
    asked = arguments(tmp_path)
    job = ui.jobs(asked)["start"] | {"times": 1}
    found = ui.prepare(job, asked)()
    assert found["opened"][0] > 0 and "Target: a second" in ui_page.page([{**job, **found, "about": ABOUT}])
