"""What is scored is what is limited, counted, reported and exported; and what was scored once is not scored again."""

from __future__ import annotations

import json
import re
import shlex
import sys
from html import unescape
from pathlib import Path

import pytest

from archllm.cli import main
from archllm.errors import InvalidInput, StoreError
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.train import TrainObjective
from archllm.spaces import load_space
from archllm.study.store import open_store
from archllm.workflows.compare import compare
from archllm.workflows.export import export
from archllm.workflows.report import report
from archllm.workflows.search import search
from archllm.workflows.studies import study_name

CALLS = Path("calls.txt")
MINE = """
from pathlib import Path

SCALE = 1


def score(arch):
    with Path("calls.txt").open("a") as file:
        file.write(f"{arch.key}\\n")
    if arch.key % 7 == 0:
        raise ValueError("no luck")
    return SCALE * (arch.key % 101)
"""


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("scoring_by_key.py").write_text(MINE)


def run(*objectives, **options):
    settings = {"space": "nasbench201", "budget": 6, "method": "random", "store": "a.db"} | options
    return search(objective=objectives, **settings)


def calls() -> list[str]:
    return CALLS.read_text().split() if CALLS.exists() else []


def told(path: Path) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8"))).split())


def table(*scores: int) -> str:
    Path("t.csv").write_text("arch,score\n" + "".join(f"{cell},{score}\n" for cell, score in enumerate(scores)))
    return "table:t.csv/score"


def test_limits_objectives_the_report_and_exports_are_of_one_network():
    options = {"channels": 4, "cells": 1, "num_classes": 3}
    found = run("params", "macs", where=["params <= 6000"], network=options)
    space = load_space("nasbench201")
    setting = space.networks.setting(**options)
    assert found.study.network == vars(setting)
    for trial in found.trials:
        graph = space.parse(trial.text).graph
        sizes = space.networks.params(graph, setting)[0], space.networks.macs(graph, setting)[0]
        assert trial.values == sizes and sizes[0] <= 6000
    best = found.best
    written = export(arch="a.db", to="python", out="best.py").to_json()
    assert (written["params"], written["macs"]) == best.values
    assert (written["study"], written["trial"], written["network"]) == (found.study.name, best.number, vars(setting))
    page = report("a.db").path
    assert "Sizes, here and below, are those of the network with num_classes 3, channels 4" in told(page)
    assert f"{best.values[0]:,.0f} parameters" in told(page)
    command = next(line for line in re.findall(r"<code>(archllm export.*?)</code>", page.read_text("utf-8")))
    assert main([*shlex.split(unescape(command))[1:], "--json"]) == 0


def test_a_study_of_the_papers_network_says_so():
    run("params")
    assert "those of the full-size network of the space's paper: num_classes 10, channels 16" in told(
        report("a.db").path
    )


