"""Evaluation: what is known of one architecture's score. There is one such record, from the objective to the report.

An objective makes one with a single value. `combined` joins those of several objectives, workers hand the joint one to
the store, a trial of the store holds it, and a searcher is told the same record as `for_searcher` leaves it: without
test metrics, and with signs turned so that more is better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput

Direction = Literal["maximise", "minimise"]
"""Which scores of an objective are better."""

LARGEST_SCORE = 1e100
"""Scores lie between minus and plus this: their squares and sums are finite, too."""

_T = TypeVar("_T")


def is_score(value: float) -> bool:
    """Whether a number can be a score: finite, and small enough to be reckoned with."""
    return abs(value) <= LARGEST_SCORE  # NaN is not


class LowerFidelity(NamedTuple):
    """One lower-fidelity evaluation: a cheaper score that a search method asked for on its own, besides the budget."""

    key: int
    """Canonical key of the architecture, which need not be one that the study has evaluated."""

    spec: str
    """The objective that was asked, such as `proxy:synflow`."""

    value: float | None
    """Its score, turned so that more is better; `None` if there is none."""

    cost: float | None
    """Seconds that it took, or would have taken; `None` if no cost is recorded, as in a table without seconds."""

    text: str = ""
    """The architecture, where the method has to know it again."""


@dataclass(frozen=True, init=False)
class Evaluation:
    """What one evaluation found, or why it found nothing.

    Args:
        values: the score, or a score per objective; `None` if the evaluation failed.
        metrics: see the fields of these names.
        test: likewise.
        cost: likewise.
        curves: likewise.
        failure: likewise.
        lower_fidelity: likewise.
        reused_from: likewise.

    Example:
        >>> found = Evaluation(0.93, metrics={"epochs": 12}, cost=41.5)
        >>> found.value, found.values, found.cost
        (0.93, (0.93,), 41.5)
        >>> Evaluation(None, failure="out of memory").value is None
        True
    """

    values: tuple[float, ...] | None
    """A score per objective, finite, as the objective counts it; `None` if one of them has none."""

    metrics: dict[str, float] = field(default_factory=dict)
    """Further metrics that a searcher may look at."""

    test: dict[str, float] = field(default_factory=dict)
    """Metrics on test data, which no searcher may see; reports show those of the architecture that was chosen."""

    cost: float = 0.0
    """Seconds that it took, or would have taken where the score was looked up."""

    curves: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Validation scores after each epoch, by name, where there are epochs."""

    failure: str | None = None
    """Why there are no values."""

    lower_fidelity: tuple[LowerFidelity, ...] = ()
    """Lower-fidelity evaluations that the search method made since the evaluation before."""

    reused_from: str | None = None
    """Name of the study that made it, where it was taken from the store; `cost` is then what it cost there."""

    def __init__(
        self,
        values: float | Sequence[float] | None,
        metrics: Mapping[str, float] | None = None,
        test: Mapping[str, float] | None = None,
        cost: float = 0.0,
        curves: Mapping[str, Sequence[float]] | None = None,
        failure: str | None = None,
        lower_fidelity: Iterable[LowerFidelity] = (),
        reused_from: str | None = None,
    ) -> None:
        several = tuple(values) if isinstance(values, tuple | list) else (values,)
        given = {
            "values": None if values is None else several,
            "metrics": dict(metrics or {}),
            "test": dict(test or {}),
            "cost": cost,
            "curves": {name: tuple(curve) for name, curve in (curves or {}).items()},
            "failure": failure,
            "lower_fidelity": tuple(lower_fidelity),
            "reused_from": reused_from,
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def value(self) -> float | None:
        """The score by the first objective, the only one where there is one; `None` if the evaluation failed."""
        return None if self.values is None else self.values[0]

    @property
    def total_cost(self) -> float:
        """Its cost with that of the lower-fidelity evaluations on the way to it, as far as that is recorded."""
        return self.cost + recorded_cost(self.lower_fidelity)


def recorded_cost(evaluations: Iterable[LowerFidelity]) -> float:
    """Seconds that lower-fidelity evaluations cost; those without a recorded cost count as 0."""
    return sum(each.cost or 0.0 for each in evaluations)


def without_cost(evaluations: Iterable[LowerFidelity]) -> tuple[str, ...]:
    """Specs of lower-fidelity evaluations of which no cost is recorded, each once, in order."""
    return tuple(dict.fromkeys(each.spec for each in evaluations if each.cost is None))


def combined(specs: Sequence[str], found: Sequence[Evaluation]) -> Evaluation:
    """One evaluation by several objectives; it failed if one of them did, and keeps the scores before as metrics.

    A metric or curve that two objectives give under one name is told apart by the objective's spec.

    Args:
        specs: the objectives' specs.
        found: evaluations by the first of them, in their order; all but the last have a value.
    """
    failure = None
    if found[-1].value is None:
        failure = found[-1].failure or "there is no score"
        if len(specs) > 1:
            failure = f"{specs[len(found) - 1]}: {failure}"
    values = [each.value for each in found if each.value is not None]
    metrics = _joined(specs, [each.metrics for each in found])
    return Evaluation(
        values if failure is None else None,
        metrics=metrics if failure is None else metrics | dict(zip(specs, values, strict=False)),
        test=_joined(specs, [each.test for each in found]),
        cost=sum(each.cost for each in found),
        curves=_joined(specs, [each.curves for each in found]),
        failure=failure,
    )


def _joined(specs: Sequence[str], named: Sequence[Mapping[str, _T]]) -> dict[str, _T]:
    names = [name for each in named for name in each]
    return {
        name if names.count(name) == 1 else f"{spec} {name}": value
        for spec, each in zip(specs, named, strict=False)
        for name, value in each.items()
    }


def sign(direction: str) -> float:
    """1 where more is better, -1 where less is: times a score, more is better.

    Raises:
        InvalidInput: there is no such direction.
    """
    if direction not in ("maximise", "minimise"):
        raise InvalidInput(f"a direction is maximise or minimise, got {direction!r}")
    return 1.0 if direction == "maximise" else -1.0


def signs(directions: Iterable[str]) -> NDArray[np.float64]:
    """`m` signs, one per objective. As each is its own inverse, they also turn values back."""
    return np.array([sign(direction) for direction in directions])


def turned(values: Sequence[float], directions: Sequence[str]) -> tuple[float, ...]:
    """Values with signs turned so that more is better."""
    return tuple(sign(direction) * value for value, direction in zip(values, directions, strict=True))


def for_searcher(evaluation: Evaluation, directions: Sequence[str]) -> Evaluation:
    """What a searcher is told of an evaluation: more is better in every objective, and no test metrics.

    Args:
        evaluation: of all objectives, as they count.
        directions: of the objectives.
    """
    values = None if evaluation.values is None else turned(evaluation.values, directions)
    return replace(evaluation, values=values, test={})
