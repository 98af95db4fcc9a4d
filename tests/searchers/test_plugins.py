"""A user's searcher and predictor work wherever the name of a built-in one does."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from archllm import plugins
from archllm.cli import main
from archllm.errors import InvalidInput
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher, searcher_class, searcher_name, searcher_names, searcher_options
from archllm.spaces import SearchSpace

MODULE = '''
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from archllm.config import Bounds, Settings
from archllm.predictor import Prediction, Predictor
from archllm.searchers.base import Searcher


@dataclass(frozen=True)
class MyOptions(Settings):
    """Options of my search."""

    last: Annotated[int, Bounds(1, 100)] = 1
    """How far from the end of the space it begins."""


class MySearch(Searcher):
    """Goes through the space from its end."""

    name = "mine"
    options_class = MyOptions
    options: MyOptions

    def _propose(self, rng):
        rows = self._unknown_rows()
        return self._member(int(rows[-self.options.last]))


class MyPredictor(Predictor):
    """Expects of each cell the sum of its features."""

    def _fit(self, features, values, seed):
        pass

    def _predict(self, features):
        return Prediction(features.values.sum(1).astype(float), np.ones(len(features)))


def not_a_class():
    return None
'''


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module `my_search_plugin` in the working directory."""
    (tmp_path / "my_search_plugin.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("my_search_plugin", None)


SEARCH = ["search", "--space", "nasbench201", "--objective", "params", "--budget", "4", "--json", "--store", "memory:"]
MINE = "python:my_search_plugin:MySearch"


def trials(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main([*SEARCH, *words]) == 0
    return [trial["text"] for trial in json.loads(capsys.readouterr().out)["trials"]]


def test_a_searcher_of_ones_own_is_named_on_the_command_line_and_has_options(
    nasbench201: SearchSpace, capsys: pytest.CaptureFixture[str]
) -> None:
    domain = Domain(nasbench201)
    last = nasbench201.architectures(domain.enumerate()[-4:])
    assert trials(capsys, "--method", MINE) == [arch.text for arch in reversed(last)]
    assert trials(capsys, "--method", MINE, "--set", "last=4")[0] == last[0].text


def test_a_comparison_takes_it_beside_a_built_in_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "--space", "nasbench201", "--objective", "params", "--seeds", "1", "--budget", "3"]
    assert main([*words, "--methods", "random", MINE, "--out", "compared", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["methods"]) == {"random", "MySearch"}


@pytest.mark.parametrize("method", ["gp", "ensemble"])
def test_a_predictor_of_ones_own_ranks_candidates(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--method", method, "--set", "initial=2", "random=50", "predictor=python:my_search_plugin:MyPredictor"]
    assert len(set(trials(capsys, *words))) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "python:my_search_plugin:Nothing"], "there is no Nothing in my_search_plugin"),
        (["--method", "python:my_search_plugin:not_a_class"], "must be a subclass of archllm's Searcher"),
        (["--method", "python:nowhere_at_all:MySearch"], "there is no module nowhere_at_all"),
        (["--method", MINE, "--set", "last=0"], "last must be a whole number from 1 to 100, got 0"),
        (["--method", MINE, "--set", "lost=2"], "did you mean 'last'"),
        (["--method", "gp", "--set", "predictor=gausian"], "did you mean 'gaussian'"),
        (["--method", "gp", "--set", f"predictor={MINE}"], "must be a subclass of archllm's Predictor"),
    ],
)
def test_what_is_wrong_with_a_plugin_is_said(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SEARCH, *words]) != 0
    assert message in " ".join(capsys.readouterr().err.split())


def test_the_class_itself_will_do_in_python(nasbench201: SearchSpace) -> None:
    kind = searcher_class(MINE)
    searcher = build_searcher(kind, Domain(nasbench201), 0, last=2)
    assert type(searcher) is kind and len(searcher.ask(2)) == 2
    assert searcher_name(kind) == searcher_name(MINE) == MINE
    assert searcher_name(searcher_class("latent")) == "latent"
    with pytest.raises(InvalidInput, match="must be a subclass"):
        searcher_class(int)  # type: ignore[arg-type]


def test_an_installed_package_announces_a_searcher(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("theirs", "my_search_plugin:MySearch", "archllm.searchers")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [entry] if group == "archllm.searchers" else []
    )
    plugins._announced.cache_clear()
    try:
        assert searcher_names()[-1] == "theirs" and searcher_options("theirs").__name__ == "MyOptions"
    finally:
        plugins._announced.cache_clear()
