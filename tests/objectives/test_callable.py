"""A user's own function as an objective."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from archllm.errors import EvaluationFailed, InvalidInput, debugging
from archllm.objectives import Evaluation, load_objective
from archllm.objectives.callable import CallableObjective
from archllm.spaces import SearchSpace


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a module in the working directory, which no other test has."""
    name = f"mine_{abs(hash(request.node.name))}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / f"{name}.py").write_text(
        "TEXT = 'three'\n"
        "def score(arch):\n    return arch.params / 2\n"
        "class Scorer:\n    def __call__(self, arch):\n        return 7\n"
        "    def method(self, arch):\n        return 8\n"
        "scorer = Scorer()\n"
        "twice = lambda arch: 2.0\n"
    )
    return name


def test_a_function_of_the_working_directory_scores_architectures(nasbench201, module):
    objective = load_objective(f"python:{module}:score", nasbench201)
    arch = nasbench201.parse("0")
    found = objective.evaluate(arch)
    assert (found.value, objective.direction, objective.spec) == (129_306 / 2, "maximise", f"python:{module}:score")
    assert found.cost > 0


@pytest.mark.parametrize(("attribute", "value"), [("scorer", 7.0), ("scorer.method", 8.0), ("twice", 2.0)])
def test_anything_that_can_be_called_is_a_function(nasbench201, module, attribute, value):
    objective = load_objective(f"python:{module}:{attribute}", nasbench201)
    for each in (objective, pickle.loads(pickle.dumps(objective))):  # noqa: S301
        assert each.evaluate(nasbench201.parse("0")).value == value


@pytest.mark.parametrize("direction", ["minimise", "maximise"])
def test_the_direction_stands_in_front(nasbench201, module, direction):
    objective = load_objective(f"{direction}:python:{module}:score", nasbench201, time_limit=5.0)
    for each in (objective, pickle.loads(pickle.dumps(objective))):  # noqa: S301
        assert (each.direction, each.spec) == (direction, f"{direction}:python:{module}:score")
        assert each.time_limit == 5.0 and each.foreign


@pytest.mark.parametrize("spec", ["params", "table", "proxy:params"])
def test_any_objective_can_be_turned_round_and_stays_so_in_other_processes(nasbench201, tmp_path, spec):
    (tmp_path / "mine.csv").write_text("arch,score\n0,1.5\n")
    spec = f"table:{tmp_path}/mine.csv/score" if spec == "table" else spec
    usual = load_objective(spec, nasbench201)
    other = "maximise" if usual.direction == "minimise" else "minimise"
    turned = pickle.loads(pickle.dumps(load_objective(f"{other}:{spec}", nasbench201)))  # noqa: S301
    assert (turned.direction, turned.spec) == (other, f"{other}:{spec}")
    assert turned.evaluate(nasbench201.parse("0")).value == usual.evaluate(nasbench201.parse("0")).value


@pytest.mark.parametrize(
    "number",
    [3, 3.0, np.float32(3), np.int64(3), np.array(3.0), torch.tensor(3.0), np.array([3.0]), torch.tensor([[3.0]])],
)
def test_scalars_of_any_library_are_numbers(nasbench201, number):
    assert CallableObjective(nasbench201, lambda arch: number).evaluate(nasbench201.parse("0")).value == 3.0


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("0.5", "returned '0.5', which is no number"),
        (None, "returned None, which is no number"),
        (True, "returned True, which is no number"),
        (np.bool_(True), "which is no number"),
        (torch.tensor(True), "which is no number"),
        (np.zeros(2), "which is no number"),
        (torch.zeros(2), "which is no number"),
        ([1.0], "which is no number"),
        (float("nan"), "the score is nan"),
        (float("-inf"), "the score is -inf"),
        (10**400, "which is no number"),
        (1j, "which is no number"),
        (Evaluation("high"), "returned 'high', which is no number"),  # type: ignore[arg-type]
        (Evaluation(1.0, {"size": "big"}), "returned 'big', which is no number"),  # type: ignore[arg-type, dict-item]
        (Evaluation(float("nan")), "the score is nan"),
    ],
)
def test_what_is_no_finite_number_is_a_failed_evaluation(nasbench201, found, told):
    result = CallableObjective(nasbench201, lambda arch: found).evaluate(nasbench201.parse("0"))
    assert result.value is None and told in (result.failure or "")


@pytest.mark.parametrize("error", [ValueError("no luck"), SystemExit(3), RecursionError(), AssertionError("x")])
def test_whatever_a_function_raises_is_a_failed_evaluation_with_its_name(nasbench201, error):
    def score(arch):
        raise error

    result = CallableObjective(nasbench201, score).evaluate(nasbench201.parse("0"))
    assert result.value is None and f"raised {type(error).__name__}: {error}" in (result.failure or "")
    assert result.cost > 0


FAILING = """
def score(arch):
    return outer(arch)

def outer(arch):
    return middle({"there": 1})

def middle(found):
    return inner(found)

def inner(found):
    return found["missing"]
"""


