"""Contract of a searcher: new members of its domain only, repeatable, resumable, and robust to any evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.objectives.complexity import Complexity
from archllm.objectives.evaluation import Evaluation, for_searcher
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher
from archllm.spaces import Architecture, SearchSpace, load_space
from archllm.spaces.registry import space_of_text

POOL = 25
"""Members of a small domain."""

FILES = {
    "own-cells": """
kind = "edge_dag"
nodes = 4
constraints = ['count("wide") <= 4']
[ops]
none = "archllm.networks.operations:none"
skip = "archllm.networks.operations:skip"
wide = "archllm.networks.operations:conv5x5"
""",
    "own-choices": """
kind = "choices"
constraints = ["slot.width1 <= slot.width2"]
[slots]
"width{i=1..6}" = [8, 16, 24, 32, 48, 64]
depth = [1, 2, 3, 4, 5, 6]
"kernel{k=1..6}" = [3, 5, 7]
act = ["relu", "gelu"]
[when]
"kernel{k=2..6}" = "slot.depth >= {k}"
""",
}
"""Spaces of a user: one of cells that can be listed; one of choices that can't be and of which no network is made."""


@cache
def home(space: str) -> SearchSpace:
    """A named space, or one of `FILES`."""
    return space_of_text(FILES[space], f"{space}.toml", space) if space in FILES else load_space(space)


@cache
def whole(space: str) -> Domain:
    """All members of a space."""
    return Domain(home(space))


@cache
def constrained(space: str) -> tuple[Domain, float]:
    """The smaller half of a space, and the limit that it keeps."""
    limit = float(np.median(sizes(whole(space).sample(200, np.random.default_rng(1)), home(space))))
    return Domain(home(space), allowed=lambda graphs: sizes(graphs, home(space)) <= limit), limit


def pool(space: str, size: int = POOL) -> Domain:
    """A domain of a few members."""
    members = home(space).sample(4 * size, np.random.default_rng(3))
    domain = Domain(home(space), members)
    return Domain(home(space), domain.enumerate()[:size])


def sizes(graphs: Graphs, space: SearchSpace) -> NDArray[np.float64]:
    """Something to count in every space: parameters, or labels where there are no networks."""
    if space.networks is not None:
        return space.networks.params(graphs).astype(np.float64)
    labels: NDArray[np.int64] = np.maximum(graphs.ops, 0).sum(1)
    return labels.astype(np.float64)


def score(arch: Architecture) -> Evaluation:
    """Fewer parameters are better."""
    if arch.space.networks is None:
        return Evaluation(-size(arch), cost=1.0)
    objective = Complexity(arch.space, "params")
    return for_searcher(objective.evaluate(arch), [objective.direction])


def size(arch: Architecture) -> float:
    """The size of one architecture, in the unit of `sizes`."""
    return float(sizes(arch.graph, arch.space)[0])


def score_twice(arch: Architecture) -> Evaluation:
    """Fewer parameters, more nodes."""
    return Evaluation((-math.log(size(arch)), float((arch.graph.ops >= 0).sum())), cost=1.0)


def search(
    searcher: Searcher, queries: int, evaluate: Callable[[Architecture], Evaluation] = score
) -> list[Architecture]:
    """The architectures that a searcher asks for, one by one, each scored and told."""
    found: list[Architecture] = []
    while len(found) < queries:
        asked = searcher.ask(1)
        searcher.tell({arch: replace(evaluate(arch), lower_fidelity=searcher.lower_fidelity()) for arch in asked})
        found += asked
        assert asked
    return found


