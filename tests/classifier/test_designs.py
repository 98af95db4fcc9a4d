"""Designs that people know, as members of the space of a fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.baselines.small_networks import SMALL_NETWORKS
from archllm.classifier.designs import DESIGNS, all_designs, known_designs, usual_designs
from archllm.classifier.limits import MARGIN, Limits
from archllm.graphs import Graphs, concatenate
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import load_space

SPACE = load_space("mobile")
NETWORKS = SPACE.require_networks()
SETTING = NETWORKS.setting(image_size=32, num_classes=5, in_channels=3)
PUBLISHED = (16, (16, 32, 64))


def test_every_design_is_a_member_at_every_width() -> None:
    for name, designs in DESIGNS.items():
        space = load_space(name)
        for design in designs:
            texts = list(design.members())
            assert len({space.parse(text).text for text in texts}) == len(texts) > 20
            assert design.member(*PUBLISHED) in texts
        everything, usual = all_designs(space), usual_designs(space)
        assert everything is not None and usual is not None and len(usual) == len(designs)
        assert np.isin(space.keys(usual), space.keys(everything)).all()
    assert all_designs(load_space("nasbench201")) is None and usual_designs(load_space("nasbench201")) is None


def test_the_residual_design_is_the_published_network_on_half_the_resolution() -> None:
    halved, whole = (SPACE.parse(design.member(*PUBLISHED)) for design in DESIGNS["mobile"][1:3])
    resnet = SMALL_NETWORKS["ResNet-8"](5, 3)
    assert NETWORKS.params(whole.graph, SETTING) == NETWORKS.params(halved.graph, SETTING) == count_params(resnet)
    assert NETWORKS.macs(whole.graph, SETTING) == count_macs(resnet, (3, 32, 32))
    assert NETWORKS.macs(halved.graph, SETTING) < count_macs(resnet, (3, 32, 32)) / 3.9


def largest_within(inside: Callable[[Graphs], NDArray[np.bool_]]) -> list[str]:
    """Of each design that has any, the text of the member inside that computes most."""
    found = []
    for design in DESIGNS["mobile"]:
        graphs = concatenate([SPACE.parse(text).graph for text in design.members()])
        macs = np.where(inside(graphs), NETWORKS.macs(graphs, SETTING), -1)
        if macs.max() > 0:
            found.append(SPACE.architecture(graphs[[int(macs.argmax())]]).text)
    return found


@pytest.mark.parametrize("params", [10, 10_000, 80_000, 10_000_000])
def test_of_each_design_the_largest_within_the_limits_is_taken(params: int) -> None:
    found = known_designs(SPACE, SETTING, Limits(params=params))
    assert [arch.text for arch in found] == largest_within(lambda graphs: NETWORKS.params(graphs, SETTING) <= params)


class Milliseconds:
    """Files take as many as a rule says; predictions are wrong by a share."""

    def __init__(self, limit: float, error: float) -> None:
        self.limit, self.error, self.asked = limit, error, 0

    def measured(self, graphs: Graphs) -> NDArray[np.float64]:
        self.asked += len(graphs)
        return np.asarray(NETWORKS.macs(graphs, SETTING) / 1e8, dtype=np.float64)

    def predicted(self, graphs: Graphs) -> NDArray[np.float64]:
        return (1 + self.error) * self.measured(graphs)


@pytest.mark.parametrize("error", [-0.1, 0.0, 0.1])
@pytest.mark.parametrize("limit", [1e-9, 0.03, 0.1])
def test_designs_fill_a_limit_on_latency_by_what_is_measured(limit: float, error: float) -> None:
    latency = Milliseconds(limit, error)
    found = known_designs(SPACE, SETTING, Limits(latency=limit), latency)  # type: ignore[arg-type]
    ms = {arch.text: float(latency.measured(arch.graph)[0]) for arch in found}
    assert all(each <= MARGIN * limit for each in ms.values())
    could = largest_within(lambda graphs: latency.measured(graphs) <= MARGIN * limit)
    assert len(ms) == len(could)
    filled = [float(latency.measured(SPACE.parse(text).graph)[0]) for text in could]
    assert all(mine >= 0.75 * best for mine, best in zip(ms.values(), filled, strict=True))
    assert set(ms) == set(could) or error or limit == 0.1


def test_limits_that_nothing_keeps_to_leave_no_design() -> None:
    assert known_designs(SPACE, SETTING, Limits(macs=1)) == []
    assert (
        known_designs(load_space("nasbench201"), load_space("nasbench201").require_networks().setting(), Limits()) == []
    )
