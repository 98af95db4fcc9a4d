"""Timings of a device that is made up, for tests."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces import load_space

COSTS = {"skip_connect": 0.1, "nor_conv_1x1": 1.0, "nor_conv_3x3": 3.0, "avg_pool_3x3": 0.5, "none": 0.0}


def milliseconds(graphs: Graphs) -> NDArray[np.float64]:
    """What a device that computes all that is written takes."""
    space = load_space("nasbench201")
    costs = np.array([COSTS.get(name, 0.0) for name in space.op_names])
    return np.asarray(2.0 + costs[graphs.ops].sum(1))


def timings(graphs: Graphs, **more: Any) -> str:
    """The content of a file of timings."""
    space = load_space("nasbench201")
    rows = [
        {"architecture": arch.text, "ms": float(ms)}
        for arch, ms in zip(space.architectures(graphs), milliseconds(graphs), strict=True)
    ]
    return json.dumps({"space": "nasbench201", "timings": rows} | more)
