"""Sizes of networks with some options, in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces import SearchSpace


def params(space: SearchSpace, graphs: Graphs, **options: Any) -> NDArray[np.int64]:
    """`n` parameter counts of members' networks with these options."""
    networks = space.require_networks()
    return networks.params(graphs, networks.setting(**options))


def macs(space: SearchSpace, graphs: Graphs, **options: Any) -> NDArray[np.int64]:
    """`n` counts of multiply-accumulates of members' networks with these options."""
    networks = space.require_networks()
    return networks.macs(graphs, networks.setting(**options))
