"""`archllm search`: its JSON, what it prints, how it is interrupted and goes on."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

from archllm.cli import main
from archllm.objectives.complexity import Complexity

WORDS = ["search", "--space", "nasbench201", "--method", "random", "--budget", "4"]

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(capsys: Capture, *words: str, code: int = 0) -> tuple[str, str]:
    assert main(list(words)) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out, err


def document(capsys: Capture, *words: str, code: int = 0) -> Any:
    return json.loads(called(capsys, *words, "--json", code=code)[0])


def test_json_holds_the_search(capsys, nasbench201):
    found = document(capsys, *WORDS, "--objective", "params", "--seed", "2")
    assert {"space", "objective", "method", "seed", "best", "queries", "seconds", "trials"} <= set(found)
    assert (found["objective"], found["seed"], found["queries"]) == ("params", 2, 4)
    assert {nasbench201.parse(trial["text"]).params for trial in found["trials"]} == {
        trial["value"] for trial in found["trials"]
    }


def test_people_read_the_best_and_where_it_is_kept(capsys):
    out, err = called(capsys, *WORDS, "--objective", "params")
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in out.splitlines())
    assert lines["best"].startswith("|") and float(lines["params"]) > 0 and lines["queries"].startswith("4, ")
    assert lines["kept in"] == "search-nasbench201.db, study random-params-0"
    assert "search     4/4  best " in err


def test_several_objectives_and_requirements_are_named_one_by_one(capsys):
    words = [
        "--objective",
        "params",
        "--objective",
        "maximise:macs",
        "--where",
        "params <= 2e6",
        "--where",
        "macs >= 1",
    ]
    found = document(capsys, *WORDS, *words)
    assert found["objectives"] == ["params", "maximise:macs"] and found["directions"] == ["minimise", "maximise"]
    assert found["front"] and all(len(trial["values"]) == 2 for trial in found["trials"])
    assert "front" in called(capsys, *WORDS, *words, "--store", "b.db")[0]


def test_a_command_line_goes_on_where_it_stopped(capsys):
    first = document(capsys, *WORDS, "--objective", "params", "--store", "a.db")
    words = [*WORDS[:-1], "6", "--objective", "params", "--store", "a.db"]
    assert "go on with it (--resume)" in called(capsys, *words, code=1)[1]
    again = document(capsys, *words, "--resume")
    assert again["trials"][:4] == first["trials"] and again["queries"] == 6


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_search_that_is_interrupted_says_how_to_go_on_and_that_does(capsys, monkeypatch, number, code):
    words = [*WORDS, "--objective", "params", "--where", "params <= 2e6"]
    words += ["--method", "evolution", "--set", "population=5", "--workers", "own"]
    calls: list[int] = []
    evaluate = Complexity.evaluate

    def interrupt(self, arch):
        calls.append(arch.key)
        if len(calls) == 3:
            os.kill(os.getpid(), number)
        return evaluate(self, arch)

    monkeypatch.setattr(Complexity, "evaluate", interrupt)
    _, err = called(capsys, *words, code=code)
    line = next(line for line in err.splitlines() if "Go on with: " in line)
    again = shlex.split(line.partition("Go on with: ")[2])
    assert again[0] == "archllm" and again[-1] == "--resume"
    found = document(capsys, *again[1:])
    assert found["queries"] == 4 and calls[2] == calls[3] and len(set(calls)) == 4


def test_where_no_evaluation_succeeds_the_reason_is_told(capsys):
    words = [*WORDS, "--objective", "command:sh -c 'echo no licence >&2; exit 3'"]
    out, err = called(capsys, *words, code=1)
    assert out == "" and "none of 4 evaluations gave a score" in err and "exit code 3: no licence" in err
    found = document(capsys, *words, "--store", "b.db", code=1)
    assert found["best"] is None and {trial["state"] for trial in found["trials"]} == {"failed"}
    assert "exit code 3: no licence" in found["trials"][0]["failure"]


def test_a_function_of_the_users_prints_beside_the_document(capfd, here):
    (here / "talking_score.py").write_text("def score(arch):\n    print('hello')\n    return arch.params\n")
    for workers in ("own", "1"):
        words = [*WORDS, "--objective", "python:talking_score:score", "--store", f"{workers}.db"]
        assert main([*words, "--workers", workers, "--json"]) == 0
        out, err = capfd.readouterr()
        assert json.loads(out)["queries"] == 4 and "hello" in err


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (["--objective", "parms"], "unknown objective", 2),
        (["--objective", "params", "--where", "params"], "can't read the requirement", 2),
        (["--objective", "params", "--workers", "0"], "workers must be", 2),
        (["--objective", "params", "--store", "no/such/folder/a.db"], "there is no folder", 1),
        (["--objective", "params", "--resume"], "nothing to resume", 1),
        (["--objective", "params", "--store", "notes.txt"], "is not an SQLite file", 1),
        (["--objective", "python:nowhere:score"], "there is no module nowhere", 2),
        ([], "needs at least one objective", 2),
    ],
)
def test_what_can_not_be_done_is_told(capsys, here, words, told, code):
    (here / "notes.txt").write_text("my notes, which are no database at all\n" * 50)
    assert told in called(capsys, *WORDS, *words, code=code)[1]
    assert [path.name for path in here.iterdir()] == ["notes.txt"]
    assert (here / "notes.txt").read_text() == "my notes, which are no database at all\n" * 50
