import copy
import json

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.files import cache_folder
from archllm.networks.latency import RuntimeSetting
from archllm.objectives import load_objective
from archllm.objectives.latency import Latency, machine_latency
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
