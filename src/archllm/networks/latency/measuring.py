"""Latency of files and of members' networks, measured on this machine."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from archllm.graphs import Graphs
from archllm.networks.latency.runtime import runnable, runtime_version
from archllm.networks.latency.setting import RuntimeSetting
from archllm.networks.latency.timing import Clock, Timing, timings
from archllm.networks.setting import NetworkSetting
from archllm.spaces.network_interface import Networks

SECONDS_EACH = 0.25
"""Seconds that a network is measured for at most, once there are enough rounds."""

_TOGETHER = 24  # networks that are kept ready and take turns


def measure_onnx(
    model: bytes | Path,
    runtime: RuntimeSetting | None = None,
    image: tuple[int, ...] | None = None,
    *,
    seconds: float = 1.0,
    clock: Clock = time.perf_counter,
) -> Timing:
    """Milliseconds that an ONNX model takes.

    Args:
        model: the model, or its file; one input, images as floating-point numbers or bytes.
        runtime: how it is computed; by default on one thread, an image at a time.
        image: shape of one image, where the model leaves it open.
        seconds: how long to measure at most, once there are enough rounds.
        clock: the time.

    Raises:
        InvalidInput: there is no such provider, or an open shape is not named.
        DataError: the file can't be read as a model.
        MissingExtra: ONNX Runtime is not installed.
    """
    return timings([runnable(model, runtime or RuntimeSetting(), image)], seconds, clock)[0]


def measure_members(
    networks: Networks,
    graphs: Graphs,
    setting: NetworkSetting | None = None,
    runtime: RuntimeSetting | None = None,
    clock: Clock = time.perf_counter,
) -> list[Timing]:
    """Milliseconds of members' networks, as files of them would take; up to two dozen take turns.

    Args:
        networks: those of their space.
        graphs: `n` members.
        setting: setting of the networks; by default that of the space's paper.
        runtime: how they are computed.
        clock: the time.

    Raises:
        InvalidArchitecture: a graph is not a member.
        InvalidInput: there is no such provider.
        MissingExtra: ONNX Runtime is not installed.
    """
    chosen, found = runtime or RuntimeSetting(), list[Timing]()
    for first in range(0, len(graphs), _TOGETHER):
        rows = range(first, min(first + _TOGETHER, len(graphs)))
        ready = [runnable(onnx_model(networks, graphs[[row]], setting), chosen) for row in rows]
        found += timings(ready, SECONDS_EACH * len(ready), clock)
    return found


def onnx_model(networks: Networks, graph: Graphs, setting: NetworkSetting | None = None) -> bytes:
    """The network of one member as an ONNX model with fresh weights, for timing.

    Raises:
        InvalidArchitecture: the graph is not a member.
        MissingExtra: what ONNX needs is not installed.
    """
    runtime_version()  # says so where it is missing, before torch is loaded
    from archllm.networks.latency.graph import UnknownOperation, onnx_graph
    from archllm.training.randomness import torch_seeded

    blueprint = networks.blueprint(graph, setting)
    with torch_seeded(0):
        network = blueprint.build().eval()
    try:
        return onnx_graph(network, blueprint.image)
    except UnknownOperation:  # blocks of a user's own may use any operation; the exporter knows nearly all
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            networks.export(graph, path, "onnx", setting=setting)
            return path.read_bytes()
