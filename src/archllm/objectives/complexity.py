"""Size as an objective: parameters and multiply-accumulates, counted without building a network."""

from __future__ import annotations

from typing import Any, Literal

from archllm.errors import InvalidInput
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture, SearchSpace


class Complexity(Objective):
    """Parameters or multiply-accumulates of the network; fewer are better.

    Args:
        space: the space whose architectures are counted.
        measure: which of the two.
        options: fields of the space's `network_config`.

    Raises:
        InvalidInput: no networks are made of the space's architectures, or an option is wrong.
    """

    direction = "minimise"

    def __init__(self, space: SearchSpace, measure: Literal["params", "macs"], **options: Any) -> None:
        if measure not in ("params", "macs"):
            raise InvalidInput(f"measure must be params or macs, got {measure!r}")
        space.network_options(**options)
        self.spec: str = measure
        self.measure = measure
        self.space = space
        self.options = options

    def _evaluate(self, arch: Architecture) -> Evaluation:
        count = self.space.params if self.measure == "params" else self.space.macs
        return Evaluation(float(count(arch.graph, **self.options)[0]))