@pytest.mark.parametrize("debug", [False, True])
def test_the_last_frames_of_a_users_own_are_kept_and_all_are_printed_on_demand(
    nasbench201, tmp_path, monkeypatch, capsys, debug
):
    (tmp_path / "failing_score.py").write_text(FAILING)
    monkeypatch.chdir(tmp_path)
    objective = CallableObjective(nasbench201, "failing_score:score")
    with debugging(debug):
        found = objective.evaluate(nasbench201.parse("0"))
    assert found.failure == (
        "failing_score:score raised KeyError: 'missing' (failing_score.py:12 in inner, failing_score.py:9 in middle, "
        "failing_score.py:6 in outer)"
    )
    printed = capsys.readouterr().err
    assert ("in score" in printed and "KeyError: 'missing'" in printed) == debug


def test_where_a_library_raises_the_users_own_line_is_named(nasbench201):
    def score(arch):
        return json.loads("{")

    found = CallableObjective(nasbench201, score).evaluate(nasbench201.parse("0"))
    assert found.failure is not None and "test_callable.py:" in found.failure and "decoder.py" not in found.failure


def test_a_function_can_say_why_there_is_no_score_and_what_it_cost(nasbench201):
    def score(arch):
        raise EvaluationFailed("too large", 12.0)

    result = CallableObjective(nasbench201, score).evaluate(nasbench201.parse("0"))
    assert (result.value, result.failure, result.cost) == (None, "too large", 12.0)


def test_a_function_can_return_an_evaluation_with_more_figures(nasbench201):
    def score(arch):
        return Evaluation(np.float64(0.5), {"size": np.int64(3)}, {"accuracy": 0.4}, 9.0, {"validation": (0.1, 0.5)})

    arch = nasbench201.parse("0")
    found = CallableObjective(nasbench201, score, "minimise").evaluate(arch)
    assert found == Evaluation(0.5, {"size": 3.0}, {"accuracy": 0.4}, 9.0, {"validation": (0.1, 0.5)})
    assert all(type(value) is float for value in (found.value, found.metrics["size"]))


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("{module}", "written MODULE:NAME"),
        (":score", "written MODULE:NAME"),
        ("{module}:", "written MODULE:NAME"),
        ("{module}:nothing", "there is no nothing in {module}"),
        ("{module}:scorer.nothing", "there is no scorer.nothing in {module}"),
        ("{module}:TEXT", "is neither a function nor a class but 'three'"),
        ("nowhere_at_all:score", "there is no module nowhere_at_all in"),
        ("nowhere_at_all.deep:score", "there is no module nowhere_at_all.deep in"),
        ("broken:score", "broken can't be imported: SyntaxError"),
        ("raising:score", "raising can't be imported: RuntimeError: no licence"),
        ("needy:score", "needy can't be imported: No module named 'nothing_like_it'"),
    ],
)
def test_a_function_that_can_not_be_had_is_refused(nasbench201, module, rest, told):
    Path("broken.py").write_text("def score(:\n")
    Path("raising.py").write_text("raise RuntimeError('no licence')\n")
    Path("needy.py").write_text("import nothing_like_it\n")
    with pytest.raises(InvalidInput, match=told.format(module=module)):
        load_objective(f"python:{rest.format(module=module)}", nasbench201)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_time_limit_is_positive(nasbench201, limit):
    for spec in ("python:math:sqrt", "command:true"):
        with pytest.raises(InvalidInput, match="time limit in seconds must be a number above 0"):
            load_objective(spec, nasbench201, time_limit=limit)


def test_forms_of_a_spec_are_told(nasbench201):
    with pytest.raises(InvalidInput, match=r"python:MODULE:FUNCTION, command:PROGRAM ARGS"):
        load_objective("minimise:nonsense", nasbench201)


def test_spaces_and_architectures_are_pickled_by_name(nasbench201: SearchSpace):
    nasbench201.enumerate(), nasbench201.class_keys(nasbench201.enumerate())  # fills its look-up tables
    arch = nasbench201.parse("5")
    assert len(pickle.dumps(nasbench201)) < 200 and len(pickle.dumps(arch)) < 2_000
    again = pickle.loads(pickle.dumps(arch))  # noqa: S301
    assert again == arch and again.space is nasbench201 and again.text == arch.text
    assert not again.graph.ops.flags.writeable


def test_objectives_are_pickled_without_what_can_be_had_again(nasbench201, tmp_path):
    (tmp_path / "mine.csv").write_text("arch,score\n" + "".join(f"{n},{n / 2}\n" for n in range(5_000)))
    for spec in (f"table:{tmp_path}/mine.csv/score", "proxy:naswot"):
        objective = load_objective(spec, nasbench201)
        content = pickle.dumps(objective)
        assert len(content) < 2_000
        again = pickle.loads(content)  # noqa: S301
        assert again.spec == spec
        arch = nasbench201.parse("5")
        assert again.evaluate(arch).value == objective.evaluate(arch).value


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_what_a_module_starts_while_it_is_imported_ends_with_the_process_that_imports_it(tmp_path: Path) -> None:
    (tmp_path / "starts.py").write_text(
        "import subprocess\n"
        "quiet = subprocess.DEVNULL\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True, stdout=quiet, stderr=quiet)\n"
        "def score(arch):\n    return child.pid\n"
    )
    code = (
        "from archllm.objectives import load_objective\nfrom archllm.spaces import load_space\n"
        "space = load_space('nasbench201')\n"
        "print(load_objective('python:starts:score', space).function(None))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, check=True
    )
    child = Path("/proc") / told.stdout.decode().strip()
    until = time.monotonic() + 30
    while child.exists() and child.joinpath("stat").read_text().split()[2] not in "ZX" and time.monotonic() < until:
        time.sleep(0.02)
    assert time.monotonic() < until
