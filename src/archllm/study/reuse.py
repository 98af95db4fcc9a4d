"""What a study takes over of an evaluation that another study of the store made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.store import Store


def known_evaluation(
    store: Store, study: str, objectives: Sequence[Objective], arch: Architecture
) -> Evaluation | None:
    """The evaluation of an architecture without evaluating it, where another study has the scores that take time.

    Objectives whose scores are there at once are asked; so a study of accuracy and size takes over the accuracies of
    one of accuracy alone. Failures are not taken over, as they may be the machine's.

    Args:
        store: where both studies are kept.
        study: the study that asks.
        objectives: its objectives.
        arch: the architecture.

    Returns:
        The evaluation, which names the study that made it and has the cost that it had there; `None` if it has to be
        made.
    """
    found = store.evaluated(study, arch.key)
    if found is None:
        return None
    other, evaluation = found
    values = dict(zip((each.digest for each in other.identities), evaluation.values or (), strict=True))
    own: list[float] = []
    metrics, test = dict(evaluation.metrics), dict(evaluation.test)
    for objective in objectives:
        if not objective.immediate:
            digest = objective.identity.digest
            if digest not in values:  # it was changed behind our back
                return None
            own.append(values[digest])
            continue
        looked_up = objective.evaluate(arch)
        if looked_up.value is None:
            return None
        own.append(looked_up.value)
        metrics |= looked_up.metrics
        test |= looked_up.test
    made_by = evaluation.reused_from or other.name
    return replace(evaluation, values=tuple(own), metrics=metrics, test=test, lower_fidelity=(), reused_from=made_by)
