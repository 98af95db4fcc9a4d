from __future__ import annotations

import math

import pytest

from archllm.errors import InvalidInput
from archllm.spaces import space_names
from archllm.workflows.spaces import spaces


def test_all_spaces_are_listed_with_exact_sizes():
    sizes = {facts.name: facts.size for facts in spaces()}
    assert list(sizes) == space_names()
    known = {"nasbench101": 423_624, "nasbench201": 15_625, "darts": (1 * 3 * 6 * 10 * 7**8) ** 2, "nats-size": 32_768}
    assert known.items() <= sizes.items()
    assert all(facts.exact for facts in spaces())


def test_one_space_tells_its_classes_and_ideal():
    (facts,) = spaces("nasbench201")
    assert facts.classes == 6_466
    assert facts.ideal_nats == pytest.approx(math.log(15_625))


def test_an_unknown_space_is_refused():
    with pytest.raises(InvalidInput, match="did you mean 'darts'"):
        spaces("dart")


def test_a_space_beyond_64_bits_tells_how_sure_its_keys_are():
    (exact,), (huge,) = spaces("nasbench201"), spaces("fbnet")
    assert exact.exact_keys and exact.collision_chance == 0
    assert huge.size == 9**22 and not huge.exact_keys
    assert huge.collision_chance == pytest.approx(1e14 / 2**65, rel=1e-5)
