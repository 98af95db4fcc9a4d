"""Contract of an objective: one finite score or a reason, for architectures of its space, in any process."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.objectives import as_objective
from archllm.objectives.base import Objective
from archllm.objectives.identity import Identity, without_direction
from archllm.spaces import Architecture, SearchSpace, load_space


@cache
def some(space: SearchSpace, n: int = 4) -> list[Architecture]:
    """Different members of a space."""
    return list(dict.fromkeys(space.architectures(space.sample(n, np.random.default_rng(5)))))


class ObjectiveContract:
    """What every objective keeps.

    Set `objective`: a class that is called with the space, a function of an architecture, or a spec such as
    `table:nasbench201/cifar10`. An evaluation has to take less than some seconds.

    Example:
        >>> class TestParams(ObjectiveContract):
        ...     objective = "params"
    """

    objective: ClassVar[Any]
    """What to test."""

    space: ClassVar[str] = "nasbench201"
    """Name of the space whose architectures it scores."""

    deterministic: ClassVar[bool] = True
    """Whether it gives one architecture one score."""

    @pytest.fixture
    def built(self) -> Objective:
        """The objective on its space."""
        return self.build(load_space(self.space))

    def build(self, space: SearchSpace) -> Objective:
        """The objective on a space."""
        found = type(self).__dict__.get("objective", self.objective)
        found = found.__func__ if isinstance(found, staticmethod) else found
        if isinstance(found, type):
            made: Objective = found(space)
            return made
        return as_objective(found, space)

    def members(self, objective: Objective) -> list[Architecture]:
        """A few architectures that it is asked about."""
        pool = objective.pool()
        return some(objective.space) if pool is None else objective.space.architectures(pool[:4])

    def test_it_says_what_it_is_and_which_scores_are_better(self, built: Objective) -> None:
        assert built.spec
        assert built.direction in ("maximise", "minimise")
        assert built.space.name == self.space
        assert built.time_limit is None or built.time_limit > 0

    def test_every_architecture_gets_one_finite_score_or_a_reason(self, built: Objective) -> None:
        for arch in self.members(built):
            found = built.evaluate(arch)
            if found.values is None:
                assert found.failure
            else:
                assert len(found.values) == 1 and math.isfinite(found.values[0]) and found.failure is None
            assert math.isfinite(found.cost) and found.cost >= 0
            assert all(isinstance(name, str) for name in (*found.metrics, *found.test))

    def test_some_architecture_gets_a_score(self, built: Objective) -> None:
        assert any(built.evaluate(arch).values is not None for arch in self.members(built))

    def test_the_same_architecture_gets_the_same_score(self, built: Objective) -> None:
        if not self.deterministic:
            pytest.skip("its scores are noisy")
        for arch in self.members(built)[:2]:
            assert built.evaluate(arch).values == built.evaluate(arch).values

    def test_another_process_finds_it(self, built: Objective) -> None:
        arch = self.members(built)[0]
        twin: Objective = pickle.loads(pickle.dumps(built))  # noqa: S301 - what it is told apart by is our own
        assert (twin.spec, twin.direction) == (built.spec, built.direction)
        if self.deterministic:
            assert twin.evaluate(arch).values == built.evaluate(arch).values

    def test_its_identity_is_plain_and_stays_the_same(self, built: Objective) -> None:
        found = built.identity
        assert Identity.from_json(json.loads(json.dumps(found.to_json()))) == found
        assert found.spec == without_direction(found.spec)
        built.evaluate(self.members(built)[0])
        assert built.identity == found  # an evaluation does not change what decides the scores

    def test_made_again_or_sent_to_another_process_it_has_the_same_identity(self, built: Objective) -> None:
        found = built.identity
        for again in (self.build(built.space), pickle.loads(pickle.dumps(built))):  # noqa: S301 - our own
            assert found.differences(again.identity) == []
            assert found.only_here or again.identity.digest == found.digest

    def test_it_scores_the_networks_that_it_says_or_refuses_others(self, built: Objective) -> None:
        setting = built.network_setting
        if setting is None:
            assert not built.follows_network
            return
        same = built.with_network(vars(setting))
        assert same.network_setting == setting and same.identity.digest == built.identity.digest
        try:
            other = built.with_network({"channels": 2 * setting.channels})
        except InvalidInput:
            assert not built.follows_network
            return
        assert other.network_setting == replace(setting, channels=2 * setting.channels)
        assert (other.spec, other.direction) == (built.spec, built.direction)
        assert other.identity.digest != built.identity.digest and built.network_setting == setting

    def test_an_architecture_of_another_space_is_refused(self, built: Objective) -> None:
        other = load_space("darts" if self.space != "darts" else "nasbench201")
        with pytest.raises(InvalidInput, match=other.name):
            built.evaluate(some(other)[0])
