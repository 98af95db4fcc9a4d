"""Components of assignments: slots that depend on one another, and slots that stand alone.

A component that can be listed is counted and drawn exactly; one that can't is drawn by rejection, and its count is an
estimate.
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

OFF = -1
"""The choice of a slot that is switched off."""

KEY_LIMIT = 2**63
"""Numbers of members stay below this."""

_TRIAL = 100_000  # draws at a time from which a share is estimated
_MOST_TRIALS = 20
_ENOUGH = 2_000  # accepted draws after which the estimate is good to some 2 %
_COUNTED = 20_000  # assignments whose contents are counted rather than bounded
_RAREST = 1e-4  # a lower share of accepted draws would make drawing hopelessly slow

Choices = NDArray[np.int64]


def active(switch: Constraint, choices: Choices) -> NDArray[np.bool_]:
    """`n` booleans: whether a slot is switched on; one that needs a slot that is off is off itself."""
    return switch.holds(choices) & ~_any_off(switch, choices)


def fulfilled(constraint: Constraint, choices: Choices) -> NDArray[np.bool_]:
    """`n` booleans: whether a constraint holds; it does where it names a slot that is off."""
    return constraint.holds(choices) | _any_off(constraint, choices)


def _any_off(constraint: Constraint, choices: Choices) -> NDArray[np.bool_]:
    off: NDArray[np.bool_] = (choices[:, sorted(constraint.term.needs)] == OFF).any(1)
    return off


@dataclass(frozen=True)
class Joint:
    """Slots that belong together, with what joins them."""

    slots: list[int]
    radices: NDArray[np.int64]
    constraints: list[tuple[int, Constraint]]
    switches: dict[int, Constraint]

    @property
    def raw(self) -> int:
        """Combinations of choices in all slots."""
        return self.combinations(self.slots)

    def combinations(self, slots: Sequence[int]) -> int:
        """Combinations of choices in some of them, `OFF` counted as one where a slot can be switched off."""
        return math.prod(int(self.radices[slot]) + (slot in self.switches) for slot in slots)

    def listing(self) -> Choices | None:
        """All rows of choices, slot after slot, each constraint as soon as its slots are chosen; `None` if too many."""
        rows = np.zeros((1, len(self.radices)), dtype=np.int64)
        for place, slot in enumerate(self.slots):
            on = active(self.switches[slot], rows) if slot in self.switches else np.ones(len(rows), dtype=np.bool_)
            radix = int(self.radices[slot])
            if len(rows) + int(on.sum()) * (radix - 1) > MOST_ENUMERATED:
                return None
            repeats = np.where(on, radix, 1)
            first = np.repeat(np.cumsum(repeats) - repeats, repeats)
            value = np.arange(int(repeats.sum())) - first
            off = np.repeat(~on, repeats)
            rows = np.repeat(rows, repeats, axis=0)
            rows[:, slot] = np.where(off, OFF, value)
            chosen = set(self.slots[: place + 1])
            for _, constraint in self.constraints:
                if slot in constraint.term.reads and constraint.term.reads <= chosen:
                    rows = rows[fulfilled(constraint, rows)]
        return rows

    def codes(self, choices: Choices) -> NDArray[np.int64]:
        """`n` numbers of what stands in the slots, the first slot most significant; `OFF` comes last."""
        number = np.zeros(len(choices), dtype=np.int64)
        for slot in self.slots:
            radix = int(self.radices[slot])
            value = np.where(choices[:, slot] == OFF, radix, choices[:, slot])
            number = number * (radix + (slot in self.switches)) + value
        return number

    def put(self, choices: Choices, codes: NDArray[np.int64]) -> None:
        """The inverse of `codes`, written into the slots."""
        for slot in reversed(self.slots):
            radix = int(self.radices[slot])
            codes, value = np.divmod(codes, radix + (slot in self.switches))
            choices[:, slot] = np.where(value == radix, OFF, value)

    def holds(self, choices: Choices) -> NDArray[np.bool_]:
        held = np.ones(len(choices), dtype=np.bool_)
        for slot in self.slots:
            switch = self.switches.get(slot)
            on = choices[:, slot] != OFF
            held &= on == active(switch, choices) if switch else on
        for _, constraint in self.constraints:
            held &= fulfilled(constraint, choices)
        return held

    def attempt(self, n: int, rng: np.random.Generator) -> Choices:
        """The uniform members among `n` uniform rows.

        Every slot is drawn; of the rows that differ only in slots that are off, the one with their first choices
        stands for the member.
        """
        rows = np.zeros((n, len(self.radices)), dtype=np.int64)
        kept = np.ones(n, dtype=np.bool_)
        for slot in self.slots:
            rows[:, slot] = rng.integers(self.radices[slot], size=n)
            if slot in self.switches:
                off = ~active(self.switches[slot], rows)
                kept &= ~off | (rows[:, slot] == 0)
                rows[off, slot] = OFF
        for _, constraint in self.constraints:
            kept &= fulfilled(constraint, rows)
        return rows[kept]

    def unsatisfied(self) -> DefinitionError:
        """The error of a component that is empty, naming the constraint at fault if it is one alone."""
        for number, constraint in self.constraints:
            rows = Joint(self.slots, self.radices, [(number, constraint)], self.switches).listing()
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
    """Assignments of the slots of one component, numbered below `span`."""

    size: int
    span: int
    exact = True

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        raise NotImplementedError

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        """Writes the assignments of those numbers into the slots."""
        raise NotImplementedError

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        raise NotImplementedError

    def varying(self) -> list[int]:
        """Slots that take different values."""
        raise NotImplementedError

    def contents(self, slots: set[int]) -> int:
        """How many different contents those of the slots that are its own have at most."""
        raise NotImplementedError

    def draw(self, choices: Choices, rng: np.random.Generator) -> None:
        self.put(choices, rng.integers(self.span, size=len(choices)))


class Free(Component):
    """One slot that nothing constrains."""

    def __init__(self, slots: list[int], radix: int) -> None:
        (self.slot,) = slots
        self.size = self.span = radix

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        return choices[:, self.slot]

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        choices[:, self.slot] = numbers

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        held: NDArray[np.bool_] = choices[:, self.slot] != OFF
        return held

    def varying(self) -> list[int]:
        return [self.slot] * (self.size > 1)

    def contents(self, slots: set[int]) -> int:
        return self.size if self.slot in slots else 1


class Listed(Component):
    """Slots whose assignments are all known."""

    def __init__(self, joint: Joint, rows: Choices) -> None:
        if joint.raw >= KEY_LIMIT:
            raise DefinitionError(
                f"choices that depend on one another have {joint.raw:.3g} combinations, more than 64-bit numbers hold"
            )
        self.joint = joint
        self.members = np.sort(joint.codes(rows))
        self.size = self.span = len(self.members)
        self._varying = [slot for slot in joint.slots if (rows[:, slot] != rows[0, slot]).any()]

    def varying(self) -> list[int]:
        return self._varying

    def contents(self, slots: set[int]) -> int:
        own = [slot for slot in self.joint.slots if slot in slots]
        most = min(self.size, self.joint.combinations(own))
        if most == 1 or self.size > _COUNTED:
            return most
        rows = np.zeros((self.size, len(self.joint.radices)), dtype=np.int64)
        self.joint.put(rows, self.members)
        return len(np.unique(replace(self.joint, slots=own).codes(rows)))

    def rank(self, choices: Choices) -> NDArray[np.int64]:
        return np.searchsorted(self.members, self.joint.codes(choices)).astype(np.int64)

    def put(self, choices: Choices, numbers: NDArray[np.int64]) -> None:
        self.joint.put(choices, self.members[numbers])

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        codes = self.joint.codes(choices)
        at = np.searchsorted(self.members, codes).clip(0, self.size - 1)
        can_be_off = np.array([slot in self.joint.switches for slot in self.joint.slots])
        on = (choices[:, self.joint.slots] != OFF) | can_be_off
        held: NDArray[np.bool_] = (self.members[at] == codes) & on.all(1)
        return held


class Open(Component):
    """Slots with too many assignments to list: drawn by rejection, counted by their share."""

    exact = False

    def __init__(self, joint: Joint) -> None:
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
            text = joint.constraints[-1][1].text if joint.constraints else "the switches"
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
        self.size = max(1, round(self.share * math.prod(int(joint.radices[slot]) for slot in joint.slots)))

    def varying(self) -> list[int]:
        return [slot for slot in self.joint.slots if self.joint.radices[slot] > 1 or slot in self.joint.switches]

    def contents(self, slots: set[int]) -> int:
        return self.joint.combinations([slot for slot in self.joint.slots if slot in slots])

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
            choices[filled : filled + len(rows), self.joint.slots] = rows[:, self.joint.slots]
            filled += len(rows)


def joined(slots: int, constraints: Sequence[Constraint], switches: Mapping[int, Constraint]) -> list[list[int]]:
    """Slots that constraints and switches join, each group ascending, ordered by their first slots."""
    home = list(range(slots))
    links = [sorted(constraint.term.reads) for constraint in constraints]
    links += [sorted({slot, *switch.term.reads}) for slot, switch in switches.items()]
    for link in links:
        merged = {home[slot] for slot in link}
        home = [min(merged) if at in merged else at for at in home]
    return [[slot for slot, at in enumerate(home) if at == first] for first in sorted(set(home))]
