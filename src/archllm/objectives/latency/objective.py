"""Latency as an objective: milliseconds that are measured here, or predicted for a device."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from archllm.config import parse_words
from archllm.errors import InvalidInput
from archllm.networks.latency import RuntimeSetting, measure_members
from archllm.networks.setting import NetworkSetting
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.identity import Identity
from archllm.objectives.latency.device import device_latency, find_device
from archllm.objectives.latency.kept import machine_facts
from archllm.objectives.latency.machine import machine_latency
from archllm.objectives.latency.model import LatencyModel
from archllm.objectives.latency.specs import FORMS, written
from archllm.spaces import Architecture, SearchSpace


class Latency(Objective):
    """Milliseconds of the network in ONNX Runtime on this machine; fewer are better.

    Every candidate is measured, which takes a fraction of a second. `near` predicts what is not measured.

    Args:
        space: the space.
        runtime: how ONNX Runtime computes; by default on one thread, an image at a time.
        options: fields of the space's network setting; the rest is as in its paper.

    Raises:
        InvalidInput: no networks are made of the space's architectures, or an option is wrong.
        MissingExtra: ONNX Runtime is not installed.

    Example:
        >>> from archllm.spaces import load_space
        >>> objective = Latency(load_space("nasbench201"), RuntimeSetting(threads=2), channels=8)
        >>> objective.spec, objective.direction, objective.network_setting.channels
        ('latency?threads=2', 'minimise', 8)
    """

    direction = "minimise"
    follows_network = True

    def __init__(self, space: SearchSpace, runtime: RuntimeSetting | None = None, **options: Any) -> None:
        self.space, self.runtime = space, runtime or RuntimeSetting()
        self.networks = space.require_networks()
        self.setting: NetworkSetting = self.networks.setting(**options)
        self.spec: str = written(self.runtime)
        machine_facts(self.runtime)  # says so where ONNX Runtime is missing

    @property
    def network_setting(self) -> NetworkSetting:
        return self.setting

    @property
    def identity(self) -> Identity:
        return Identity.of("latency", machine_facts(self.runtime), network=self.setting)

    def with_network(self, options: Mapping[str, Any]) -> Latency:
        again = Latency(self.space, self.runtime, **vars(self.setting) | dict(options))
        again.spec, again.direction = self.spec, self.direction
        return again

    def near(self, limit: float) -> LatencyModel:
        """What predicts members, exact near a limit in milliseconds; the first time, some of them are measured."""
        return machine_latency(self.space, self.setting, self.runtime, limit=limit)

    def _evaluate(self, arch: Architecture) -> Evaluation:
        start = time.perf_counter()
        timing = measure_members(self.networks, arch.graph, self.setting, self.runtime)[0]
        metrics = {"latency.low": timing.low, "latency.high": timing.high}
        return Evaluation(timing.ms, metrics, cost=time.perf_counter() - start)


class DeviceLatency(Objective):
    """Milliseconds that are predicted for a device from some timings; fewer are better.

    The ends of the 90 % interval are metrics of each evaluation.

    Args:
        space: the space.
        device: name of the device, see `archllm device`.

    Raises:
        InvalidInput: the name can't be one.
        DataMissing: there is no such device.
        DataError: its timings are of another space, or damaged.

    Example:
        >>> from archllm.spaces import load_space
        >>> phone = DeviceLatency(load_space("nasbench201"), "phone")  # doctest: +SKIP
        >>> phone.spec, phone.direction  # doctest: +SKIP
        ('latency:phone', 'minimise')
    """

    direction = "minimise"
    immediate = True

    def __init__(self, space: SearchSpace, device: str) -> None:
        self.space, self.device = space, device
        self.spec: str = f"latency:{device}"
        self.model = device_latency(device, space)

    def __reduce__(self) -> Any:
        return DeviceLatency, (self.space, self.device), {"spec": self.spec, "direction": self.direction}

    def near(self, limit: float) -> LatencyModel:
        """What predicts members: the same near any limit, as nothing more can be measured."""
        return self.model

    @property
    def network_setting(self) -> NetworkSetting | None:
        return self.model.features.setting

    @property
    def identity(self) -> Identity:
        timings = find_device(self.device).timings
        return Identity.of(
            f"latency:{self.device}", data={"timings": timings.fingerprint}, network=self.network_setting
        )

    def _evaluate(self, arch: Architecture) -> Evaluation:
        found = self.model.predict(arch.graph)
        return Evaluation(
            float(found.ms[0]), {"latency.low": float(found.low[0]), "latency.high": float(found.high[0])}
        )


def load_latency(spec: str, space: SearchSpace) -> Latency | DeviceLatency:
    """The objective that a spec of latency stands for.

    Raises:
        InvalidInput: it can't be read, or no networks are made of the space's architectures.
        DataMissing: there is no such device.
        DataError: the device's timings are of another space, or damaged.
        MissingExtra: ONNX Runtime is not installed.
    """
    if spec.startswith("latency:"):
        return DeviceLatency(space, spec.removeprefix("latency:"))
    words = spec.partition("?")[2]
    if spec.endswith("?"):
        raise InvalidInput(f"latency is written {', '.join(FORMS)}, got {spec!r}")
    settings = parse_words(words.split("&") if words else (), RuntimeSetting, "latency")
    return Latency(space, RuntimeSetting.from_mapping(settings, "latency"))
