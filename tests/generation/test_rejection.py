"""Different members among random draws, batch by batch."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import BudgetExhausted
from archllm.generation.config import SamplingOptions
from archllm.generation.rejection import Distinct, most_at_once
from archllm.graphs import Graphs, concatenate
from archllm.spaces import SearchSpace
from archllm.spaces.definition import ChoicesDefinition
from archllm.spaces.registry import space_of


def uniform(space: SearchSpace, n: int, budget: int = 10**6, excluded: object = None, seed: int = 0) -> Distinct:
    rng = np.random.default_rng(seed)
    keys = None if excluded is None else np.asarray(excluded, dtype=np.int64)
    options = SamplingOptions(n=n, max_draws=budget)
    return Distinct(space, lambda count: space.sample(count, rng), options, lambda members: members, keys)


def test_it_finds_every_member_once(nasbench201: SearchSpace) -> None:
    found = uniform(nasbench201, 15_625)
    keys = nasbench201.keys(concatenate(list(found)))
    assert sorted(keys.tolist()) == list(range(15_625))
    assert found.found == 15_625 and found.valid == found.drawn > 15_625


def test_members_come_in_the_order_of_the_draws(nasbench201: SearchSpace) -> None:
    draws: list[Graphs] = []

    def draw(count: int) -> Graphs:
        draws.append(nasbench201.sample(count, np.random.default_rng(len(draws))))
        return draws[-1]

    options = SamplingOptions(n=9_000, max_draws=10**6)
    found = nasbench201.keys(concatenate(list(Distinct(nasbench201, draw, options, lambda members: members))))
    assert len(draws) > 1
    assert found.tolist() == list(dict.fromkeys(nasbench201.keys(concatenate(draws)).tolist()))[:9_000]


def test_what_is_excluded_does_not_come(nasbench201: SearchSpace) -> None:
    keys = nasbench201.keys(concatenate(list(uniform(nasbench201, 625, excluded=np.arange(15_000)))))
    assert sorted(keys.tolist()) == list(range(15_000, 15_625))
    with pytest.raises(BudgetExhausted, match="holds only 625 new ones"):
        uniform(nasbench201, 626, excluded=np.arange(15_000))


def test_what_is_no_member_is_counted_and_left_out(nasbench201: SearchSpace) -> None:
    def draw(count: int) -> Graphs:
        graphs = nasbench201.enumerate()[np.arange(count)]
        ops = graphs.ops.copy()
        ops[::2, 0] = -1
        return Graphs(ops, graphs.adjacency)

    found = Distinct(nasbench201, draw, SamplingOptions(n=100, max_draws=5_000), lambda members: members)
    assert len(concatenate(list(found))) == 100
    assert found.valid * 2 == found.drawn


def test_a_budget_that_is_spent_tells_what_was_found(nasbench201: SearchSpace) -> None:
    with pytest.raises(BudgetExhausted, match="of 15,625 architectures were found in 300 draws") as caught:
        list(uniform(nasbench201, 15_625, budget=300))
    assert caught.value.drawn == 300


def test_batches_of_wide_spaces_are_smaller() -> None:
    wide = space_of(ChoicesDefinition(name="wide", slots={f"a{k}": (1, 2) for k in range(45)}))
    narrow = space_of(ChoicesDefinition(name="narrow", slots={"a": (1, 2)}))
    assert most_at_once(narrow) == 65_536 > 4 * most_at_once(wide)
    assert all(len(batch) <= most_at_once(wide) for batch in uniform(wide, 3 * most_at_once(wide)))
