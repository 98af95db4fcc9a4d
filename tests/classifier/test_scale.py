"""The scale of networks: as large as limits and time allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.classifier.limits import Limits
from archllm.classifier.members import Predict, rough_latency
from archllm.classifier.scale import SCALES, Scale, Scaler, image_sizes, scales_of
from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.networks.latency import Timing
from archllm.spaces import SearchSpace, load_space

OPTIONS = {"num_classes": 3, "in_channels": 3}


class Machine(Scaler):
    """A machine whose speed is known: so many multiply-accumulates a second."""

    power = 1e9

    def speed(self, graph: object, size: int, network: object) -> float:
        macs = self.networks.macs(graph, self.setting(size, network))  # type: ignore[arg-type]
        return self.power / float(macs[0])


def chosen(space: SearchSpace, limits: Limits, seconds: float, sizes: list[int] | None = None) -> Scale:
    ticks: Iterator[int] = count()
    return Machine(space, limits, OPTIONS, lambda: next(ticks) / 1e6).choose(sizes or [32], 5_000, seconds)


def test_more_time_gives_larger_networks(nasbench201: SearchSpace) -> None:
    macs = []
    for seconds in (300, 1_000, 30_000):
        scale = chosen(nasbench201, Limits(), seconds)
        setting = nasbench201.require_networks().setting(**OPTIONS, **scale.network, image_size=scale.image_size)
        macs.append(nasbench201.require_networks().macs(nasbench201.parse("1").graph, setting)[0])
    assert macs == sorted(set(macs))
    assert chosen(nasbench201, Limits(), 30_000).network == SCALES["nasbench201"][-1]


def test_limits_leave_a_tenth_of_the_networks_to_choose_from(nasbench201: SearchSpace) -> None:
    limits, networks = Limits(params=50_000), nasbench201.require_networks()
    scale = chosen(nasbench201, limits, 1e6)
    shares = []
    for network in scales_of(nasbench201):
        setting = networks.setting(**OPTIONS, **network, image_size=32)
        shares.append(float((networks.params(nasbench201.enumerate(), setting) <= 50_000).mean()))
    at = [dict(network) for network in scales_of(nasbench201)].index(scale.network)
    assert shares[at] >= 0.1 > shares[at + 1]


def test_too_little_time_takes_smaller_images(nasbench201: SearchSpace) -> None:
    sizes = image_sizes(64, 64)
    assert chosen(nasbench201, Limits(), 1e6, sizes).image_size == 64
    assert chosen(nasbench201, Limits(), 150, sizes).image_size < 64


def test_limits_that_nothing_meets_name_the_smallest_there_is(nasbench201: SearchSpace) -> None:
    setting = nasbench201.require_networks().setting(**OPTIONS, **SCALES["nasbench201"][0], image_size=16)
    least = int(nasbench201.require_networks().params(nasbench201.enumerate(), setting).min())
    with pytest.raises(InvalidInput, match=f"at most 100 parameters.* takes {least:,} parameters .*loosen"):
        chosen(nasbench201, Limits(params=100), 1e6, [32, 16])
    assert chosen(nasbench201, Limits(params=least), 1e6, [32, 16]).network == SCALES["nasbench201"][0]


def test_a_space_that_a_fit_can_not_search_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nasbench201"):
        scales_of(load_space("transformer"))


def test_every_scale_is_larger_than_the_one_before() -> None:
    for name, scales in SCALES.items():
        space = load_space(name)
        networks, graph = space.require_networks(), space.sample(1, np.random.default_rng(0))
        macs = [int(networks.macs(graph, networks.setting(**scale, image_size=16))[0]) for scale in scales]
        assert macs == sorted(set(macs)), name


class Blocks(Machine):
    """A runtime that is slow with few channels."""

    def predictor(self, setting: object) -> Predict:
        ms = 1.0 if setting.channels >= 16 else 2.0  # type: ignore[attr-defined]
        return lambda graphs: np.full(len(graphs), ms)


def test_a_limit_on_latency_may_need_more_channels(nasbench201: SearchSpace) -> None:
    scaler = Blocks(nasbench201, Limits(latency=1.5), OPTIONS, lambda: 0.0)
    assert scaler.choose([32], 5_000, 1e6).network["channels"] >= 16


def test_a_product_whose_members_choose_their_size_has_one_setting():
    assert scales_of(load_space("scaled-cells")) == ({},)
    with pytest.raises(InvalidInput, match="or a product whose file says under"):
        scales_of(load_space("darts"))


def test_a_rough_latency_follows_the_fastest_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    space = load_space("mobile")
    networks = space.require_networks()
    setting = networks.setting(**OPTIONS, image_size=16)

    def measured(asked: object, graphs: Graphs, setting: object) -> list[Timing]:
        fastest = [0.05 + 1e-7 * float(macs) for macs in networks.macs(graphs, setting)]
        return [Timing(ms=9.0 - ms, fastest=ms, low=ms, high=9.0, rounds=3) for ms in fastest]  # a busy machine

    monkeypatch.setattr("archllm.networks.latency.measure_members", measured)
    graphs = space.sample(50, np.random.default_rng(3))
    expected = 0.05 + 1e-7 * networks.macs(graphs, setting)
    assert rough_latency(space, setting)(graphs) == pytest.approx(expected)


def test_a_rough_latency_is_right_for_small_networks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    space = load_space("mobile")
    networks = space.require_networks()
    setting = networks.setting(**OPTIONS, image_size=32)

    def rule(graphs: Graphs) -> np.ndarray:
        return np.asarray(0.01 + (networks.macs(graphs, setting) / 1e8) ** 1.3)  # no line

    def measured(asked: object, graphs: Graphs, setting: object) -> list[Timing]:
        return [Timing(ms=ms, fastest=ms, low=ms, high=ms, rounds=3) for ms in rule(graphs).tolist()]

    monkeypatch.setattr("archllm.networks.latency.measure_members", measured)
    graphs = space.sample(200, np.random.default_rng(3))
    small = graphs[np.argsort(networks.macs(graphs, setting))[:10]]
    assert np.abs(rough_latency(space, setting)(small) / rule(small) - 1).mean() < 0.25


class Tight(Machine):
    """A machine on which random members are slow and known designs are fast on images up to a size, or narrow ones."""

    def predictor(self, setting: object) -> Predict:
        return lambda graphs: np.where(np.arange(len(graphs)) == self.only, 0.5, 9.0)

    def measured(self, graphs: Graphs, setting: object) -> NDArray[np.float64]:
        slow = [self.largest < setting.image_size, setting.channels > self.widest]  # type: ignore[attr-defined]
        ms = np.full(len(graphs), 9.0 if any(slow) else 0.5)
        ms[: self.always_slow] = 9.0
        return ms

    largest, widest, always_slow, only = 32, 16, 1, 0


def test_known_designs_decide_where_few_members_keep_to_the_limits() -> None:
    def found(always_slow: int) -> Scale:
        scaler = Tight(load_space("mobile"), Limits(latency=1.0), OPTIONS, lambda: 0.0)
        scaler.always_slow = always_slow
        return scaler.choose([48, 32, 24], 5_000, 1e6)

    assert (found(1).image_size, found(1).network) == (32, {"channels": 16})
    assert (found(3).image_size, found(3).network) == (32, {"channels": 16})
    assert found(4) == replace(found(4), image_size=24, network={"channels": 8})  # two designs of six are no choice


def test_known_designs_make_the_smallest_scale_better_than_smaller_images() -> None:
    scaler = Tight(load_space("mobile"), Limits(latency=1.0), OPTIONS, lambda: 0.0)
    scaler.widest = 8
    found = scaler.choose([32, 24], 5_000, 1e6)
    assert (found.image_size, found.network) == (32, {"channels": 8})


def test_a_scale_at_which_no_random_member_keeps_to_the_limits_is_none() -> None:
    scaler = Tight(load_space("mobile"), Limits(latency=1.0), OPTIONS, lambda: 0.0)
    scaler.only = -1
    with pytest.raises(InvalidInput, match="no network of mobile"):
        scaler.choose([32], 5_000, 1e6)
