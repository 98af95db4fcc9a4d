"""Size as an objective: parameters and multiply-accumulates, counted without building a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.networks.setting import NetworkSetting
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.identity import Identity
from archllm.spaces import Architecture, SearchSpace


class Complexity(Objective):
    """Parameters or multiply-accumulates of the network; fewer are better.

    Args:
        space: the space whose architectures are counted.
        measure: which of the two.
        options: fields of the space's network setting; the rest is as in its paper.

    Raises:
        InvalidInput: no networks are made of the space's architectures, or an option is wrong.
    """

    direction = "minimise"
    immediate = True
    follows_network = True

    def __init__(self, space: SearchSpace, measure: Literal["params", "macs"], **options: Any) -> None:
        if measure not in ("params", "macs"):
            raise InvalidInput(f"measure must be params or macs, got {measure!r}")
        self.networks = space.require_networks()
        self.setting: NetworkSetting = self.networks.setting(**options)
        self.spec: str = measure
        self.measure: Literal["params", "macs"] = measure
        self.space = space

    @property
    def network_setting(self) -> NetworkSetting:
        return self.setting

    @property
    def identity(self) -> Identity:
        return Identity.of(self.spec, network=self.setting)

    def with_network(self, options: Mapping[str, Any]) -> Complexity:
        again = Complexity(self.space, self.measure, **vars(self.setting) | dict(options))
        again.spec, again.direction = self.spec, self.direction
        return again

    def counts(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n` values of members, all at once.

        Raises:
            InvalidArchitecture: a graph is not a member.
        """
        count = self.networks.params if self.measure == "params" else self.networks.macs
        return count(graphs, self.setting)

    def _evaluate(self, arch: Architecture) -> Evaluation:
        return Evaluation(float(self.counts(arch.graph)[0]))
