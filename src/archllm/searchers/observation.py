"""Observation: all that a searcher learns of one evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archllm.errors import InvalidInput
from archllm.objectives.base import Evaluation, Objective
from archllm.searchers.purchase import Purchase
from archllm.spaces import Architecture


@dataclass(frozen=True)
class Observation:
    """One evaluated architecture. It has no place for a test score: no searcher ever sees one."""

    architecture: Architecture
    """What was evaluated."""

    values: tuple[float, ...] | None
    """A score per objective, finite, with signs turned so that more is better; `None` if the evaluation failed."""

    cost: float = 0.0
    """Seconds that it took, or would have taken where the scores were looked up."""

    bought: tuple[Purchase, ...] = ()
    """What the method bought for itself before it was over, in this process or another one."""


def observe(evaluations: Sequence[Evaluation], objectives: Sequence[Objective]) -> Observation:
    """What a searcher is told of one architecture that each of the objectives has scored.

    If one of them failed, the whole evaluation counts as failed. Test figures stay behind.

    Args:
        evaluations: one per objective, all of the same architecture.
        objectives: the objectives, in the same order.

    Raises:
        InvalidInput: there is no objective, their number differs, or the architectures do.
    """
    if not objectives or len(evaluations) != len(objectives):
        raise InvalidInput(f"one evaluation per objective is needed, got {len(evaluations)} of {len(objectives)}")
    arch = evaluations[0].architecture
    for evaluation in evaluations:
        if evaluation.architecture != arch:
            raise InvalidInput(f"evaluations of one architecture are needed, got {arch} and {evaluation.architecture}")
    values: list[float] = []
    for evaluation, objective in zip(evaluations, objectives, strict=True):
        if evaluation.value is not None:
            values.append(evaluation.value if objective.direction == "maximise" else -evaluation.value)
    cost = sum(evaluation.cost for evaluation in evaluations)
    return Observation(arch, tuple(values) if len(values) == len(objectives) else None, cost)
