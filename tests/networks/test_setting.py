from __future__ import annotations

import pytest

from archllm.errors import InvalidInput
from archllm.networks import NetworkSetting
from archllm.spaces import load_space, space_names

SPACES = [name for name in space_names() if load_space(name).networks]


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("field", ["num_classes", "channels", "in_channels", "image_size"])
@pytest.mark.parametrize("value", [0, -4, 2.5, "8", True, 10**9])
def test_a_size_that_is_none_is_refused_with_its_field(name, field, value):
    with pytest.raises(InvalidInput, match=field):
        load_space(name).networks.setting(**{field: value})


@pytest.mark.parametrize("name", SPACES)
def test_an_option_that_does_not_exist_suggests_the_nearest(name):
    with pytest.raises(InvalidInput, match=r"'chanels'; did you mean 'channels'"):
        load_space(name).networks.setting(chanels=3)


@pytest.mark.parametrize("name", SPACES)
def test_none_stands_for_what_the_paper_has(name):
    space = load_space(name)
    assert space.networks.setting(channels=None) == space.networks.setting()
    assert isinstance(space.networks.setting(), NetworkSetting)


def test_an_image_size_that_can_not_be_halved_is_refused():
    with pytest.raises(InvalidInput, match="multiple of 4"):
        load_space("nasbench201").networks.setting(image_size=30)
