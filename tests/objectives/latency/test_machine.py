import copy
import json

import numpy as np
import pytest

from archllm.conditional.requirements import Range
from archllm.errors import InvalidInput
from archllm.files import cache_folder
from archllm.graphs import concatenate
from archllm.networks.latency import RuntimeSetting, Timing
from archllm.objectives import load_objective
from archllm.objectives.latency import Latency, machine_latency
from archllm.objectives.latency.features import LatencyFeatures
from archllm.objectives.latency.kept import KeptTimings
from archllm.objectives.latency.limits import latency_limit
from archllm.objectives.latency.machine import NEAR_ROUNDS, NEAR_SAMPLE
from archllm.spaces import load_space

SPACE = load_space("nasbench201")
SAMPLE = 12
TINY = {"channels": 1, "cells": 1, "image_size": 4}


class Clock:
    """Moves a millisecond with each look, and counts."""

    looks = 0

    def __call__(self):
        self.looks += 1
        return self.looks / 1000


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_sample_is_measured_once_for_each_setting_and_runtime():
    setting = SPACE.require_networks().setting(**TINY)
    first, again = Clock(), Clock()
    machine_latency(SPACE, setting, clock=first, sample=SAMPLE)
    found = machine_latency(SPACE, setting, clock=again, sample=SAMPLE)
    assert first.looks > SAMPLE > again.looks == 0
    assert found.predict(SPACE.sample(5, np.random.default_rng(0))).ms == pytest.approx(np.ones(5), rel=0.01)
    (file,) = (cache_folder() / "latency").iterdir()
    assert len(json.loads(file.read_text())["ms"]) == SAMPLE


def test_a_damaged_cache_is_measured_anew():
    setting = SPACE.require_networks().setting(**TINY)
    file = None
    for content in ("", '{"texts": ["x"], "ms": [1]}', "[" * 9_999):
        if file is not None:
            file.write_text(content)
        clock = Clock()
        machine_latency(SPACE, setting, clock=clock, sample=5)
        (file,) = (cache_folder() / "latency").iterdir()
        assert clock.looks > 5


@pytest.fixture
def measured(monkeypatch):
    """Members that were measured; networks take as long as a rule says that no sum over operations follows."""
    asked = []

    def measure(networks, members, setting, *_):
        asked.extend(SPACE.keys(members).tolist())
        return [Timing(ms, ms, ms, ms, 7) for ms in rule(networks, members, setting)]

    monkeypatch.setattr("archllm.objectives.latency.kept.measure_members", measure)
    return asked


def rule(networks, members, setting):
    return 0.01 + (networks.macs(members, setting) / 1e6) ** 1.5


def test_near_a_limit_members_are_measured_that_are_expected_there(measured):
    networks, setting = SPACE.require_networks(), SPACE.require_networks().setting(channels=4, cells=1, image_size=8)
    members = SPACE.enumerate()
    ms = np.array(rule(networks, members, setting))
    limit = float(np.quantile(ms, 0.1))
    usual = machine_latency(SPACE, setting, sample=24)
    before = len(measured)
    near = machine_latency(SPACE, setting, sample=24, limit=limit)
    assert len(measured) == len(set(measured)) == before + NEAR_ROUNDS * NEAR_SAMPLE  # none twice
    there = np.flatnonzero((ms > 0.7 * limit) & (ms < 1.3 * limit))
    errors = [np.abs(model.predict(members[there]).ms / ms[there] - 1).mean() for model in (usual, near)]
    assert errors[1] < 0.1 and errors[1] < errors[0] / 2
    machine_latency(SPACE, setting, sample=24, limit=limit)
    assert len(measured) == before + NEAR_ROUNDS * NEAR_SAMPLE  # all of it was kept


def test_a_limit_that_most_members_keep_to_needs_no_more_timings(measured):
    setting = SPACE.require_networks().setting(**TINY)
    machine_latency(SPACE, setting, sample=SAMPLE, limit=100.0)
    assert len(measured) == SAMPLE


def test_members_of_interest_are_among_those_near_a_limit(measured):
    networks, setting = SPACE.require_networks(), SPACE.require_networks().setting(channels=4, cells=1, image_size=8)
    some = SPACE.enumerate()
    ms = np.array(rule(networks, some, setting))
    limit = float(np.quantile(ms, 0.1))
    also = some[np.argsort(np.abs(np.log(ms / limit)), kind="stable")[:40]]
    machine_latency(SPACE, setting, sample=24, limit=limit, also=concatenate([also, also]))
    usual = SPACE.keys(LatencyFeatures(SPACE, setting).reference)
    assert len((set(SPACE.keys(also).tolist()) - set(usual.tolist())) & set(measured)) > 10
    assert len(measured) == len(set(measured))


def test_a_tight_limit_is_kept_and_used(measured):
    networks, setting = SPACE.require_networks(), SPACE.require_networks().setting(channels=4, cells=1, image_size=8)
    members = SPACE.enumerate()
    ms = np.array(rule(networks, members, setting))
    limit = 1.1 * float(np.quantile(ms, 0.1))  # many cells take exactly that quantile
    meets = latency_limit("latency", Range("latency", -np.inf, limit), SPACE, setting)(members)
    assert np.mean(ms[meets] <= limit) > 0.95
    assert meets.sum() > 0.7 * np.sum(ms <= limit)


def test_kept_timings_measure_each_member_once(measured):
    timings = KeptTimings(SPACE, SPACE.require_networks().setting(**TINY))
    some = SPACE.sample(5, np.random.default_rng(0))
    found = timings.of(concatenate([some, some]))
    assert found[:5].tolist() == found[5:].tolist() and len(measured) == len(set(measured))
    assert KeptTimings(SPACE, timings.setting).of(some).tolist() == found[:5].tolist()
    assert len(measured) == len(set(measured))


def test_latency_is_an_objective_that_follows_the_study():
    objective = load_objective("latency?threads=2&batch=4", SPACE)
    assert isinstance(objective, Latency)
    assert objective.runtime == RuntimeSetting(threads=2, batch=4)
    small = objective.with_network(TINY)
    assert (small.spec, small.network_setting.channels) == (objective.spec, 1)
    assert small.identity.settings["threads"] == 2
    found = copy.deepcopy(small).evaluate(SPACE.parse("17"))
    assert found.value > 0
    assert found.metrics["latency.low"] <= found.value <= found.metrics["latency.high"]


@pytest.mark.parametrize("spec", ["latency?", "latency?threads=0", "latency?thread=2", "latency?threads", "latency:"])
def test_specs_that_can_not_be_read_are_refused(spec):
    with pytest.raises(InvalidInput):
        load_objective(spec, SPACE)
