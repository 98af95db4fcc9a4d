"""Observation: all that a searcher learns of one evaluation."""

from __future__ import annotations

from dataclasses import dataclass

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
