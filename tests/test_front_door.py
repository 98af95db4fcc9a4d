"""`import archllm`: the words a user would try, with functions, classes and lists where the command line has specs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import archllm
from archllm.config import Settings
from archllm.errors import InvalidInput


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def size(arch: archllm.Architecture) -> float:
    return -float(arch.params)


@pytest.mark.parametrize("name", archllm.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name):
    assert getattr(archllm, name).__doc__
    assert name in dir(archllm)


def test_importing_it_loads_neither_numpy_nor_torch():
    code = "import sys, archllm; sys.exit(bool({'numpy', 'torch', 'tyro'} & set(sys.modules)))"
    source = str(Path(archllm.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": source})


def test_options_need_neither_numpy_nor_torch():
    code = "import sys, archllm.workflows.options; sys.exit(bool({'numpy', 'torch', 'tyro'} & set(sys.modules)))"
    source = str(Path(archllm.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": source})


@pytest.mark.parametrize("objective", [size, lambda arch: -float(arch.params), "params"])
def test_a_search_takes_a_function_a_lambda_or_a_spec(objective):
    found = archllm.search(space="nasbench201", objective=objective, budget=6, method="random", workers="own")
    best = found.best
    assert best is not None
    assert abs(best.values[0]) == min(abs(trial.values[0]) for trial in found.trials)


def test_a_search_takes_several_objectives_of_any_kind():
    space = archllm.load_space("nasbench201")
    goals = [size, archllm.load_objective("macs", space)]
    found = archllm.search(space=space, objective=goals, budget=6, method="random", workers="own")
    assert len(found.study.objectives) == 2 and found.front


def test_options_come_whole_by_keyword_or_both():
    options = archllm.SearchOptions(space="nasbench201", objective="params", budget=3, method="random")
    found = archllm.search(options, seed=5)
    assert (found.queries, found.study.seed) == (3, 5)


def test_a_comparison_and_a_report_are_one_call_each():
    found = archllm.compare(
        space="nasbench201", objective="params", methods=["random", "largest"], seeds=2, budget=4, out="compared"
    )
    assert {each.method for each in found.comparison.methods} == {"random", "largest"}
    assert archllm.report("compared/trials.db").path.is_file()


def test_a_result_that_is_in_memory_can_be_reported_too():
    found = archllm.search(space="nasbench201", objective=size, budget=4, method="random", workers="own")
    page = archllm.report(found, out="mine.html").path.read_text(encoding="utf-8")
    assert found.best.text in page and found.to_json()["queries"] == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"budgt": 3}, "SearchOptions has no setting 'budgt'; did you mean 'budget'"),
        ({"budget": 0}, "budget must be a whole number of at least 1, got 0"),
        ({"budget": 3, "space": 4}, "a space is named, or a SearchSpace, got 4"),
        ({}, "SearchOptions needs budget"),
        ({"budget": 3, "progress": "loud"}, "there is no progress 'loud'"),
    ],
)
def test_what_can_not_be_used_is_told(words, told):
    with pytest.raises(InvalidInput, match=told):
        archllm.search(**{"space": "nasbench201", "objective": "params", "method": "random"} | words)


def test_all_options_are_checked_settings():
    for name in archllm.__all__:
        if name.endswith(("Options", "Config")):
            assert issubclass(getattr(archllm, name), Settings)


def test_a_model_and_its_architectures_show_themselves():
    parts = {"tokenizer": {"kind": "plain"}, "prior": {"kind": "marginal"}}
    model = archllm.train("nasbench201", archllm.TrainConfig.from_mapping(parts))
    cells = model.generate(20, novel=True)
    assert len(repr(model)) < 200 and "nasbench201" in model._repr_html_()
    assert repr(cells).startswith("<20 architectures of nasbench201: |") and repr(cells).endswith("…>")
    assert cells._repr_html_().count("<svg") == 12
    assert np.array_equal(model.tokenizer.encode(cells), model.tokenizer.encode(cells.graphs))
    assert np.array_equal(model.tokenizer.embed(cells[:4]), model.tokenizer.embed(cells[:4].graphs))
    with pytest.raises(InvalidInput, match="an architecture of nasbench201 is needed"):
        model.tokenizer.encode([archllm.load_space("nats-size").parse("64:64:64:64:64")])


def test_progress_is_shown_when_asked_for(capsys):
    archllm.search(space="nasbench201", objective="params", budget=3, method="random", progress=True)
    assert "search     3/3" in capsys.readouterr().err
    archllm.search(space="nasbench201", objective="params", budget=3, method="random")
    assert capsys.readouterr().err == ""
