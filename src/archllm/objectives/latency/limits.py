"""Requirements on latency, for many members at once."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.requirements import Range
from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.networks.setting import NetworkSetting
from archllm.objectives.latency.model import LatencyPrediction
from archllm.objectives.latency.objective import load_latency
from archllm.spaces import SearchSpace

CERTAINTY = 0.98
"""Share of the intervals that limits go by that are to hold the measured latency: a search leans to members that are
slower than predicted, as larger networks tend to be better."""


def latency_limit(
    spec: str, wanted: Range, space: SearchSpace, network: NetworkSetting | None = None
) -> Callable[[Graphs], NDArray[np.bool_]]:
    """From `n` members to `n` booleans: whose latency is in a range, the whole 98 % interval of it.

    Args:
        spec: what latency: on this machine, or of a device.
        wanted: the range, in milliseconds.
        space: the space.
        network: setting of the networks; by default that of the space's paper, or of the device's timings.

    Raises:
        InvalidInput: the spec can't be read, or the device was timed with another network setting.
        DataMissing: there is no such device.
        DataError: the device's timings can't be used.
        MissingExtra: ONNX Runtime is not installed.
    """
    objective = load_latency(spec, space)
    if network is not None:
        try:
            objective = objective.with_network(vars(network))  # type: ignore[assignment]
        except InvalidInput as error:
            raise InvalidInput(f"the limit {wanted}: {error}") from error
    bound = wanted.high if math.isfinite(wanted.high) else wanted.low
    model = objective.near(bound)
    return lambda graphs: surely_within(wanted, model.predict(graphs, CERTAINTY))


def surely_within(wanted: Range, found: LatencyPrediction) -> NDArray[np.bool_]:
    """`n` booleans: whose whole interval is in a range."""
    return np.asarray((found.low >= wanted.low) & (found.high <= wanted.high))
