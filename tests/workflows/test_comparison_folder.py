"""Reports of comparison folders: what they show, and that a folder from anybody is read or refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from archllm.cli import main
from archllm.errors import ArchLLMError, RunFolderError
from archllm.study.store import open_store
from archllm.workflows.compare import compare
from archllm.workflows.comparison_folder import read_comparison
from archllm.workflows.report import report

HOSTILE = '</script><script>alert("1")</script><img src=x onerror=alert(2)> & \'"'


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A comparison of two methods on a small table, and the table."""
    folder = tmp_path_factory.mktemp("compared")
    lines = [f"{cell},{cell % 997}\n" for cell in range(0, 15_000, 500)]
    (folder / "few.csv").write_text("arch,score\n" + "".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        goal = ["table:few.csv/score"]
        compare(methods=["random", "largest"], space="nasbench201", objective=goal, seeds=2, budget=5, out="out")
    return folder


@pytest.fixture
def out(made) -> Path:
    """A copy of it here, to be changed."""
    shutil.copy(made / "few.csv", "few.csv")
    return Path(shutil.copytree(made / "out", "out"))


def change(out: Path, **noted: object) -> None:
    path = out / "comparison.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | noted))


def text_of(path: Path) -> str:
    page = re.sub(r"<(style|script)>.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<wbr>|<[^>]+>", lambda tag: "" if tag[0] == "<wbr>" else " ", page)).split())


def test_it_reads_what_was_compared(out):
    found, searches, about, space = read_comparison(out, None, {})
    assert found.to_json()["methods"] == json.loads((out / "comparison.json").read_text())["methods"]
    assert found.optimum == 542 and found.random is not None and space.name == "nasbench201"
    assert [(each.method, each.seed) for each in searches] == [
        ("random", 0),
        ("random", 1),
        ("largest", 0),
        ("largest", 1),
    ]
    assert about.command.startswith("archllm compare ") and about.without_random == ""
    assert any(check.name == "One space for all" and check.done for check in about.checklist)


def test_the_page_has_curves_a_table_ranks_and_the_checklist(out, capsys):
    assert main(["report", "out", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["comparison"] and document["out"] == "out/report.html"
    told = text_of(out / "report.html")
    for expected in (
        "Search methods on nasbench201",
        "2 methods, 2 seeds each, 5 evaluations a search",
        "score in the table few.csv",
        "random search, exact expectation",
        "Mean ± standard deviation over 2 seeds",
        "mean rank",
        "One budget for all",
        "To be answered by you",
        "arXiv:2503.22063",
    ):
        assert expected in told


def test_a_table_that_is_gone_leaves_the_optimum_and_says_why_random_search_is_not_shown(out):
    Path("few.csv").unlink()
    assert report(out).comparison.optimum == 542
    assert "There is no curve of random search: its table can't be read here" in text_of(out / "report.html")


def test_a_folder_of_an_older_version_has_no_checklist_and_says_so(out):
    path = out / "comparison.json"
    noted = json.loads(path.read_text())
    del noted["checklist"]
    path.write_text(json.dumps(noted))
    assert "it was written by an older version" in text_of(report(out).path)


def test_several_objectives_are_shown_by_hypervolume(made):
    shutil.copy(made / "few.csv", "few.csv")
    goals = ["table:few.csv/score", "params"]
    compare(methods=["random", "evolution"], space="nasbench201", objective=goals, seeds=1, budget=4, out="two")
    told = text_of(report("two").path)
    assert "hypervolume, share of the box" in told and "no curve of random search" not in told


def test_whatever_it_notes_is_only_ever_text(out):
    checks = [{"done": True, "name": HOSTILE, "told": HOSTILE}]
    change(out, command=HOSTILE, checklist=checks, pre_training={"random": 3.0, HOSTILE: 1.0})
    page = report(out).path.read_text(encoding="utf-8")
    assert "<img" not in page and page.count("<script") == 1 and page.count("</script>") == 1
    assert text_of(out / "report.html").count("alert") == 6  # twice each


@pytest.mark.parametrize(
    "noted",
    [
        {"budget": 0},
        {"budget": "many"},
        {"budget": None},
        {"budget": float("inf")},
        {"budget": 10**400},
        {"methods": 7},
        {"methods": []},
        {"methods": ["random", "absent"]},
        {"methods": [str(number) for number in range(5000)], "seeds": list(range(50_000))},
        {"seeds": "ab"},
        {"seeds": [[0]]},
        {"seeds": [9]},
        {"optimum": float("nan")},
        {"optimum": "best"},
        {"pre_training": [1]},
        {"pre_training": {"random": float("inf")}},
        {"checklist": 3},
        {"checklist": ["yes"]},
        {"checklist": [{"done": True}]},
    ],
    ids=lambda noted: re.sub(r"\W+", "-", str(noted))[:40],
)
def test_notes_that_are_none_of_ours_are_refused_with_the_file(out, noted):
    change(out, **noted)
    with pytest.raises(RunFolderError, match=r"comparison\.json"):
        report(out)


@pytest.mark.parametrize("text", ["", "[]", "null", "3", "{" * 100_000, '{"budget": 5}', "\udcff"])
def test_files_that_are_no_such_notes_are_refused(out, text):
    (out / "comparison.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RunFolderError, match=r"comparison\.json"):
        report(out)


def test_more_evaluations_than_were_made_cost_no_time(out):
    change(out, budget=10**15)
    assert "There is no curve of random search: no search used its budget" in text_of(report(out).path)


def test_searches_of_different_objectives_are_no_comparison(out):
    with open_store(out / "trials.db") as store:
        other = store.study("random-0")
        store.delete("largest-1")
        store.create(replace(other, name="largest-1", objectives=("params",), directions=("minimise",)))
    with pytest.raises(RunFolderError, match="of different spaces or objectives"):
        report(out)


def test_links_that_lead_out_of_the_folder_are_not_followed(out):
    (out / "comparison.json").rename("elsewhere.json")
    (out / "comparison.json").symlink_to(Path("elsewhere.json").absolute())
    with pytest.raises(RunFolderError, match="leads out of the folder"):
        report(out)


def test_a_store_that_is_none_is_refused(out):
    (out / "trials.db").write_bytes(b"no database at all" * 99)
    with pytest.raises(ArchLLMError, match=r"trials\.db"):
        report(out)
