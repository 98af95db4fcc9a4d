"""Evolution forgets the old, local search climbs, the largest come first."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.objectives.evaluation import Evaluation
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher
from archllm.spaces import Architecture, SearchSpace


@pytest.fixture(scope="module")
def domain(nasbench201: SearchSpace) -> Domain:
    return Domain(nasbench201)


def tell(searcher: Searcher, arch: Architecture, *values: float) -> None:
    searcher.tell({arch: Evaluation(values)})


def texts(searcher: Searcher, *names: str) -> list[Architecture]:
    return [searcher.domain.space.parse(name) for name in names]


def test_methods_with_one_seed_draw_independently_of_each_other(domain: Domain) -> None:
    first = {name: set(build_searcher(name, domain, 5).ask(10)) for name in ("random", "local", "evolution", "gp")}
    assert len(set().union(*first.values())) == 40
    assert set(build_searcher("local", domain, 5).ask(10)) == first["local"]


def test_children_are_neighbours_of_the_living_only(domain: Domain) -> None:
    searcher = build_searcher("evolution", domain, 0, population=3, tournament=3)
    old, *population = texts(searcher, "10", "2000", "7000", "12000")
    tell(searcher, old, 100.0)
    for value, arch in enumerate(population):
        tell(searcher, arch, float(value))
    best = domain.neighbours(population[-1])
    assert all(child in best for child in searcher.ask(10))


def test_a_tournament_of_one_takes_any_parent(domain: Domain) -> None:
    searcher = build_searcher("evolution", domain, 0, population=2, tournament=1)
    worse, better = texts(searcher, "2000", "7000")
    tell(searcher, worse, 0.0)
    tell(searcher, better, 1.0)
    children = searcher.ask(30)
    assert set(children) & set(domain.neighbours(worse)) and set(children) & set(domain.neighbours(better))


def test_with_two_objectives_a_dominated_member_wins_no_full_tournament(domain: Domain) -> None:
    searcher = build_searcher("evolution", domain, 0, 2, population=3, tournament=3)
    front, other, dominated = texts(searcher, "2000", "7000", "12000")
    tell(searcher, front, 2.0, 1.0)
    tell(searcher, other, 1.0, 2.0)
    tell(searcher, dominated, 1.0, 1.0)
    near = {*domain.neighbours(front), *domain.neighbours(other)}
    assert all(child in near for child in searcher.ask(12))


def test_a_climb_starts_at_the_best_and_goes_on_from_what_is_better(domain: Domain) -> None:
    searcher = build_searcher("local", domain, 0, initial=2)
    low, high = texts(searcher, "2000", "7000")
    tell(searcher, high, 5.0)
    tell(searcher, low, 1.0)
    (worse,) = searcher.ask(1)
    assert worse in domain.neighbours(high)
    tell(searcher, worse, 4.0)
    (better,) = searcher.ask(1)
    assert better in domain.neighbours(high)
    tell(searcher, better, 6.0)
    assert all(arch in domain.neighbours(better) for arch in searcher.ask(5))


def test_a_new_climb_starts_elsewhere_when_all_around_the_best_is_known(domain: Domain) -> None:
    searcher = build_searcher("local", domain, 0, initial=1)
    (top,) = texts(searcher, "2000")
    tell(searcher, top, 5.0)
    around = searcher.ask(24)
    assert set(around) == set(domain.neighbours(top))
    searcher.tell({arch: Evaluation(1.0) for arch in around})
    (start,) = searcher.ask(1)
    assert start not in around
    tell(searcher, start, 2.0)  # worse than the old top, and yet the climb is here now
    assert all(arch in domain.neighbours(start) for arch in searcher.ask(5))


def test_with_two_objectives_a_climb_widens_its_front(domain: Domain) -> None:
    searcher = build_searcher("local", domain, 0, 2, initial=2)
    left, right = texts(searcher, "2000", "7000")
    tell(searcher, left, 2.0, 1.0)
    tell(searcher, right, 1.0, 2.0)
    asked = searcher.ask(20)
    assert set(asked) & set(domain.neighbours(left)) and set(asked) & set(domain.neighbours(right))


def test_the_largest_come_first(domain: Domain) -> None:
    sizes = [arch.params for arch in build_searcher("largest", domain, 0).ask(60)]
    assert sizes == np.sort(domain.params)[::-1][:60].tolist() and sizes[0] == 1_531_546


def test_the_largest_of_a_space_too_large_to_list_are_larger_than_any_of_many_draws(darts: SearchSpace) -> None:
    domain = Domain(darts)
    drawn = darts.networks.params(domain.sample(3_000, np.random.default_rng(5))).max()
    assert all(arch.params > drawn for arch in build_searcher("largest", domain, 0).ask(8))
