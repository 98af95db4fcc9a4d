"""Assignments: one choice per slot, under constraints and switches; counted, numbered, drawn.

Slots that no constraint or switch joins are independent, so the assignments fall into components: their counts
multiply, and each is drawn on its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.spaces.constraints import Constraint
from archllm.spaces.kinds.components import (
    KEY_LIMIT,
    OFF,
    Choices,
    Component,
    Free,
    Joint,
    Listed,
    Open,
    active,
    fulfilled,
    joined,
)


class Assignments:
    """All tuples of choices `0 … radix - 1`, one per slot, that fulfil the constraints.

    Args:
        radices: number of choices of each slot.
        constraints: what every assignment fulfils; the terms' `reads` are numbers of slots.
        switches: conditions of slots that can be switched off; each reads earlier slots only. Where it does not hold,
            the choice is `OFF`.

    Raises:
        DefinitionError: nothing fulfils the constraints, too little does to draw from, or there are too many members.
    """

    def __init__(
        self,
        radices: Sequence[int],
        constraints: Sequence[Constraint] = (),
        switches: Mapping[int, Constraint] | None = None,
    ) -> None:
        self.radices = np.array(radices, dtype=np.int64)
        self.constraints, self.switches = tuple(constraints), dict(switches or {})
        for number, constraint in enumerate(self.constraints):
            if not constraint.term.reads:
                raise DefinitionError("this constraint speaks of no choice", "constraints", number)
        groups = joined(len(self.radices), self.constraints, self.switches)
        self.components = [self._component(slots) for slots in groups]
        self.exact = all(component.exact for component in self.components)
        self.size = math.prod(component.size for component in self.components)
        span = math.prod(component.span for component in self.components)
        if span >= KEY_LIMIT:
            raise DefinitionError(f"the space has {span:.3g} members, more than 64-bit keys (9.22e18) can tell apart")
        self._spans = [math.prod(c.span for c in self.components[at + 1 :]) for at in range(len(self.components))]

    def _component(self, slots: list[int]) -> Component:
        constraints = [(k, c) for k, c in enumerate(self.constraints) if c.term.reads & set(slots)]
        switches = {slot: self.switches[slot] for slot in slots if slot in self.switches}
        if not constraints and not switches:
            return Free(slots, int(self.radices[slots[0]]))
        base = Joint(slots, self.radices, constraints, switches)
        rows = base.listing()
        if rows is None:
            return Open(base)
        if not len(rows):
            raise base.unsatisfied()
        return Listed(base, rows)

    def contents(self, slots: Sequence[int]) -> int:
        """How many different contents some slots have at most."""
        return math.prod(component.contents(set(slots)) for component in self.components)

    @property
    def joins(self) -> bool:
        """Whether some slots depend on one another."""
        return any(len(component.varying()) > 1 for component in self.components)

    def divide(self, parts: Sequence[Sequence[int]]) -> bool:
        """Whether slots that depend on one another stand in several of the parts."""
        home = {slot: number for number, part in enumerate(parts) for slot in part}
        return any(len({home[slot] for slot in component.varying()}) > 1 for component in self.components)

    @property
    def varying(self) -> list[int]:
        """Slots in which assignments differ."""
        return sorted(slot for component in self.components for slot in component.varying())

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        """`n` numbers of assignments, all different; `0 … size - 1` if all components are listed."""
        number = np.zeros(len(choices), dtype=np.int64)
        for component, span in zip(self.components, self._spans, strict=True):
            number += component.rank(choices) * span
        return number

    def unrank(self, numbers: NDArray[np.int64]) -> Choices:
        """The inverse of `rank`."""
        choices = np.zeros((len(numbers), len(self.radices)), dtype=np.int64)
        for component, span in zip(self.components, self._spans, strict=True):
            component.put(choices, numbers // span % component.span)
        return choices

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        """`n` booleans: which tuples of choices in range, or `OFF`, are assignments."""
        held = np.ones(len(choices), dtype=np.bool_)
        for component in self.components:
            held &= component.contains(choices)
        return held

    def broken(self, choices: Choices) -> tuple[str, int] | None:
        """What a single tuple that is no assignment breaks: `switch` and a slot, or `constraint` and its number."""
        for slot, switch in self.switches.items():
            if (choices[0, slot] != OFF) != active(switch, choices)[0]:
                return "switch", slot
        for number, constraint in enumerate(self.constraints):
            if not fulfilled(constraint, choices)[0]:
                return "constraint", number
        return None

    def sample(self, n: int, rng: np.random.Generator) -> Choices:
        """`n` uniform assignments."""
        choices = np.zeros((n, len(self.radices)), dtype=np.int64)
        for component in self.components:
            component.draw(choices, rng)
        return choices
