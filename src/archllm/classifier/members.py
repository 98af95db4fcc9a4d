"""Members of a space under limits: which meet them, what the smallest takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.classifier.limits import Limits
from archllm.graphs import Graphs
from archllm.searchers.domain import Allowed
from archllm.spaces import SearchSpace

ALL_MEMBERS, SOME_MEMBERS = 20_000, 1_000
"""A space of at most so many members is looked at as a whole; of a larger one, so many draws stand for it."""

MEASURED = 5
"""Members that are timed for a rough idea of latency."""

Predict = Callable[[Graphs], NDArray[np.float64]]
"""Graphs -> `n` milliseconds of their networks."""


def met(limits: Limits, space: SearchSpace, setting: Any, latency: Predict | None = None) -> Allowed:
    """Which members meet limits under a network setting.

    Args:
        limits: the limits.
        space: the space.
        setting: the network setting.
        latency: predicts milliseconds; needed for a limit on latency.
    """
    networks = space.require_networks()

    def allowed(graphs: Graphs) -> NDArray[np.bool_]:
        good = np.ones(len(graphs), dtype=np.bool_)
        if limits.params is not None:
            good &= networks.params(graphs, setting) <= limits.params
        if limits.macs is not None:
            good &= networks.macs(graphs, setting) <= limits.macs
        if limits.latency is not None and latency is not None and good.any():
            good[good] = latency(graphs[np.flatnonzero(good)]) <= limits.latency
        return good

    return allowed


def smallest(limits: Limits, space: SearchSpace, setting: Any, latency: Predict | None = None) -> str:
    """The least that networks of a space take of what is limited, in words."""
    networks, graphs = space.require_networks(), some_members(space)
    told = []
    if limits.params is not None:
        told.append(f"{int(networks.params(graphs, setting).min()):,} parameters")
    if limits.macs is not None:
        told.append(f"{int(networks.macs(graphs, setting).min()):,} multiply-accumulates")
    if limits.latency is not None and latency is not None:
        told.append(f"{float(latency(graphs).min()):.3g} ms")
    return ", ".join(told)


def rough_latency(space: SearchSpace, setting: Any) -> Predict:
    """Milliseconds of members under a setting, by a line over multiply-accumulates through a few measured ones.

    Good enough to choose among settings; the cost model that limits a search needs many more measurements. The line is
    that of the least relative errors: limits are tight more often than not, and absolute ones speak of large networks.
    """
    from archllm.networks.latency import measure_members

    networks, graphs = space.require_networks(), some_members(space)
    order = np.argsort(networks.macs(graphs, setting), kind="stable")
    few = graphs[order[np.linspace(0, len(order) - 1, MEASURED).round().astype(np.int64)]]
    ms = [timing.fastest for timing in measure_members(networks, few, setting)]  # whatever else the machine does
    slope, start = np.polyfit(networks.macs(few, setting).astype(np.float64), ms, 1, w=1 / np.array(ms))
    slope, start = max(float(slope), 0.0), max(float(start), 0.0)
    return lambda some: start + slope * networks.macs(some, setting).astype(np.float64)


def some_members(space: SearchSpace) -> Graphs:
    """All members of a small space, or draws from a large one, always the same ones."""
    if space.enumerable and space.size <= ALL_MEMBERS:
        return space.enumerate()
    return space.sample(SOME_MEMBERS, np.random.default_rng(0))
