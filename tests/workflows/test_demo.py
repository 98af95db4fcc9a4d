"""The demo, shrunk: what it leaves behind, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from archllm.errors import BudgetExhausted, InvalidInput, RunFolderError
from archllm.generation.config import TrainConfig
from archllm.generation.generator import load
from archllm.objectives import Evaluation
from archllm.prior.config import PriorConfig
from archllm.spaces import Architecture
from archllm.tokenizer.config import TokenizerConfig
from archllm.workflows import demo as module
from archllm.workflows.demo import GENERATED, Demo, Match, Scope, SearchPlan, _new_cells, demo

SHORT = TrainConfig(
    tokenizer=TokenizerConfig(kind="plain"), prior=PriorConfig(width=16, layers=1, heads=2, steps=30, batch=64)
)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Demo, list[str]]:
    stages: list[str] = []
    out = tmp_path_factory.mktemp("runs") / "demo"
    result = demo(
        out=out,
        seed=1,
        scope=Scope(config=SHORT, draws=(50, 80), seeds=(0, 1), plan=SearchPlan("params", 4, "own")),
        progress=lambda event: stages.append(event.stage),
    )
    return result, stages


def test_it_leaves_a_run_folder_with_figures_evaluation_and_new_cells(done):
    result, _ = done
    names = {path.name for path in result.out.iterdir()}
    assert {"config.toml", "tokenizer.json", "prior", "figures", "train.jsonl", "evaluation.json", "cells.txt"} <= names
    assert (result.out / "figures" / "cells.svg").exists()
    assert [path.name for path in result.out.parent.iterdir()] == ["demo"]
    model = load(result.out)
    assert model.seed == 1
    cells = [model.space.parse(line) for line in (result.out / "cells.txt").read_text().splitlines()]
    assert cells == result.cells
    assert not {cell.key for cell in cells} & set(model.training_keys.tolist())


def test_it_measures_at_each_number_of_draws(done):
    result, _ = done
    kept = json.loads((result.out / "evaluation.json").read_text())
    assert [each["n"] for each in kept["evaluations"]] == [50, 80]
    assert kept["evaluations"] == [each.to_json() for each in result.evaluations]
    assert {"run", "reconstruction", "evaluations", "architectures"} <= set(result.to_json())


def test_its_listener_hears_of_every_stage_in_order(done):
    _, stages = done
    assert list(dict.fromkeys(stages)) == ["prior", "evaluate", "export", "search", "random"]


def test_it_ends_with_a_new_cell_as_a_network_that_runs_on_its_own(done):
    result, _ = done
    assert result.exported == result.out / "cell.py"
    ran = subprocess.run([sys.executable, str(result.exported)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"{result.cells[0].params:,} parameters")


def test_it_searches_beside_random_search_and_shows_both_on_a_page(done):
    result, _ = done
    assert [each.queries for each in (result.match.own, result.match.random)] == [4, 4]
    assert result.match.random.study.method == "random" != result.match.own.study.method
    document = result.to_json()["search"]
    assert document["budget"] == 4 and {result.match.own.study.method, "random", "objective"} <= set(document)
    assert result.report == result.out / "report.html"
    page = result.report.read_text(encoding="utf-8")
    assert "random search" in page and "Map of the codebook" not in page  # the tokenizer of this one learned nothing


def test_it_says_who_was_better_whoever_it_was(done):
    own, random = done[0].match.own, done[0].match.random
    best, worst = (
        dataclasses.replace(own.best, evaluation=Evaluation(value)) for value in (1.0, 9.0)
    )  # less is better

    def said(mine, theirs) -> str:
        return Match(dataclasses.replace(own, best=mine), dataclasses.replace(random, best=theirs)).lines()[-1]

    name = own.study.method
    assert said(best, worst).startswith(f"{name} found the better score")
    assert said(worst, best).startswith("random found the better score")
    assert said(best, best).startswith("Both found the same score")
    assert "no evaluation of one of the two searches" in said(None, best)


def test_without_the_extras_of_a_search_it_does_the_rest_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "missing_extras", lambda: ["images", "search"])
    result = demo(out=tmp_path / "demo", scope=Scope(config=SHORT, draws=(30,), seeds=(0,)))
    assert result.match is None and result.report is None and result.missing == ("images", "search")
    assert result.to_json()["search"] is None and result.cells


def test_the_folder_of_an_earlier_demo_is_replaced(done):
    result, _ = done
    again = demo(out=result.out, seed=2, scope=Scope(config=SHORT, draws=(30,), seeds=(0,), plan=None))
    assert load(again.out).seed == 2


@pytest.mark.parametrize("content", ["", "{}", '{"command": "mine"}', "[]"])
def test_another_folder_is_left_alone(tmp_path, content):
    (tmp_path / "evaluation.json").write_text(content)
    with pytest.raises(RunFolderError, match="earlier demo"):
        demo(out=tmp_path, scope=Scope(config=SHORT))
    assert (tmp_path / "evaluation.json").read_text() == content


def test_an_interrupted_demo_leaves_nothing(tmp_path):
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo(out=tmp_path / "demo", scope=Scope(config=SHORT), progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_seed_is_checked_before_anything_is_written(tmp_path):
    with pytest.raises(InvalidInput, match="seed"):
        demo(out=tmp_path / "demo", seed=-1, scope=Scope(config=SHORT))
    assert list(tmp_path.iterdir()) == []


def test_cells_called_new_are_none_of_those_trained_on_even_when_few_can_be_found(done, monkeypatch):
    model = done[0].model

    def exhausted(*_: object, **__: object) -> list[Architecture]:
        raise BudgetExhausted("none left", found=0, drawn=0)

    monkeypatch.setattr(model, "generate", exhausted)
    new = _new_cells(model, seed=0)
    trained = set(np.unique(model.space.keys(model.cells.train)).tolist())
    drawn = {arch.key for arch in model.sample(20 * GENERATED, raw=True, seed=0).architectures if arch is not None}
    assert drawn & trained  # there was something to leave out
    assert {arch.key for arch in new} <= drawn - trained
    assert len(new) == min(GENERATED, len(drawn - trained))
