"""Latency on this machine: a sample of a space is measured once, the rest is predicted.

Whole networks are measured, not single operations: ONNX Runtime fuses operations and keeps tensors in the layout that
the next one likes, so what an operation takes depends on what stands around it.

Random members of a large space are mostly large. Costs that are fitted to those say little of networks that take a
tenth of their time, so near a limit the model is fitted again, to members that it expects there and then measures.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs, concatenate
from archllm.networks.latency import RuntimeSetting
from archllm.networks.latency.timing import Clock
from archllm.networks.setting import NetworkSetting
from archllm.objectives.latency.features import LatencyFeatures
from archllm.objectives.latency.kept import KeptTimings
from archllm.objectives.latency.model import FEWEST, LatencyModel, chosen_for_timing
from archllm.spaces import SearchSpace

SAMPLE = 48
"""Members that are measured: as many by design as for another device, and random ones."""

BY_DESIGN = 10
"""Members that are measured as they tell most."""

NEAR_ROUNDS, NEAR_SAMPLE = 3, 20
"""Near a limit, the model is fitted so many times again, each time with so many more members."""

NEAR = 3.0
"""Members that take so many times the limit are not near it."""


def machine_latency(
    space: SearchSpace,
    setting: NetworkSetting | None = None,
    runtime: RuntimeSetting | None = None,
    clock: Clock = time.perf_counter,
    sample: int = SAMPLE,
    limit: float | None = None,
    also: Graphs | None = None,
) -> LatencyModel:
    """What networks of a space take on this machine.

    The first call for a space, a network setting and a way of computing measures for some seconds, and so does one for
    another limit. Timings are kept in the user's folder for caches, by processor and version of ONNX Runtime.

    Args:
        space: a space with networks.
        setting: setting of the networks; by default that of the space's paper.
        runtime: how ONNX Runtime computes; by default on one thread, an image at a time.
        clock: the time.
        sample: members that are measured.
        limit: milliseconds near which it is to be exact, if anywhere. It is already where most of the sample take
            less.
        also: members that are of interest there, beside random ones.

    Raises:
        InvalidInput: no networks are made of the space's members, the space has too few, or there is no such provider.
        MissingExtra: ONNX Runtime is not installed.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("mobile")
        >>> model = machine_latency(space, limit=0.1)  # doctest: +SKIP
        >>> model.predict(space.sample(2, np.random.default_rng(0))).ms.shape  # doctest: +SKIP
        (2,)
    """
    timings = KeptTimings(space, setting, runtime, clock)
    features = LatencyFeatures(space, timings.setting)
    members = _sample(features, sample)
    ms = timings.of(members)
    model = LatencyModel(features, members, ms)
    if limit is None or limit >= np.median(ms):
        return model
    pool = features.reference if also is None else concatenate([features.reference, also])
    pool = pool[np.sort(np.unique(space.keys(pool), return_index=True)[1])]
    waiting = ~np.isin(space.keys(pool), space.keys(members))
    for _ in range(NEAR_ROUNDS):
        if not waiting.any():  # all there are were measured
            break
        away = np.where(waiting, _away(model.predict(pool).ms, limit), np.inf)
        rows = np.argsort(away, kind="stable")[: min(NEAR_SAMPLE, int(waiting.sum()))]
        waiting[rows] = False
        members, ms = concatenate([members, pool[rows]]), np.concatenate([ms, timings.of(pool[rows])])
        near = np.flatnonzero(ms < NEAR * limit)
        if len(near) >= FEWEST:
            model = LatencyModel(features, members[near], ms[near])
    return model


def _away(ms: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """How far from a limit predictions are, as ratios; those of next to nothing are no further than a tenth of it."""
    return np.abs(np.log(np.maximum(ms, limit / 10) / limit))


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
