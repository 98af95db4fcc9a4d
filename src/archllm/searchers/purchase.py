"""Purchase: a score that a method bought for itself, so that neither it nor its price is lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Purchase(NamedTuple):
    """One cheaper score of one architecture; see `cheap` of the search by sequences."""

    key: int
    """Canonical key of the architecture, which need not be one that was evaluated."""

    spec: str
    """The objective that was asked."""

    value: float | None
    """Its score, more is better; `None` if there is none."""

    cost: float | None
    """Seconds that it took, or would have taken; `None` if nobody knows, as in a table without seconds."""


def price(bought: Iterable[Purchase]) -> float:
    """Seconds that scores cost, as far as these are known."""
    return sum(each.cost or 0.0 for each in bought)


def unpriced(bought: Iterable[Purchase]) -> tuple[str, ...]:
    """Objectives whose scores were bought at a price that nobody knows, in order."""
    return tuple(dict.fromkeys(each.spec for each in bought if each.cost is None))
