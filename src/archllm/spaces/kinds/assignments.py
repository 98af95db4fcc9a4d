"""Assignments: one choice per decision variable, under constraints and conditions; counted, numbered, drawn.

Variables that no constraint or condition joins are independent, so the assignments fall into components: their counts
multiply, and each is drawn on its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.spaces.constraints import Constraint, check_work
from archllm.spaces.fingerprints import EXACT_BELOW, fingerprints
from archllm.spaces.kinds.components import (
    Choices,
    Component,
    Enumerated,
    Free,
    Joint,
    Open,
    fulfilled,
    joined,
)
from archllm.spaces.kinds.symmetries import Group
from archllm.spaces.limits import MOST_ENUMERATED
from archllm.spaces.parameters import INACTIVE, holds


class Assignments:
    """All tuples of choices `0 … radix - 1`, one per variable, that fulfil the constraints.

    Args:
        radices: number of choices of each variable.
        constraints: what every assignment fulfils; the terms' `reads` are numbers of variables.
        conditions: when each conditional variable is active; each reads earlier variables only. Where it does not hold,
            the choice is `INACTIVE`.
        groups: interchangeable units, each variable in at most one; only assignments whose units are in ascending order
            count.

    Raises:
        DefinitionError: nothing fulfils the constraints, or too little does to draw from.
    """

    def __init__(
        self,
        radices: Sequence[int],
        constraints: Sequence[Constraint] = (),
        conditions: Mapping[int, Constraint] | None = None,
        groups: Sequence[Group] = (),
    ) -> None:
        self.radices = np.array(radices, dtype=np.int64)
        self.constraints, self.conditions = tuple(constraints), dict(conditions or {})
        for number, constraint in enumerate(self.constraints):
            if not constraint.term.reads:
                raise DefinitionError("this constraint speaks of no choice", "constraints", number)
        self.groups = tuple(groups)
        self._orders = [order for group in self.groups for order in group.orders()]
        parts = joined(len(self.radices), [*self.constraints, *self._orders], self.conditions)
        self.components = [self._component(variables) for variables in parts]
        self.exact = all(component.exact for component in self.components)
        self.size = math.prod(component.size for component in self.components)
        self.span = math.prod(component.span for component in self.components)
        """What all ranks are below."""
        self.ranked = self.span < EXACT_BELOW
        """Whether each assignment has a number of its own."""
        self._spans = [math.prod(c.span for c in self.components[at + 1 :]) for at in range(len(self.components))]

    def _component(self, variables: list[int]) -> Component:
        constraints = [(k, c) for k, c in enumerate(self.constraints) if c.term.reads & set(variables)]
        conditions = {variable: self.conditions[variable] for variable in variables if variable in self.conditions}
        groups = tuple(group for group in self.groups if group.variables[0] in variables)
        if not constraints and not conditions and not groups:
            return Free(variables, int(self.radices[variables[0]]))
        orders = tuple(order for order in self._orders if order.term.reads & set(variables))
        base = Joint(variables, self.radices, constraints, conditions, groups, orders)
        check_work([constraint for _, constraint in constraints], min(base.raw, MOST_ENUMERATED))
        rows = base.enumerate()
        if rows is None:
            return Open(base)
        if not len(rows):
            raise base.unsatisfied()
        return Enumerated(base, rows)

    def contents(self, variables: Sequence[int]) -> int:
        """How many different contents some variables have at most."""
        return math.prod(component.contents(set(variables)) for component in self.components)

    @property
    def joins(self) -> bool:
        """Whether some variables depend on one another."""
        return any(len(component.varying()) > 1 for component in self.components)

    def divide(self, parts: Sequence[Sequence[int]]) -> bool:
        """Whether variables that depend on one another stand in several of the parts."""
        home = {variable: number for number, part in enumerate(parts) for variable in part}
        return any(len({home[variable] for variable in component.varying()}) > 1 for component in self.components)

    @property
    def varying(self) -> list[int]:
        """Variables in which assignments differ."""
        return sorted(variable for component in self.components for variable in component.varying())

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        """`n` numbers of assignments where `ranked`, all different; `0 … size - 1` if all components are enumerated."""
        # rank = sum over components c of rank_c * prod over later d of span_d: mixed radix with the spans as radices;
        # `unrank` divides it again. Spans are sizes where a component is enumerated, so ranks have no gaps there.
        number = np.zeros(len(choices), dtype=np.int64)
        for component, span in zip(self.components, self._spans, strict=True):
            number += component.words(choices)[:, 0] * span
        return number

    def keys(self, choices: Choices) -> NDArray[np.int64]:
        """`n` numbers that tell assignments apart: their ranks, or where these are too many fingerprints."""
        if self.ranked:
            return self.rank(choices)
        return fingerprints(np.concatenate([component.words(choices) for component in self.components], axis=1))

    def unrank(self, numbers: NDArray[np.int64]) -> Choices:
        """The inverse of `rank`."""
        choices = np.zeros((len(numbers), len(self.radices)), dtype=np.int64)
        for component, span in zip(self.components, self._spans, strict=True):
            component.put(choices, numbers // span % component.span)
        return choices

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        """`n` booleans: which tuples of choices in range, or `INACTIVE`, are assignments."""
        held = np.ones(len(choices), dtype=np.bool_)
        for component in self.components:
            held &= component.contains(choices)
        return held

    def broken(self, choices: Choices) -> tuple[str, int] | None:
        """What a single tuple that is no assignment breaks: `condition`, a variable; or `constraint`, its number."""
        for variable, condition in self.conditions.items():
            if (choices[0, variable] != INACTIVE) != holds(condition, choices)[0]:
                return "condition", variable
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
