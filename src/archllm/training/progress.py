"""Progress of long work: what a listener is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Metrics = dict[str, float]
"""Named figures of one step or one evaluation."""


@dataclass(frozen=True)
class Event:
    """Something a listener may want to show or write down.

    Example:
        >>> def listener(event: Event) -> None:
        ...     print(f"{event.stage} {event.step}/{event.steps} {event.metrics}")
        >>> listener(Event("prior", 10, 1200, {"loss": 6.2}))
        prior 10/1200 {'loss': 6.2}
    """

    stage: str
    """`tokenizer`, `prior`, `search`, or a phase of a fit."""

    step: int
    """Steps done; seconds in a fit, whose phases end by the clock."""

    steps: int
    """Steps planned."""

    metrics: Metrics
    """Figures of the step; evaluations come with names that start with `validation_`."""

    note: str = ""
    """Something that a user should know, said once; then the rest is as before the step."""

    unit: Literal["", "s"] = ""
    """What steps are: `s` where they are seconds, which are shown as a clock shows them."""

    about: str = ""
    """What is under way, where that changes from step to step: the method and seed of a comparison's search."""


Listener = Callable[[Event], None]
"""Called after a step that is worth reporting."""
