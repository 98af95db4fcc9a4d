"""Latency on this machine: a sample of a space is measured once, the rest is predicted.

Whole networks are measured, not single operations: ONNX Runtime fuses operations and keeps tensors in the layout that
the next one likes, so what an operation takes depends on what stands around it.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import ArchLLMError
from archllm.files import cache_folder, make_folder, write_text
from archllm.graphs import Graphs, concatenate
from archllm.networks.latency import RuntimeSetting, Timing, measure_members
from archllm.networks.latency.runtime import runtime_version
from archllm.networks.latency.timing import Clock
from archllm.networks.setting import NetworkSetting
from archllm.objectives.identity import Identity, fingerprint
from archllm.objectives.latency.features import LatencyFeatures
from archllm.objectives.latency.model import FEWEST, LatencyModel, chosen_for_timing
from archllm.spaces import SearchSpace

SAMPLE = 48
"""Members that are measured: as many by design as for another device, and random ones."""

BY_DESIGN = 10
"""Members that are measured as they tell most."""

_LARGEST = 1_000_000  # bytes of a cached file


def machine_latency(
    space: SearchSpace,
    setting: NetworkSetting | None = None,
    runtime: RuntimeSetting | None = None,
    clock: Clock = time.perf_counter,
    sample: int = SAMPLE,
) -> LatencyModel:
    """What networks of a space take on this machine.

    The first call for a space, a network setting and a way of computing measures for some seconds. Timings are kept in
    the user's folder for caches, by processor and version of ONNX Runtime.

    Args:
        space: a space with networks.
        setting: setting of the networks; by default that of the space's paper.
        runtime: how ONNX Runtime computes; by default on one thread, an image at a time.
        clock: the time.
        sample: members that are measured, where nothing was measured before.

    Raises:
        InvalidInput: no networks are made of the space's members, the space has too few, or there is no such provider.
        MissingExtra: ONNX Runtime is not installed.
    """
    networks = space.require_networks()
    chosen, complete = runtime or RuntimeSetting(), setting or networks.setting()
    features = LatencyFeatures(space, complete)
    name = fingerprint(json.dumps([machine_facts(chosen), space.identity, _network(complete)], sort_keys=True))
    file = cache_folder() / "latency" / f"{name}.json"
    found = _kept(file, space)
    if found is None:
        members = _sample(features, sample)
        ms = usual_milliseconds(measure_members(networks, members, complete, chosen, clock))
        with suppress(ArchLLMError, OSError):  # a cache that can't be written costs time, not the result
            _keep(file, members, ms, space, chosen)
        found = members, ms
    return LatencyModel(features, *found)


def usual_milliseconds(timings: Sequence[Timing]) -> NDArray[np.float64]:
    """Medians, with the repeatability of the fastest runs: those times what a median is longer than they usually."""
    fastest = np.array([timing.fastest for timing in timings])
    return fastest * float(np.median([timing.ms for timing in timings] / fastest))


def machine_facts(runtime: RuntimeSetting) -> dict[str, Any]:
    """What decides how long a network takes here: processor, ONNX Runtime, and how it computes.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
    """
    return {"processor": _processor(), "onnxruntime": runtime_version(), **vars(runtime)}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    with suppress(OSError):
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _network(setting: NetworkSetting) -> Mapping[str, Any]:
    return Identity.of("latency", network=setting).network or {}


def _sample(features: LatencyFeatures, count: int) -> Graphs:
    """The members to measure, each once: some by design, the others as they come."""
    reference = features.reference
    if len(reference) <= count:
        return reference
    designed = chosen_for_timing(features, BY_DESIGN)
    keys = features.space.keys
    others = np.flatnonzero(~np.isin(keys(reference), keys(designed)))
    rows = np.random.default_rng(0).permutation(others)[: max(count - BY_DESIGN, 0)]
    return concatenate([designed, reference[rows]])


def _keep(file: Path, members: Graphs, ms: Any, space: SearchSpace, runtime: RuntimeSetting) -> None:
    texts = [arch.text for arch in space.architectures(members)]
    document = {"about": machine_facts(runtime), "texts": texts, "ms": [float(each) for each in ms]}
    make_folder(file.parent)
    write_text(file, json.dumps(document) + "\n")


def _kept(file: Path, space: SearchSpace) -> tuple[Graphs, Any] | None:
    """What was measured before; `None` if there is nothing, or nothing that can be used."""
    try:
        if file.stat().st_size > _LARGEST:
            return None
        document = json.loads(file.read_text(encoding="utf-8"))
        ms = np.array(document["ms"], dtype=np.float64)
        members = concatenate([space.parse(text).graph for text in document["texts"]])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ArchLLMError):
        return None
    usable = ms.shape == (len(members),) and len(ms) >= FEWEST and np.isfinite(ms).all() and (ms > 0).all()
    return (members, ms) if usable else None
