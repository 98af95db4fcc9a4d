"""Components of assignments: decision variables that depend on one another, and variables that stand alone.

A component that can be enumerated is counted and drawn exactly; one that can't is drawn by
rejection, and its count is an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.spaces.constraints import Constraint
from archllm.spaces.limits import MOST_ENUMERATED

INACTIVE = -1
"""The choice of a variable that is inactive."""

KEY_LIMIT = 2**63
"""Numbers of members stay below this."""

_TRIAL = 100_000  # draws at a time from which a share is estimated
_MOST_TRIALS = 20
_ENOUGH = 2_000  # accepted draws after which the estimate is good to some 2 %
_COUNTED = 20_000  # assignments whose contents are counted rather than bounded
_RAREST = 1e-4  # a lower share of accepted draws would make drawing hopelessly slow

Choices = NDArray[np.int64]


def active(condition: Constraint, choices: Choices) -> NDArray[np.bool_]:
    """`n` booleans: whether a conditional variable is active; it is not if it needs an inactive one."""
    return condition.holds(choices) & ~_any_inactive(condition, choices)


def fulfilled(constraint: Constraint, choices: Choices) -> NDArray[np.bool_]:
    """`n` booleans: whether a constraint holds; it does where it names an inactive variable."""
    return constraint.holds(choices) | _any_inactive(constraint, choices)


def _any_inactive(constraint: Constraint, choices: Choices) -> NDArray[np.bool_]:
    inactive: NDArray[np.bool_] = (choices[:, sorted(constraint.term.needs)] == INACTIVE).any(1)
    return inactive


@dataclass(frozen=True)
class Joint:
    """Variables that belong together, with what joins them."""

    variables: list[int]
    radices: NDArray[np.int64]
    constraints: list[tuple[int, Constraint]]
    conditions: dict[int, Constraint]

    @property
    def raw(self) -> int:
        """Combinations of choices in all variables."""
        return self.combinations(self.variables)

    def combinations(self, variables: Sequence[int]) -> int:
        """Combinations of choices in some of them, `INACTIVE` counted as one where a variable can be inactive."""
        return math.prod(int(self.radices[variable]) + (variable in self.conditions) for variable in variables)

    def enumerate(self) -> Choices | None:
        """All rows of choices, each constraint applied as soon as its variables are chosen; `None` if too many."""
        rows = np.zeros((1, len(self.radices)), dtype=np.int64)
        for place, variable in enumerate(self.variables):
            on = (
                active(self.conditions[variable], rows)
                if variable in self.conditions
                else np.ones(len(rows), dtype=np.bool_)
            )
            radix = int(self.radices[variable])
            if len(rows) + int(on.sum()) * (radix - 1) > MOST_ENUMERATED:
                return None
            repeats = np.where(on, radix, 1)
            first = np.repeat(np.cumsum(repeats) - repeats, repeats)
            value = np.arange(int(repeats.sum())) - first
            off = np.repeat(~on, repeats)
            rows = np.repeat(rows, repeats, axis=0)
            rows[:, variable] = np.where(off, INACTIVE, value)
            chosen = set(self.variables[: place + 1])
            for _, constraint in self.constraints:
                if variable in constraint.term.reads and constraint.term.reads <= chosen:
                    rows = rows[fulfilled(constraint, rows)]
        return rows

    def codes(self, choices: Choices) -> NDArray[np.int64]:
        """`n` numbers of what stands in the variables, the first variable most significant; `INACTIVE` comes last."""
        # Mixed radix (Knuth, TAOCP 2, 4.1): number = (...(d_1 r_2 + d_2) r_3 + ...) r_k + d_k with 0 <= d_i < r_i,
        # one digit more, the last, where a variable can be inactive. Order-preserving, hence a sorted table is a rank.
        number = np.zeros(len(choices), dtype=np.int64)
        for variable in self.variables:
            radix = int(self.radices[variable])
            value = np.where(choices[:, variable] == INACTIVE, radix, choices[:, variable])
            number = number * (radix + (variable in self.conditions)) + value
        return number

    def put(self, choices: Choices, codes: NDArray[np.int64]) -> None:
        """The inverse of `codes`, written into the variables."""
        for variable in reversed(self.variables):
            radix = int(self.radices[variable])
            codes, value = np.divmod(codes, radix + (variable in self.conditions))
            choices[:, variable] = np.where(value == radix, INACTIVE, value)

    def holds(self, choices: Choices) -> NDArray[np.bool_]:
        held = np.ones(len(choices), dtype=np.bool_)
        for variable in self.variables:
            condition = self.conditions.get(variable)
            on = choices[:, variable] != INACTIVE
            held &= on == active(condition, choices) if condition else on
        for _, constraint in self.constraints:
            held &= fulfilled(constraint, choices)
        return held

    def attempt(self, n: int, rng: np.random.Generator) -> Choices:
        """The uniform members among `n` uniform rows.

        Every variable is drawn; of the rows that differ only in inactive variables, the one with their first choices
        stands for the member.
        """
        # Rejection (von Neumann, 1951): u uniform on prod r_i, kept iff it is a member in the one way of writing that
        # has digit 0 where a variable is inactive. Each member is hit by exactly one u, so P(member | kept) is uniform.
        rows = np.zeros((n, len(self.radices)), dtype=np.int64)
        kept = np.ones(n, dtype=np.bool_)
        for variable in self.variables:
            rows[:, variable] = rng.integers(self.radices[variable], size=n)
            if variable in self.conditions:
                off = ~active(self.conditions[variable], rows)
                kept &= ~off | (rows[:, variable] == 0)
                rows[off, variable] = INACTIVE
        for _, constraint in self.constraints:
            kept &= fulfilled(constraint, rows)
        return rows[kept]

    def unsatisfied(self) -> DefinitionError:
        """The error of a component that is empty, naming the constraint at fault if it is one alone."""
        for number, constraint in self.constraints:
            rows = Joint(self.variables, self.radices, [(number, constraint)], self.conditions).enumerate()
            if rows is not None and not len(rows):
                return DefinitionError(f"nothing fulfils `{constraint.text}`", "constraints", number)
        number, constraint = self.constraints[-1]
        others = len(self.constraints) - 1
        return DefinitionError(
            f"nothing fulfils `{constraint.text}` together with the {others} other constraint{'s' * (others > 1)} on "
            "the same choices",
            "constraints",
            number,
        )


class Component:
    """Assignments of the variables of one component, numbered below `span`."""

    size: int
    span: int
    exact = True

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        raise NotImplementedError

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        """Writes the assignments of those numbers into the variables."""
        raise NotImplementedError

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        raise NotImplementedError

    def varying(self) -> list[int]:
        """Variables that take different values."""
        raise NotImplementedError

    def contents(self, variables: set[int]) -> int:
        """How many different contents those of the variables that are its own have at most."""
        raise NotImplementedError

    def draw(self, choices: Choices, rng: np.random.Generator) -> None:
        self.put(choices, rng.integers(self.span, size=len(choices)))


class Free(Component):
    """One variable that nothing constrains."""

    def __init__(self, variables: list[int], radix: int) -> None:
        (self.variable,) = variables
        self.size = self.span = radix

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        return choices[:, self.variable]

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        choices[:, self.variable] = numbers

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        held: NDArray[np.bool_] = choices[:, self.variable] != INACTIVE
        return held

    def varying(self) -> list[int]:
        return [self.variable] * (self.size > 1)

    def contents(self, variables: set[int]) -> int:
        return self.size if self.variable in variables else 1


class Enumerated(Component):
    """Variables whose assignments are all known."""

    def __init__(self, joint: Joint, rows: Choices) -> None:
        if joint.raw >= KEY_LIMIT:
            raise DefinitionError(
                f"choices that depend on one another have {joint.raw:.3g} combinations, more than 64-bit numbers hold"
            )
        self.joint = joint
        self.members = np.sort(joint.codes(rows))
        self.size = self.span = len(self.members)
        self._varying = [variable for variable in joint.variables if (rows[:, variable] != rows[0, variable]).any()]

    def varying(self) -> list[int]:
        return self._varying

    def contents(self, variables: set[int]) -> int:
        own = [variable for variable in self.joint.variables if variable in variables]
        most = min(self.size, self.joint.combinations(own))
        if most == 1 or self.size > _COUNTED:
            return most
        rows = np.zeros((self.size, len(self.joint.radices)), dtype=np.int64)
        self.joint.put(rows, self.members)
        return len(np.unique(replace(self.joint, variables=own).codes(rows)))

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        return np.searchsorted(self.members, self.joint.codes(choices)).astype(np.int64)

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        self.joint.put(choices, self.members[numbers])

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        codes = self.joint.codes(choices)
        at = np.searchsorted(self.members, codes).clip(0, self.size - 1)
        conditional = np.array([variable in self.joint.conditions for variable in self.joint.variables])
        on = (choices[:, self.joint.variables] != INACTIVE) | conditional
        held: NDArray[np.bool_] = (self.members[at] == codes) & on.all(1)
        return held


class Open(Component):
    """Variables with too many assignments to enumerate: drawn by rejection, counted by their share."""

    exact = False

    def __init__(self, joint: Joint) -> None:
        # a of n uniform draws out of N accepted: |members| ~ s N, s = a/n, relative error sqrt((1 - s)/(n s)),
        # at most 1/sqrt(a): 2.2 % once a = `_ENOUGH` = 2,000. A member costs 1/s draws, hence `_RAREST`.
        self.joint, self.span = joint, joint.raw
        self.exact = False
        drawn = accepted = 0
        rng = np.random.default_rng(0)
        for _ in range(_MOST_TRIALS):
            accepted += len(joint.attempt(_TRIAL, rng))
            drawn += _TRIAL
            if accepted >= _ENOUGH:
                break
        self.share = accepted / drawn
        if self.share < _RAREST:
            text = joint.constraints[-1][1].text if joint.constraints else "the conditions"
            found = (
                f"only {accepted:,} of {drawn:,} random draws fulfil"
                if accepted
                else (f"none of {drawn:,} random draws fulfils")
            )
            raise DefinitionError(
                f"{found} `{text}` and what else joins the same choices, and there are too many combinations "
                f"({joint.raw:.3g}) to go through: loosen it, or offer fewer choices",
                "constraints",
                *[joint.constraints[-1][0]] * bool(joint.constraints),
            )
        self.size = max(1, round(self.share * math.prod(int(joint.radices[variable]) for variable in joint.variables)))

    def varying(self) -> list[int]:
        return [
            variable
            for variable in self.joint.variables
            if self.joint.radices[variable] > 1 or variable in self.joint.conditions
        ]

    def contents(self, variables: set[int]) -> int:
        return self.joint.combinations([variable for variable in self.joint.variables if variable in variables])

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        return self.joint.codes(choices)

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        self.joint.put(choices, numbers)

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        return self.joint.holds(choices)

    def draw(self, choices: Choices, rng: np.random.Generator) -> None:
        filled = 0
        while filled < len(choices):
            wanted = min(int((len(choices) - filled) / self.share * 1.1) + 100, 1_000_000)
            rows = self.joint.attempt(wanted, rng)[: len(choices) - filled]
            choices[filled : filled + len(rows), self.joint.variables] = rows[:, self.joint.variables]
            filled += len(rows)


def joined(variables: int, constraints: Sequence[Constraint], conditions: Mapping[int, Constraint]) -> list[list[int]]:
    """Variables that constraints and conditions join, each group ascending, ordered by their first variables."""
    # Connected components of the hypergraph whose edges are the `reads` of constraints and conditions: no predicate
    # joins two of them, so the members are a Cartesian product, |A x B| = |A| |B|, and draws are independent.
    home = list(range(variables))
    links = [sorted(constraint.term.reads) for constraint in constraints]
    links += [sorted({variable, *condition.term.reads}) for variable, condition in conditions.items()]
    for link in links:
        merged = {home[variable] for variable in link}
        home = [min(merged) if at in merged else at for at in home]
    return [[variable for variable, at in enumerate(home) if at == first] for first in sorted(set(home))]
