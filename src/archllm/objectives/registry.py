"""Objective specs -> objectives: `table:nasbench201/cifar10`, `train:digits`, `params`, `macs`, `proxy:NAME`."""

from __future__ import annotations

from archllm.errors import InvalidInput
from archllm.objectives.base import Objective
from archllm.spaces import SearchSpace

FORMS = ("table:TABLE/METRIC", "train:DATA", "proxy:NAME", "params", "macs")
"""Forms of a spec."""


def load_objective(spec: str, space: SearchSpace) -> Objective:
    """The objective that a spec stands for, with its default settings.

    Args:
        spec: one of `FORMS`.
        space: the space whose architectures are to be scored.

    Raises:
        InvalidInput: the spec can't be read.
        DataMissing: its data is not there.
        DataError: its data can't be used, or is of another space.
    """
    kind, _, rest = spec.partition(":")
    if spec in ("params", "macs"):
        from archllm.objectives.complexity import Complexity

        return Complexity(space, "params" if spec == "params" else "macs")
    if rest and kind == "table":
        from archllm.objectives.table import TableObjective

        return TableObjective.of(rest, space)
    if rest and kind == "train":
        from archllm.objectives.train import TrainObjective

        return TrainObjective(space, rest)
    if rest and kind == "proxy":
        from archllm.objectives.proxies import ProxyObjective

        return ProxyObjective(space, rest)
    raise InvalidInput(f"unknown objective {spec!r}; objectives are written {', '.join(FORMS)}")
