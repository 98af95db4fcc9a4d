"""Members as choices of named parameters: a round trip in every kind of space, and conditions."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.spaces import load_space
from archllm.spaces.parameters import INACTIVE
from archllm.testing.searcher import home


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts", "nats-size", "mobilenetv3", "own-choices"])
def test_a_member_comes_back_from_its_choices(name: str) -> None:
    space = home(name)
    members = space.sample(50, np.random.default_rng(0))
    parameters = space.parameters
    assert parameters is not None
    choices = parameters.choices(space.normalise(members))
    assert (space.keys(parameters.graphs(choices)) == space.keys(members)).all()
    radices = np.array([len(each.values) for each in parameters.each])
    assert ((choices >= INACTIVE) & (choices < radices)).all()
    assert len({each.name for each in parameters.each}) == len(radices)


def test_conditions_say_which_parameters_are_active() -> None:
    space = home("own-choices")
    parameters = space.parameters
    assert parameters is not None
    for row in parameters.choices(space.sample(40, np.random.default_rng(1))):
        assert [parameters.active(at, row) for at in range(len(row))] == (row != INACTIVE).tolist()


def test_only_ascending_numbers_are_ordered() -> None:
    ordered = {each.name for each in home("own-choices").parameters.each if each.ordered}
    assert ordered == {*(f"width{i}" for i in range(1, 7)), "depth", *(f"kernel{k}" for k in range(1, 7))}
    assert not any(each.ordered for each in load_space("nasbench101").parameters.each)