def test_the_network_stands_on_the_command_line_and_in_files(capsys):
    words = ["search", "--space", "nasbench201", "--objective", "params", "--method", "random", "--budget", "2"]
    assert main([*words, "--network", "channels=4", "cells=2", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    Path("c.toml").write_text('space = "nasbench201"\nobjective = "params"\n[network]\nchannels = 4\ncells = 2\n')
    words = ["search", "--config", "c.toml", "--method", "random", "--budget", "2", "--store", "b.db", "--json"]
    assert main(words) == 0
    second = json.loads(capsys.readouterr().out)
    assert first["network"] == second["network"] and first["network"]["cells"] == 2
    assert [trial["value"] for trial in first["trials"]] == [trial["value"] for trial in second["trials"]]


@pytest.mark.parametrize(
    ("objective", "changes", "difference"),
    [
        ("params", {"network": {"channels": 4}}, "network channels is 16, asked for 4"),
        ("python:scoring_by_key:score", {}, "the code's content differs"),
        ("table", {}, "the table's content differs"),
    ],
)
def test_a_study_is_not_resumed_on_other_networks_code_or_data(monkeypatch, objective, changes, difference):
    spec = table(3, 4, 5) if objective == "table" else objective
    run(spec, budget=2, workers="own")
    table(3, 4, 6)
    Path("scoring_by_key.py").write_text(MINE.replace("SCALE = 1", "SCALE = 20"))
    monkeypatch.delitem(sys.modules, "scoring_by_key", raising=False)
    with pytest.raises(StoreError, match=difference):
        run(spec, budget=3, resume=True, **changes)


def test_a_training_is_resumed_only_with_its_settings(nasbench201):
    config = CandidateTraining(epochs=1, most_images=60)
    run(TrainObjective(nasbench201, "digits", config), budget=1)
    again = TrainObjective(nasbench201, "digits", CandidateTraining(epochs=2, most_images=60))
    with pytest.raises(StoreError, match="epochs is 1, asked for 2"):
        run(again, budget=2, resume=True)
    with pytest.raises(StoreError, match="network channels is 8, asked for 4"):
        run(TrainObjective(nasbench201, "digits", config).with_network({"channels": 4}), budget=2, resume=True)
    assert run(TrainObjective(nasbench201, "digits", config), budget=2, resume=True).queries == 2


def test_an_architecture_is_evaluated_once_for_all_searches_of_a_comparison():
    found = compare(
        space="nasbench201",
        objective="python:scoring_by_key:score",
        methods=["random", "other=random", "evolution"],
        seeds=2,
        budget=6,
        out="out",
        workers="own",
    )
    failed = [key for key in calls() if int(key) % 7 == 0]
    scored = [key for key in calls() if int(key) % 7]
    assert len(scored) == len(set(scored)) and len(failed) >= len(set(failed))  # a failure may be the machine's
    by_name = {each.method: each for each in found.comparison.methods}
    assert by_name["other"].reused >= 12 - len(failed) and by_name["random"].reused < 12
    assert by_name["other"].final == by_name["random"].final
    document = json.loads(Path("out/comparison.json").read_text())
    assert document["methods"]["other"]["reused"] == by_name["other"].reused
    page = Path("out/comparison.md").read_text()
    assert "taken from another search, not made again" in page and "measured once for all searches" in page
    assert "reused from" in Path("out/trials.csv").read_text().splitlines()[0]


def test_searches_of_one_store_share_evaluations_and_say_so():
    first = run("python:scoring_by_key:score", workers="own")
    before = len(calls())
    again = run("python:scoring_by_key:score", study="again", workers="own")
    failed = again.failed
    assert len(calls()) == before + failed and again.reused == 6 - failed
    assert [trial.values for trial in again.trials] == [trial.values for trial in first.trials]
    document = again.to_json()
    assert document["reused"] == again.reused and document["reused_cost"] <= document["cost"]
    assert {trial["reused_from"] for trial in document["trials"] if trial["state"] == "complete"} == {first.study.name}
    run("python:scoring_by_key:score", study="anew", workers="own", reuse=False)
    assert len(calls()) == before + failed + 6


def test_functions_that_can_not_be_told_apart_share_nothing():
    seen: list[int] = []

    def scoring(factor: list[int]):
        def score(arch) -> float:
            seen.append(arch.key)
            return float(factor[0])

        return score

    one, two = scoring([1]), scoring([2])
    run(one, store="b.db")
    assert run(two, store="b.db", study="two").values.tolist() == [[2.0]] * 6 and len(seen) == 12


def test_two_objectives_with_one_seed_fit_in_one_store():
    run("params")
    run("macs")
    run("maximise:params")
    with open_store("a.db") as store:
        names = [study.name for study in store.studies()]
    assert names == ["random-params-0", "random-macs-0", "random-maximise-params-0"]


def test_the_name_of_a_study_is_short_plain_and_its_own():
    long = [f"command:sh -c 'python score.py {'x' * 90} {number}'" for number in range(2)]
    names = [study_name("gp", [each], 3) for each in long]
    assert len(set(names)) == 2 and all(re.fullmatch(r"gp-[\w.=-]{1,60}-3", name) for name in names)


LISTED = """
from dataclasses import dataclass

from archllm.config import Settings
from archllm.searchers.uniform import RandomSearch


@dataclass(frozen=True, kw_only=True)
class Listed(Settings):
    sizes: tuple[int, ...] = ()


class ListedSearch(RandomSearch):
    name = "listed"
    options_class = Listed
"""


def test_a_comparison_with_a_list_among_its_options_is_resumed():
    Path("a_listed_search.py").write_text(LISTED)
    words = {"space": "nasbench201", "objective": "params", "seeds": 1, "out": "out"}
    words |= {"methods": ["listed=python:a_listed_search:ListedSearch"], "options": ["listed.sizes=1,2"]}
    compare(budget=3, **words)
    assert compare(budget=4, resume=True, **words).comparison.budget == 4
    with pytest.raises(StoreError, match=r"options is {'sizes': \[1, 2\]}, asked for {'sizes': \[1, 3\]}"):
        compare(budget=4, resume=True, **words | {"options": ["listed.sizes=1,3"]})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a.db:gone", StoreError, "no study 'gone'"),
        ("a.db:random-params-0:77", StoreError, "no trial 77; it has 6, from 0"),
        ("none.db:x", InvalidInput, "no store that is there"),
    ],
)
def test_a_trial_that_is_not_there_is_named(text, error, message):
    run("params")
    with pytest.raises(error, match=message):
        export(arch=text, to="python", out="best.py")
    assert not Path("best.py").exists()


def test_names_with_colons_and_numbers_are_found():
    run("params", study="mine:7")
    run("params", study="mine:7:0", seed=1)
    by_name = export(arch="a.db:mine:7", to="python", out="best.py").to_json()
    assert by_name["study"] == "mine:7"
    assert export(arch="a.db:mine:7:0", to="python", out="best.py").to_json()["study"] == "mine:7:0"
    third = export(arch="sqlite:///a.db:mine:7:3", to="python", out="best.py").to_json()
    assert (third["study"], third["trial"]) == ("mine:7", 3)


def test_an_export_says_where_it_is_not_what_was_scored(capsys):
    run("params", network={"channels": 4})
    assert main(["export", "a.db", "--to", "python", "--out", "best.py", "--num-classes", "5"]) == 0
    assert "not the network that was scored: num_classes 5" in " ".join(capsys.readouterr().out.split())


def test_a_search_of_score_and_size_takes_over_the_scores_of_one_of_the_score():
    spec = "python:scoring_by_key:score"
    first = run(spec, workers="own")
    before = len(calls())
    both = run("params", spec, workers="own", network={"channels": 4})
    assert both.reused == 6 - both.failed and len(calls()) == before + both.failed
    space = load_space("nasbench201")
    setting = space.networks.setting(channels=4)
    for trial, alone in zip(both.trials, first.trials, strict=True):
        if alone.values is not None:
            assert trial.values == (space.networks.params(space.parse(trial.text).graph, setting)[0], *alone.values)
