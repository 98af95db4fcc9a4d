"""Objective specs -> objectives: `table:nasbench201/cifar10`, `train:digits`, `python:mine:score`, `params`."""

from __future__ import annotations

from typing import Any, Literal

from archllm.errors import InvalidInput
from archllm.objectives.base import Objective
from archllm.spaces import SearchSpace

FORMS = (
    "table:TABLE/METRIC",
    "train:DATA",
    "proxy:NAME",
    "python:MODULE:FUNCTION",
    "command:PROGRAM ARGS",
    "params",
    "macs",
)
"""Forms of a spec."""

_DIRECTIONS: tuple[Literal["maximise", "minimise"], ...] = ("maximise", "minimise")


def load_objective(spec: str, space: SearchSpace, time_limit: float | None = None) -> Objective:
    """The objective that a spec stands for, with its default settings.

    `minimise:SPEC` and `maximise:SPEC` say which scores are better. Without them it follows from the objective: sizes,
    and columns of a table that are called after a cost or a loss, are minimised; all else is maximised, functions and
    commands of users included.

    Args:
        spec: one of `FORMS`.
        space: the space whose architectures are to be scored.
        time_limit: seconds that one evaluation may take, for objectives that take time; by default an hour.

    Raises:
        InvalidInput: the spec can't be read.
        DataMissing: its data is not there.
        DataError: its data can't be used, or is of another space.
    """
    for direction in _DIRECTIONS:
        if spec.startswith(f"{direction}:"):
            objective = _load(spec.partition(":")[2], space, time_limit)
            objective.spec, objective.direction = spec, direction
            return objective
    return _load(spec, space, time_limit)


def _load(spec: str, space: SearchSpace, time_limit: float | None) -> Objective:
    kind, _, rest = spec.partition(":")
    limited: dict[str, Any] = {} if time_limit is None else {"time_limit": time_limit}
    if spec in ("params", "macs"):
        from archllm.objectives.complexity import Complexity

        return Complexity(space, "params" if spec == "params" else "macs")
    if rest and kind == "table":
        from archllm.objectives.table import TableObjective

        return TableObjective.of(rest, space)
    if rest and kind == "train":
        from archllm.objectives.candidate import CandidateTraining
        from archllm.objectives.train import TrainObjective

        return TrainObjective(space, rest, CandidateTraining(**limited))
    if rest and kind == "proxy":
        from archllm.objectives.proxies import ProxyObjective

        return ProxyObjective(space, rest)
    if rest and kind == "python":
        from archllm.objectives.callable import CallableObjective

        return CallableObjective(space, rest, **limited)
    if rest and kind == "command":
        from archllm.objectives.command import CommandObjective

        return CommandObjective(space, rest, **limited)
    raise InvalidInput(f"unknown objective {spec!r}; objectives are written {', '.join(FORMS)}")
