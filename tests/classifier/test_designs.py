"""Designs that people know, as members of the space of a fit."""

from __future__ import annotations

import numpy as np

from archllm.baselines.small_networks import SMALL_NETWORKS
from archllm.classifier.designs import DESIGNS, known_designs
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import load_space


def test_every_design_is_a_member_at_every_width_and_the_widest_come_first() -> None:
    for name, designs in DESIGNS.items():
        space = load_space(name)
        for design in designs:
            params = [space.parse(text).params for text in design.members()]
            assert params == sorted(set(params), reverse=True)


def test_the_residual_design_is_the_published_network_on_half_the_resolution() -> None:
    space = load_space("mobile")
    networks = space.require_networks()
    halved, whole = ([space.parse(text) for text in design.members()] for design in DESIGNS["mobile"][:2])
    setting = networks.setting(image_size=32, num_classes=5, in_channels=3)
    resnet = SMALL_NETWORKS["ResNet-8"](5, 3)
    assert networks.params(whole[2].graph, setting) == networks.params(halved[2].graph, setting) == count_params(resnet)
    assert networks.macs(whole[2].graph, setting) == count_macs(resnet, (3, 32, 32))
    assert networks.macs(halved[2].graph, setting) < count_macs(resnet, (3, 32, 32)) / 3.9


def test_of_each_design_the_widest_within_the_limits_is_taken() -> None:
    space = load_space("mobile")
    params = space.require_networks().params
    for limit in (10_000, 80_000, 10_000_000):
        found = known_designs(space, lambda graphs, limit=limit: params(graphs) <= limit)  # type: ignore[misc]
        expected = []
        for design in DESIGNS["mobile"]:
            inside = [text for text in design.members() if space.parse(text).params <= limit]
            expected += inside[:1]
        assert [arch.text for arch in found] == [space.parse(text).text for text in expected]
    assert not known_designs(space, lambda graphs: np.zeros(len(graphs), dtype=np.bool_))
