"""The studies of a store and their trials, from Python and on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from archllm.cli import main
from archllm.errors import InvalidInput, StoreError
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import load_space
from archllm.study.store import Study, open_store
from archllm.workflows.trials import delete_study, export_trials, list_studies


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A run folder whose store holds a finished study and one with an evaluation under way."""
    space = load_space("nasbench201")
    cells = space.architectures(space.enumerate()[:4])
    with open_store(tmp_path / "search.db") as opened:
        for name, scores in (("done", (0.5, 0.9, 0.7)), ("going", (0.1,))):
            opened.create(Study(name, "nasbench201", ("train:digits",), ("maximise",), "gp", 0))
            opened.add(name, cells, 4)
            for number, score in enumerate(scores):
                opened.claim(name, "me")
                opened.finish(name, number, Evaluation(score, test={"accuracy": score / 2}, cost=10.0))
        opened.claim("done", "me")
        opened.finish("done", 3, Evaluation(None, failure="=cmd"))
        opened.claim("going", "me")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_trials_of_all_studies_or_of_one_are_written(store: Path) -> None:
    found = export_trials(store, store / "all.csv")
    assert (found.studies, found.trials) == (("done", "going"), 8)
    with (store / "all.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == ["0.5", "0.9", "0.7", "", "0.1", "", "", ""]
    assert [row["test.accuracy"] for row in rows[:3]] == ["0.25", "0.45", "0.35"] and rows[3]["failure"] == "'=cmd"
    assert export_trials(store / "search.db", store / "one.jsonl", "going").trials == 4


def test_studies_are_listed_with_their_progress(store: Path) -> None:
    done, going = list_studies(store)
    assert done.counts == {"waiting": 0, "running": 0, "complete": 3, "failed": 1} and not done.running
    assert going.counts == {"waiting": 2, "running": 1, "complete": 1, "failed": 0} and going.running
    assert done.cost == 30.0 and done.result.best is not None and done.result.best.values == (0.9,)


def test_a_study_is_deleted_only_when_it_is_said_so_and_nobody_works_on_it(store: Path) -> None:
    with pytest.raises(InvalidInput, match=r"'done' .*\(3 complete, 1 failed\), the best of them 0\.9, .*--yes"):
        delete_study(store, "done")
    with pytest.raises(StoreError, match=r"'going' .* is at work"):
        delete_study(store, "going", sure=True)
    assert len(list_studies(store)) == 2
    delete_study(store, "done", sure=True)
    assert [each.result.study.name for each in list_studies(store)] == ["going"]
    with pytest.raises(StoreError, match="no study 'done'"):
        delete_study(store, "done", sure=True)


@pytest.mark.parametrize(
    ("source", "out", "study", "error", "message"),
    [
        (".", "trials.xlsx", None, InvalidInput, r"\.csv, \.parquet, \.jsonl"),
        (".", "trials.csv", "none", StoreError, "no study 'none'.*it holds done, going"),
        ("none.db", "trials.csv", None, StoreError, "no run folder or store"),
        ("empty", "trials.csv", None, StoreError, r"no search was made .* holds no search\.db or trials\.db"),
        ("memory:", "trials.csv", None, InvalidInput, "ends with its process"),
    ],
)
def test_what_can_not_be_written_is_told_and_nothing_is_made(
    store: Path, source: str, out: str, study: str | None, error: type[Exception], message: str
) -> None:
    (store / "empty").mkdir()
    before = sorted(store.rglob("*.*"))
    with pytest.raises(error, match=message):
        export_trials(source if source == "memory:" else store / source, store / out, study)
    assert sorted(store.rglob("*.*")) == before


def test_the_commands_do_the_same(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trials", str(store), "--study", "done", "--out", str(store / "t.csv"), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document == {"out": str(store / "t.csv"), "studies": ["done"], "trials": 4}
    assert main(["studies", str(store), "--json"]) == 0
    done, going = json.loads(capsys.readouterr().out)
    assert done["best"]["value"] == 0.9 and going["running"] and "test" not in json.dumps(done)
    assert main(["studies", str(store)]) == 0
    assert "1 running" in said(capsys)
    assert main(["studies", str(store), "--delete", "done"]) == 2
    assert "3 complete, 1 failed" in capsys.readouterr().err
    assert main(["studies", str(store), "--delete", "done", "--yes"]) == 0
    assert "deleted study 'done'" in said(capsys)
    assert main(["studies", str(store), "--yes"]) == 2
