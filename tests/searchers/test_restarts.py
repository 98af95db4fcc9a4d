"""A search that is stuck among the neighbours of its best begins anew elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from archllm.objectives.evaluation import Evaluation
from archllm.searchers import bayesian, sequence
from archllm.searchers.candidates import around
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher
from archllm.searchers.restarts import Progress, Restarts
from archllm.spaces import Architecture, load_space


def test_with_several_objectives_what_no_other_dominates_is_an_improvement() -> None:
    progress = Progress()
    assert progress.add((1.0, 3.0)) and progress.add((2.0, 2.0)) and progress.add((0.0, 9.0))
    assert not progress.add((1.0, 2.0)) and not progress.add(None) and progress.fruitless == 2
    assert progress.add((3.0, 3.0)) and progress.fruitless == 0


def test_an_initial_design_is_not_for_improving_on_itself() -> None:
    restarts = Restarts(patience=2, design=4)
    for value in (9.0, 1.0, 1.0, 1.0, 1.0):
        restarts.learn((value,), 9)
    assert restarts.began == 0
    restarts.learn(None, 9)
    assert restarts.began == 6


def test_without_patience_there_are_none() -> None:
    restarts = Restarts(patience=0)
    for _ in range(100):
        restarts.learn((1.0,), 9)
    assert restarts.began == 0


OPTIONS: dict[str, dict[str, Any]] = {
    "gp": {"initial": 2, "ranked": "near", "random": 20, "restart": 3},
    "sequence": {"initial": 2, "restart": 3, "learn": False, "candidates": "drawn", "replay": 200, "steps": 5},
}


@pytest.mark.parametrize("method", OPTIONS)
def test_parents_are_the_best_since_the_search_began_anew(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[Architecture]] = []

    def noted(domain: Domain, parents: Sequence[Architecture], *others: Any) -> Any:
        if parents:
            asked.append(list(parents))
        return around(domain, parents, *others)

    monkeypatch.setattr(bayesian, "around", noted)
    monkeypatch.setattr(sequence, "around", noted)
    space = load_space("nasbench201")
    searcher = build_searcher(method, Domain(space), 0, **OPTIONS[method])
    values = [5.0, 4.0, 9.0, *[1.0, 2.0, 1.5], *np.linspace(3.0, 4.0, 6)]  # after the third, three find nothing better
    found: list[Architecture] = []
    for value in values:
        (arch,) = searcher.ask()
        searcher.tell({arch: Evaluation(float(value))})
        found.append(arch)
    assert any(found[2] in parents for parents in asked)
    asked.clear()
    searcher.ask()
    (parents,) = asked
    assert set(parents) <= set(found[6:]) and found[-1] in parents


def test_what_was_under_way_when_the_search_began_anew_belongs_to_the_time_before() -> None:
    archs = load_space("nasbench201").architectures(load_space("nasbench201").sample(6, np.random.default_rng(0)))
    restarts, known = Restarts(patience=2), {arch.key: arch for arch in archs[:4]}
    evaluations = dict.fromkeys(archs[:3], Evaluation(1.0))
    for _ in range(3):  # the fourth is still under way
        restarts.learn((1.0,), len(known))
    assert restarts.began == 3
    evaluations[archs[3]] = Evaluation(0.5)
    known |= {arch.key: arch for arch in archs[4:]}
    evaluations |= {archs[4]: Evaluation(0.2), archs[5]: Evaluation(None, failure="x")}
    assert restarts.since(known, evaluations) == [archs[4]]


def test_published_methods_have_no_restarts() -> None:
    assert [options().restart for options in (bayesian.EnsembleOptions, bayesian.LatentOptions)] == [0, 0]