class SearcherContract:
    """What every search method keeps.

    Set `searcher`, and `options` such that every part of the method has its turn within ten evaluations.

    Example:
        >>> class TestEvolution(SearcherContract):
        ...     searcher = "evolution"
        ...     options = {"population": 6, "tournament": 3}
    """

    searcher: ClassVar[Any]
    """The class to test, or what names it: a built-in name, or `python:MODULE:CLASS`."""

    options: ClassVar[Mapping[str, Any]] = {}
    """Options that it is built with."""

    spaces: ClassVar[Sequence[str]] = ("nasbench101", "nasbench201", "darts", *FILES)
    """Where it is to search."""

    both: ClassVar[Sequence[str]] = ("nasbench201", "darts")
    """A space that is enumerable and one that is not, for what depends on scores and seeds, not on architectures."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs tests of `space` on each of `spaces`, and tests of `either` on each of `both`."""
        for name, spaces in (("space", self.spaces), ("either", self.both)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, spaces)

    def build(self, domain: Domain, seed: int = 0, objectives: int = 1) -> Searcher:
        """A new searcher."""
        return build_searcher(self.searcher, domain, seed, objectives, **self.options)

    def domain(self, space: str) -> Domain:
        """What is searched of a space: all of it, unless a method takes too long for that in a test."""
        return whole(space)

    # --- ask ---------------------------------------------------------------------------------------------------------

    def test_members_of_the_domain_are_asked_for_and_none_twice(self, space: str) -> None:
        domain = self.domain(space)
        found = search(self.build(domain), 14)
        assert len(set(found)) == 14
        assert all(domain.contains(arch.graph)[0] for arch in found)

    def test_an_ask_brings_as_many_as_it_was_asked_for_even_before_any_is_told(self, either: str) -> None:
        searcher = self.build(self.domain(either))
        first, second = searcher.ask(7), searcher.ask(2)
        searcher.tell({arch: score(arch) for arch in second})
        third = searcher.ask(3)
        searcher.tell({arch: score(arch) for arch in [*first, *third]})
        fourth = searcher.ask(2)
        assert [len(asked) for asked in (first, second, third, fourth)] == [7, 2, 3, 2]
        assert len({*first, *second, *third, *fourth}) == 14

    def test_what_was_told_or_is_pending_is_not_asked_for(self) -> None:
        domain = pool("nasbench201")
        members = domain.space.architectures(domain.enumerate())
        searcher = self.build(domain)
        searcher.tell({arch: score(arch) for arch in members[:8]})
        searcher.pending(members[8:16])
        assert set(searcher.ask(POOL)) == set(members[16:])

    def test_a_domain_is_asked_for_to_its_end(self, space: str) -> None:
        domain = pool(space, 16)
        searcher = self.build(domain)
        found = search(searcher, 14)
        found += searcher.ask(5)
        assert len(found) == len(set(found)) == 16 and searcher.ask(1) == []

    def test_a_constraint_is_kept(self, space: str) -> None:
        domain, limit = constrained(space)
        assert all(size(arch) <= limit for arch in search(self.build(domain), 10))

    def test_a_domain_of_one_is_searched(self) -> None:
        domain = pool("nasbench201", 1)
        searcher = self.build(domain)
        (only,) = searcher.ask(3)
        assert only.key == domain.keys[0] and searcher.ask(1) == []

    # --- tell --------------------------------------------------------------------------------------------------------

    def test_failed_evaluations_stop_no_search(self, either: str) -> None:
        def broken(arch: Architecture) -> Evaluation:
            return Evaluation(None)

        def half(arch: Architecture) -> Evaluation:
            return score(arch) if arch.key % 2 else Evaluation(None)

        assert len(set(search(self.build(self.domain(either)), 8, broken))) == 8
        assert len(set(search(self.build(self.domain(either)), 12, half))) == 12

    def test_equal_scores_stop_no_search(self, either: str) -> None:
        assert len(set(search(self.build(self.domain(either)), 10, lambda arch: Evaluation((1.0,))))) == 10

    def test_enormous_scores_stop_no_search(self) -> None:
        def extreme(arch: Architecture) -> Evaluation:
            return Evaluation(((-1.0) ** arch.key * 1e150 / (1 + arch.key),))

        assert len(set(search(self.build(self.domain("nasbench201")), 12, extreme))) == 12

    def test_several_objectives_are_followed(self, either: str) -> None:
        assert len(set(search(self.build(self.domain(either), objectives=2), 12, score_twice))) == 12

    def test_a_told_architecture_can_lie_outside_the_domain(self) -> None:
        domain = pool("nasbench101")
        others = domain.space.architectures(domain.space.sample(6, np.random.default_rng(8)))
        searcher = self.build(domain)
        searcher.tell({arch: score(arch) for arch in others})
        left = POOL - sum(bool(domain.contains(arch.graph)[0]) for arch in others)
        found = search(searcher, left)
        assert len(set(found)) == left and not set(found) & set(others)
        assert all(domain.contains(arch.graph)[0] for arch in found)

    def test_what_can_not_be_learned_from_is_refused_and_leaves_no_trace(self) -> None:
        space = load_space("nasbench201")
        searcher = self.build(self.domain("nasbench201"))
        one, two, three = space.parse("1"), space.parse("2"), space.parse("3")
        searcher.tell({one: score(one)})
        foreign = load_space("darts").architectures(load_space("darts").sample(1, np.random.default_rng(0)))[0]
        for arch, wrong, message in (
            (one, Evaluation(1.0), "told before"),
            (two, Evaluation((1.0, 2.0)), r"1 value\(s\), got 2"),
            (two, Evaluation(()), "got 0"),
            (two, Evaluation(math.nan), "finite"),
            (two, Evaluation(-math.inf), "finite"),
            (two, Evaluation(1.0, test={"accuracy": 0.9}), "no test metrics, got accuracy"),
            (foreign, Evaluation(1.0), "darts"),
        ):
            with pytest.raises(InvalidInput, match=message):
                searcher.tell({three: score(three), arch: wrong})
        with pytest.raises(InvalidInput, match="darts"):
            searcher.pending([three, foreign])
        remembered = [one] if searcher.remembers else []
        assert list(searcher.evaluations) == list(searcher.known.values()) == remembered
        searcher.tell({two: score(two), three: score(three)})

    @pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
    def test_a_number_that_can_not_be_asked_for_is_refused(self, n: Any) -> None:
        with pytest.raises(InvalidInput, match="at least 1"):
            self.build(self.domain("nasbench201")).ask(n)

    # --- repeatable, resumable ---------------------------------------------------------------------------------------

    def test_one_seed_gives_one_search_and_another_seed_another(self, either: str) -> None:
        first, again = (search(self.build(self.domain(either), 5), 10) for _ in range(2))
        assert first == again != search(self.build(self.domain(either), 6), 10)

    def test_a_new_searcher_that_is_told_everything_goes_on_as_the_old_one(self, space: str) -> None:
        old = self.build(self.domain(space))
        found = search(old, 9)
        new = self.build(self.domain(space))
        new.tell(old.evaluations or {arch: score(arch) for arch in found})
        assert search(old, 5) == search(new, 5)

    def test_a_new_searcher_that_is_told_what_is_pending_goes_on_as_the_old_one(self) -> None:
        old, new = (self.build(self.domain("nasbench201")) for _ in range(2))
        found = search(old, 9)
        waiting = old.ask(2)
        new.tell({arch: score(arch) for arch in found})
        new.pending(waiting)
        assert old.ask(3) == new.ask(3)

    def test_searchers_leave_numpys_and_torchs_global_random_state_alone(self) -> None:
        import torch

        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        before = np.random.get_state(legacy=False)["state"]["key"].copy(), torch.get_rng_state()  # noqa: NPY002
        search(self.build(self.domain("nasbench201")), 8)
        assert (np.random.get_state(legacy=False)["state"]["key"] == before[0]).all()  # noqa: NPY002
        assert torch.equal(torch.get_rng_state(), before[1])

    # --- options -----------------------------------------------------------------------------------------------------

    def test_what_a_searcher_can_not_be_built_with_is_refused(self) -> None:
        for wrong, message in (({"seed": -1}, "seed"), ({"objectives": 0}, "objective"), ({"nonsense": 1}, "nonsense")):
            with pytest.raises(InvalidInput, match=message):
                build_searcher(self.searcher, self.domain("nasbench201"), **({"seed": 0} | wrong))
