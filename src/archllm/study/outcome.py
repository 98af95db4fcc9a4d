"""Outcome: what all objectives of a search found for one architecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from archllm.errors import ArchLLMError
from archllm.objectives.base import Evaluation, Objective
from archllm.searchers.purchase import Purchase
from archllm.spaces import Architecture


@dataclass(frozen=True)
class Outcome:
    """What one trial found: all of it, or why there is nothing."""

    values: tuple[float, ...] | None
    """A score per objective, as the objective counts it; `None` if one of them has none."""

    metrics: dict[str, float] = field(default_factory=dict)
    """Further figures that a searcher may look at; scores of a failed trial stand here, by the objective's spec."""

    test: dict[str, float] = field(default_factory=dict)
    """Figures on data that no searcher may see."""

    cost: float = 0.0
    """Seconds that it took, or would have taken where scores were looked up."""

    curves: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Validation score after each epoch, by the spec of the objective, where there are epochs."""

    failure: str | None = None
    """Why there are no values."""

    bought: tuple[Purchase, ...] = ()
    """What the method bought for itself since the outcome before."""


def evaluate(
    objectives: Sequence[Objective], arch: Architecture, begin: Callable[[int], None] | None = None
) -> Outcome:
    """Scores an architecture with each objective in turn; after one that fails, the rest would be wasted.

    Args:
        objectives: the objectives.
        arch: the architecture.
        begin: told the number of each objective before it is asked.

    Raises:
        ArchLLMError: an objective can't work at all, whatever the architecture, as when its data is gone.
    """
    found: list[Evaluation] = []
    for number, objective in enumerate(objectives):
        if begin is not None:
            begin(number)
        try:
            found.append(objective.evaluate(arch))
        except ArchLLMError:
            raise
        except Exception as error:  # noqa: BLE001 - what is paid for is kept, and the search goes on
            found.append(Evaluation(arch, None, failure=f"{type(error).__name__}: {error}"))
        if found[-1].value is None:
            break
    return combined(objectives, found)


def combined(objectives: Sequence[Objective], found: Sequence[Evaluation]) -> Outcome:
    """One outcome of the evaluations of the first objectives, in their order.

    A figure that two objectives give under one name is told apart by the objective's spec.
    """
    specs = [objective.spec for objective in objectives]
    last = found[-1]
    failure = None
    if last.value is None:
        failure = last.failure or "there is no score"
        if len(objectives) > 1:
            failure = f"{specs[len(found) - 1]}: {failure}"
    values = [each.value for each in found if each.value is not None]
    metrics = _joined(specs, [each.metrics for each in found])
    if failure is not None:
        metrics |= dict(zip(specs, values, strict=False))
    return Outcome(
        values=None if failure is not None else tuple(values),
        metrics=metrics,
        test=_joined(specs, [each.test for each in found]),
        cost=sum(each.cost for each in found),
        curves={spec: each.curve for spec, each in zip(specs, found, strict=False) if each.curve},
        failure=failure,
    )


def _joined(specs: Sequence[str], figures: Sequence[dict[str, float]]) -> dict[str, float]:
    names = [name for each in figures for name in each]
    return {
        name if names.count(name) == 1 else f"{spec} {name}": value
        for spec, each in zip(specs, figures, strict=False)
        for name, value in each.items()
    }
