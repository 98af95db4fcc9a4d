"""Components of assignments: decision variables that depend on one another, and variables that stand alone.

A component that can be enumerated is counted and drawn exactly; one that can't is drawn by
rejection, and its count is an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.spaces.constraints import Constraint
from archllm.spaces.fingerprints import EXACT_BELOW
from archllm.spaces.kinds.shares import accepted_share
from archllm.spaces.kinds.symmetries import Group
from archllm.spaces.limits import MOST_ENUMERATED
from archllm.spaces.parameters import INACTIVE, holds
from archllm.spaces.sizes import rounded_size

_TRIAL = 100_000  # draws at a time from which a share is estimated
_MOST_TRIALS = 20
_COUNTED = 20_000  # assignments whose contents are counted rather than bounded
_SMALL = 126  # most choices whose numbers, and one more, a signed byte holds
_RAREST = 1e-4  # a lower share of accepted draws would make drawing hopelessly slow

Choices = NDArray[np.int64]


def fulfilled(constraint: Constraint, choices: Choices) -> NDArray[np.bool_]:
    """`n` booleans: whether a constraint holds; it does where it names an inactive variable."""
    return constraint.holds(choices) | _any_inholds(constraint, choices)


def _any_inholds(constraint: Constraint, choices: Choices) -> NDArray[np.bool_]:
    inactive: NDArray[np.bool_] = (choices[:, sorted(constraint.term.needs)] == INACTIVE).any(1)
    return inactive


@dataclass(frozen=True)
class Joint:
    """Variables that belong together, with what joins them."""

    variables: list[int]
    radices: NDArray[np.int64]
    constraints: list[tuple[int, Constraint]]
    conditions: dict[int, Constraint]
    groups: tuple[Group, ...] = ()
    """Interchangeable units, of which only those in ascending order count."""

    orders: tuple[Constraint, ...] = ()
    """What ascending order says."""

    @property
    def raw(self) -> int:
        """Combinations of choices in all variables."""
        return self.combinations(self.variables)

    @property
    def drawn_from(self) -> int:
        """Rows among which `attempt` draws."""
        grouped = {variable for group in self.groups for variable in group.variables}
        free = math.prod(int(self.radices[variable]) for variable in self.variables if variable not in grouped)
        return free * math.prod(group.multisets for group in self.groups)

    @property
    def _all(self) -> list[Constraint]:
        return [*self.orders, *(constraint for _, constraint in self.constraints)]

    def combinations(self, variables: Sequence[int]) -> int:
        """Combinations of choices in some of them, `INACTIVE` counted as one where a variable can be inactive."""
        return math.prod(int(self.radices[variable]) + (variable in self.conditions) for variable in variables)

    def enumerate(self) -> Choices | None:
        """All rows of choices, each constraint applied as soon as its variables are chosen; `None` if too many."""
        small = int(self.radices.max()) <= _SMALL  # millions of rows: a byte for each choice where that holds it
        rows: NDArray[Any] = np.zeros((1, len(self.radices)), dtype=np.int8 if small else np.int64)
        for place, variable in enumerate(self.variables):
            on = (
                holds(self.conditions[variable], rows)
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
            for constraint in self._all:
                if variable in constraint.term.reads and constraint.term.reads <= chosen:
                    rows = rows[fulfilled(constraint, rows)]
        return rows

    @cached_property
    def _blocks(self) -> list[list[int]]:
        """The variables, split where the combinations of one part would be more than a 64-bit number holds."""
        blocks: list[list[int]] = [[]]
        for variable in self.variables:
            if self.combinations([*blocks[-1], variable]) >= EXACT_BELOW:
                blocks.append([])
            blocks[-1].append(variable)
        return blocks

    def codes(self, choices: Choices) -> NDArray[np.int64]:
        """`n x w` numbers of what stands in the variables, the first variable most significant; `INACTIVE` comes last.

        There is one number where it holds all combinations, and else one for as many variables as fit.
        """
        # Mixed radix (Knuth, TAOCP 2, 4.1): number = (...(d_1 r_2 + d_2) r_3 + ...) r_k + d_k with 0 <= d_i < r_i,
        # one digit more, the last, where a variable can be inactive. Order-preserving, hence a sorted table is a rank.
        numbers = np.zeros((len(choices), len(self._blocks)), dtype=np.int64)
        for word, block in enumerate(self._blocks):
            for variable in block:
                radix = int(self.radices[variable])
                value = np.where(choices[:, variable] == INACTIVE, radix, choices[:, variable])
                numbers[:, word] = numbers[:, word] * (radix + (variable in self.conditions)) + value
        return numbers

    def put(self, choices: Choices, codes: NDArray[np.int64]) -> None:
        """The inverse of `codes`, written into the variables."""
        for word, block in enumerate(self._blocks):
            number = codes[:, word]
            for variable in reversed(block):
                radix = int(self.radices[variable])
                number, value = np.divmod(number, radix + (variable in self.conditions))
                choices[:, variable] = np.where(value == radix, INACTIVE, value)

    def holds(self, choices: Choices) -> NDArray[np.bool_]:
        held = np.ones(len(choices), dtype=np.bool_)
        for variable in self.variables:
            condition = self.conditions.get(variable)
            on = choices[:, variable] != INACTIVE
            held &= on == holds(condition, choices) if condition else on
        for constraint in self._all:
            held &= fulfilled(constraint, choices)
        return held

    def attempt(self, n: int, rng: np.random.Generator) -> Choices:
        """The uniform members among `n` uniform rows.

        Every variable is drawn, those of interchangeable units as multisets; of the rows that differ only in inactive
        variables, the one with their first choices stands for the member.
        """
        # Rejection (von Neumann, 1951): u uniform on prod r_i, kept iff it is a member in the one way of writing that
        # has digit 0 where a variable is inactive. Each member is hit by exactly one u, so P(member | kept) is uniform.
        rows = np.zeros((n, len(self.radices)), dtype=np.int64)
        kept = np.ones(n, dtype=np.bool_)
        for group in self.groups:
            group.draw(rows, rng)
        grouped = {variable for group in self.groups for variable in group.variables}
        for variable in self.variables:
            if variable not in grouped:
                rows[:, variable] = rng.integers(self.radices[variable], size=n)
            if variable in self.conditions:
                off = ~holds(self.conditions[variable], rows)
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


class SortedRows:
    """Different rows of numbers in lexicographic order, whose ranks are looked up.

    Args:
        rows: `n x w` numbers, not negative, all rows different.

    Example:
        >>> table = SortedRows(np.array([[2, 1], [1, 9], [2, 0]]))
        >>> table.rank(np.array([[2, 0], [2, 2]])), table.contains(np.array([[2, 0], [2, 2]]))
        (array([1, 2]), array([ True, False]))
        >>> table.rows(np.array([0, 2])).tolist()
        [[1, 9], [2, 1]]
    """

    def __init__(self, rows: NDArray[np.int64]) -> None:
        # The first k words of a row are known by their rank r_k among all such prefixes:
        #     r_{k+1} = rank of r_k |U_{k+1}| + (rank of word k + 1 in U_{k+1}),   U the different words of one column,
        # so that no number exceeds n^2 however long the rows are, and the order stays lexicographic.
        number, self._levels = rows[:, 0], []
        for word in rows[:, 1:].T:
            level = np.unique(number), np.unique(word)
            self._levels.append(level)
            number = np.searchsorted(level[0], number) * len(level[1]) + np.searchsorted(level[1], word)
        self._numbers = np.sort(number)

    def __len__(self) -> int:
        return len(self._numbers)

    def rank(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n` ranks of rows that are there."""
        return self._found(rows)[0]

    def contains(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`n` booleans: which rows are there."""
        return self._found(rows)[1]

    def rows(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The inverse of `rank`."""
        number, words = self._numbers[ranks], []
        for first, second in reversed(self._levels):
            number, word = np.divmod(number, len(second))
            words.append(second[word])
            number = first[number]
        return np.stack([number, *reversed(words)], axis=1)

    def _found(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        number, there = rows[:, 0], np.ones(len(rows), dtype=np.bool_)
        for (first, second), word in zip(self._levels, rows[:, 1:].T, strict=True):
            (at, known), (to, also) = _located(first, number), _located(second, word)
            number, there = at * len(second) + to, there & known & also
        at, known = _located(self._numbers, number)
        return at, there & known


def _located(table: NDArray[np.int64], values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Places of `n` values in a sorted table, and which are there."""
    at = np.searchsorted(table, values).clip(0, len(table) - 1).astype(np.int64)
    return at, table[at] == values


class Component:
    """Assignments of the variables of one component, numbered below `span`."""

    size: int
    span: int
    exact = True

    def words(self, choices: Choices) -> NDArray[np.int64]:
        """`n x w` numbers, not negative, that tell the assignments apart; one of them, the rank, if `span` allows."""
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
        """Writes uniform assignments into the variables."""
        self.put(choices, rng.integers(self.span, size=len(choices)))


class Free(Component):
    """One variable that nothing constrains."""

    def __init__(self, variables: list[int], radix: int) -> None:
        (self.variable,) = variables
        self.size = self.span = radix

    def words(self, choices: Choices) -> NDArray[np.int64]:
        return choices[:, self.variable, None]

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
        self.joint = joint
        self.members = SortedRows(joint.codes(rows))
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
        self.put(rows, np.arange(self.size))
        return len(np.unique(replace(self.joint, variables=own).codes(rows), axis=0))

    def words(self, choices: Choices) -> NDArray[np.int64]:
        return self.members.rank(self.joint.codes(choices))[:, None]

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        self.joint.put(choices, self.members.rows(numbers))

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        conditional = np.array([variable in self.joint.conditions for variable in self.joint.variables])
        on = (choices[:, self.joint.variables] != INACTIVE) | conditional
        held: NDArray[np.bool_] = self.members.contains(self.joint.codes(choices)) & on.all(1)
        return held


class Open(Component):
    """Variables with too many assignments to enumerate: drawn by rejection, counted by their share."""

    exact = False

    def __init__(self, joint: Joint) -> None:
        self.joint, self.span = joint, joint.raw
        self.exact = not joint.constraints and not joint.conditions  # multisets are counted and drawn as they are
        if self.exact:
            self.share, self.size = 1.0, joint.drawn_from
            return
        share = accepted_share(lambda n, rng: len(joint.attempt(n, rng)), _TRIAL, _TRIAL * _MOST_TRIALS)
        self.share = share.value
        if self.share < _RAREST:
            text = joint.constraints[-1][1].text if joint.constraints else "the conditions"
            found = (
                f"only {share} random draws fulfil"
                if share.accepted
                else (f"none of {share.drawn:,} random draws fulfils")
            )
            raise DefinitionError(
                f"{found} `{text}` and what else joins the same choices, and there are too many combinations "
                f"({rounded_size(joint.raw)}) to go through: loosen it, or offer fewer choices",
                "constraints" if joint.constraints else "when",
                *(number for number, _ in joint.constraints[-1:]),
            )
        self.size = share.of(joint.drawn_from)

    def varying(self) -> list[int]:
        return [
            variable
            for variable in self.joint.variables
            if self.joint.radices[variable] > 1 or variable in self.joint.conditions
        ]

    def contents(self, variables: set[int]) -> int:
        return self.joint.combinations([variable for variable in self.joint.variables if variable in variables])

    def words(self, choices: Choices) -> NDArray[np.int64]:
        return self.joint.codes(choices)

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        self.joint.put(choices, numbers[:, None])

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
