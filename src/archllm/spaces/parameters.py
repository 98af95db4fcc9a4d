"""Parameters: members written as choices of named parameters, the form in which other optimisers know a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces.constraints import Constraint
from archllm.spaces.definition import Value

INACTIVE = -1
"""The choice of a parameter that is inactive."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: a name, and what can be chosen.

    Example:
        >>> Parameter("kernel", (3, 5, 7)).ordered, Parameter("act", ("relu", "gelu")).ordered
        (True, False)
    """

    name: str
    """What it is called in its space."""

    values: tuple[Value, ...]
    """What can be chosen: texts, numbers or booleans."""

    @property
    def ordered(self) -> bool:
        """Whether its values are three or more numbers, ascending: so the order of choices says something."""
        if len(self.values) < 3 or any(isinstance(value, str | bool) for value in self.values):
            return False
        return bool((np.diff(np.array(self.values, dtype=np.float64)) > 0).all())


@dataclass(frozen=True)
class Parameters:
    """The parameters of a space, and how its members are written in them.

    A choice is the position of a value among `Parameter.values`. Not every tuple of choices is a member: constraints
    may forbid it, or, where edges are parameters, it may leave the output without an input.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> found = space.parameters
        >>> found.each[0].name, found.each[0].values[:2]
        ('edge_1_0', ('none', 'skip_connect'))
        >>> member = found.graphs(np.array([[1, 0, 0, 2, 0, 0]]))
        >>> space.format(member), found.choices(member).tolist()
        (['|skip_connect~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|'], [[1, 0, 0, 2, 0, 0]])
    """

    each: tuple[Parameter, ...]
    """The parameters, in an order in which conditions speak of earlier ones only."""

    graphs: Callable[[NDArray[np.int64]], Graphs]
    """From `n x d` choices to `n` graphs, members or not."""

    choices: Callable[[Graphs], NDArray[np.int64]]
    """From `n` members, normalised, to `n x d` choices."""

    conditions: Mapping[int, Constraint] = field(default_factory=dict)
    """When the parameters at these positions are active; where one is not, its choice is `INACTIVE`."""

    def active(self, at: int, chosen: NDArray[np.int64]) -> bool:
        """Whether a parameter is active.

        Args:
            at: its position.
            chosen: `d` choices, of which those at earlier positions count.
        """
        return at not in self.conditions or bool(holds(self.conditions[at], chosen[None])[0])


def holds(condition: Constraint, choices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`n` booleans: whether a condition holds; it does not where it needs an inactive parameter.

    Args:
        condition: reads positions of parameters.
        choices: `n x d`.
    """
    inactive = (choices[:, sorted(condition.term.needs)] == INACTIVE).any(1)
    found: NDArray[np.bool_] = condition.holds(choices) & ~inactive
    return found
