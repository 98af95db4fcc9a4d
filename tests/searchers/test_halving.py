"""Successive halving: who is promoted, what it costs, and that a resumed search goes on as it would have."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.objectives import Objective, load_objective
from archllm.objectives.evaluation import for_searcher
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher
from archllm.spaces import Architecture, SearchSpace
from archllm.workflows.search import search

CELLS = 60


@pytest.fixture(scope="module")
def goal(nasbench201: SearchSpace, tmp_path_factory: pytest.TempPathFactory) -> Objective:
    """Scores after 1, 3 and 9 epochs, each noisier than the next; ten cells have none after one epoch."""
    rng = np.random.default_rng(0)
    quality = rng.permutation(CELLS)
    scores = [(quality + noise * rng.normal(size=CELLS)).round(3).astype(str) for noise in (6, 3, 0)]
    scores[0][:10] = ""
    lines = [",".join([str(cell), *row, "9"]) for cell, row in enumerate(zip(*scores, strict=True))]
    file = tmp_path_factory.mktemp("tables") / "short.csv"
    file.write_text("\n".join(["arch,d.valid@1,d.valid@3,d.valid@9,d.seconds@9", *lines]) + "\n")
    return load_objective(f"table:{file}/d", nasbench201)


def built(goal: Objective, **options: object) -> Searcher:
    domain = Domain(goal.space, goal.pool())
    return build_searcher(
        "halving", domain, 0, lower_fidelity=goal.lower_fidelities(), **{"proposals": "random"} | options
    )


def searched(searcher: Searcher, goal: Objective, queries: int) -> list[Architecture]:
    for _ in range(queries):
        (arch,) = searcher.ask(1)
        found = replace(for_searcher(goal.evaluate(arch), [goal.direction]), lower_fidelity=searcher.lower_fidelity())
        searcher.tell({arch: found})
    return list(searcher.evaluations)


def trained(searcher: Searcher, spec: str) -> list[int]:
    """Keys of what was trained on a rung, in order."""
    lower = [each for found in searcher.evaluations.values() for each in found.lower_fidelity]
    return [each.key for each in lower if each.spec == spec]


@pytest.mark.parametrize("options", [{}, {"proposals": "model", "initial": 6}])
def test_what_is_trained_longer_was_trained_shorter_before(goal: Objective, options: dict[str, str]) -> None:
    searcher = built(goal, **options)
    first, second = goal.lower_fidelities()
    full = [arch.key for arch in searched(searcher, goal, 4)]
    assert set(full) <= set(trained(searcher, second)) <= set(trained(searcher, first))
    counts = [len(full), len(trained(searcher, second)), len(trained(searcher, first))]
    assert all(2 * above <= 1.2 * below for above, below in pairwise(counts))


def test_the_best_of_a_rung_are_promoted(goal: Objective) -> None:
    searcher = built(goal)
    found = searched(searcher, goal, 3)
    below = load_objective(goal.lower_fidelities()[1], goal.space)
    (first, *_) = found  # the best of the first three that were trained so long
    rung = trained(searcher, below.spec)[:3]
    scores = {arch.key: below.evaluate(arch).value for arch in goal.space.architectures(goal.pool())}  # type: ignore[arg-type]
    assert first.key == max(rung, key=lambda key: scores[key] or 0)


def test_what_failed_below_is_not_trained_longer(goal: Objective) -> None:
    searcher = built(goal)
    cells = [arch.text for arch in searched(searcher, goal, 5)]
    second = goal.lower_fidelities()[1]
    failed = {goal.space.parse(str(cell)).key for cell in range(10)}
    assert not failed & set(trained(searcher, second)) and len(cells) == 5


def test_the_cost_of_short_trainings_is_that_of_their_epochs(goal: Objective) -> None:
    searcher = built(goal)
    searched(searcher, goal, 2)
    costs = {each.spec: each.cost for found in searcher.evaluations.values() for each in found.lower_fidelity}
    assert [costs[spec] for spec in goal.lower_fidelities()] == pytest.approx([1, 3])


def test_a_resumed_search_goes_on_and_pays_for_nothing_again(goal: Objective) -> None:
    whole = built(goal, proposals="model", initial=6)
    asked = searched(whole, goal, 6)
    again = built(goal, proposals="model", initial=6)
    again.tell(dict(list(whole.evaluations.items())[:3]))
    assert searched(again, goal, 3) == asked
    assert again.evaluations == whole.evaluations


def test_a_domain_is_searched_to_its_end(goal: Objective) -> None:
    assert len(searched(built(goal), goal, CELLS)) == CELLS


def test_a_search_finds_the_shorter_trainings_of_a_table_and_says_where_there_are_none(
    goal: Objective, tmp_path: Path
) -> None:
    found = search(space=goal.space, objective=goal.spec, method="halving", budget=3)
    assert {each.spec for each in found.lower_fidelity} == set(goal.lower_fidelities())
    with pytest.raises(InvalidInput, match=r"halving starts from cheaper scores, and params has none"):
        search(space=goal.space, objective="params", method="halving", budget=3)
