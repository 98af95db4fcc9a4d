"""What stands for an objective: a spec, a function, a class, an installed plug-in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from archllm import plugins
from archllm.errors import InvalidInput
from archllm.objectives import Evaluation, Objective, as_objective, load_objective
from archllm.spaces import Architecture, SearchSpace


class Halved(Objective):
    spec, direction = "halved", "minimise"

    def __init__(self, space: SearchSpace, by: str = "2") -> None:
        self.space, self.by = space, float(by)

    def _evaluate(self, arch: Architecture) -> Evaluation:
        return Evaluation(arch.params / self.by)


def half(arch: Architecture) -> float:
    return arch.params / 2


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Entry points as an installed package would have them."""
    places = {"halved": f"{__name__}:Halved", "half": f"{__name__}:half"}
    entries = [EntryPoint(name, where, "archllm.objectives") for name, where in places.items()]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: entries if group == "archllm.objectives" else []
    )
    plugins._announced.cache_clear()
    yield
    plugins._announced.cache_clear()


def test_a_function_a_class_an_objective_and_a_spec_all_serve(nasbench201: SearchSpace) -> None:
    own = Halved(nasbench201)
    assert as_objective(own, nasbench201) is own
    for what in (half, lambda arch: arch.params / 2, Halved, own, f"python:{__name__}:half"):
        assert as_objective(what, nasbench201).evaluate(nasbench201.parse("0")).value == 129_306 / 2
    assert as_objective("params", nasbench201).spec == "params"


def test_a_direction_can_be_given(nasbench201: SearchSpace) -> None:
    assert as_objective(half, nasbench201).direction == "maximise"
    assert as_objective(half, nasbench201, direction="minimise").direction == "minimise"
    assert as_objective("params", nasbench201, direction="maximise").spec == "maximise:params"
    with pytest.raises(InvalidInput, match="halved is to be minimised"):
        as_objective(Halved(nasbench201), nasbench201, direction="maximise")


def test_what_is_no_objective_is_refused(nasbench201: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match=r"a spec .*, an Objective or a function, got 3"):
        as_objective(3, nasbench201)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="did you mean 'params'"):
        as_objective("param", nasbench201)


@pytest.mark.parametrize(
    ("found", "value", "failure"),
    [
        ({"value": 0.5, "metrics": {"size": 3}, "cost": 2.0}, 0.5, None),
        ({"value": None, "failure": "too large"}, None, "too large"),
        ({"metrics": {}}, None, "without a value"),
        ({"value": 0.5, "metric": {}}, None, "did you mean 'metrics'"),
        ({"value": 0.5, "metrics": 3}, None, "returned"),
        ({"value": 0.5, "curves": {"loss": 3}}, None, "returned"),
        (Evaluation((1.0, 2.0)), None, "one score, got 2"),
    ],
)
def test_a_function_can_return_a_dictionary(nasbench201, found: Any, value: float | None, failure: str | None) -> None:
    result = as_objective(lambda arch: found, nasbench201).evaluate(nasbench201.parse("0"))
    assert result.value == value and (failure or "") in (result.failure or "")
    if value is not None:
        assert result.metrics == {"size": 3.0} and result.cost == 2.0


@pytest.mark.usefixtures("announced")
def test_installed_packages_announce_objectives(nasbench201: SearchSpace) -> None:
    arch = nasbench201.parse("0")
    for spec, value, direction in (
        ("halved", 129_306 / 2, "minimise"),
        ("halved:4", 129_306 / 4, "minimise"),
        ("half", 129_306 / 2, "maximise"),
        ("minimise:half", 129_306 / 2, "minimise"),
    ):
        found = load_objective(spec, nasbench201)
        assert (found.evaluate(arch).value, found.direction, found.spec) == (value, direction, spec)
        assert found.foreign


def test_a_class_in_a_module_is_an_objective_too(nasbench201: SearchSpace) -> None:
    found = load_objective(f"python:{__name__}:Halved", nasbench201, time_limit=5.0)
    assert isinstance(found, Halved) and found.time_limit == 5.0 and found.spec == f"python:{__name__}:Halved"


def test_a_function_may_import_its_neighbours_when_it_is_called(nasbench201, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "late_neighbour.py").write_text("VALUE = 7.0\n")
    text = "def score(arch):\n    from late_neighbour import VALUE\n    return VALUE\n"
    (tmp_path / "late_scores.py").write_text(text)
    assert load_objective("python:late_scores:score", nasbench201).evaluate(nasbench201.parse("0")).value == 7.0
