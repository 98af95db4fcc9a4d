"""Combinations: which members of the parts go together; counted, numbered, drawn.

Without constraints the parts are independent. With them, what constraints speak of is known of each member of a part
that can be enumerated, and takes few different values: its *profile*. Constraints are checked on combinations of
profiles alone, so that far more members are counted, and drawn uniformly, than are ever looked at:

    size = sum over allowed combinations (p_1, ..., p_k) of |p_1| ... |p_k|,     |p| members of a profile

Parts that can't be enumerated are drawn until the constraints hold, and the size is estimated from how often they do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError
from archllm.graphs import Graphs, concatenate
from archllm.spaces.base import SearchSpace
from archllm.spaces.constraints import Constraint, check_work
from archllm.spaces.kinds.product.vocabulary import Atom, Described, fulfilled
from archllm.spaces.kinds.shares import accepted_share
from archllm.spaces.limits import MOST_ENUMERATED

TRIAL = 2_000
"""Draws at a time from which a share is estimated."""

MOST_TRIALS = 50
"""How often so many are drawn before combinations that fulfil all constraints count as too rare."""

_RAREST = 1e-3  # a lower share of accepted draws would make drawing hopelessly slow
_CHUNK = 65_536


class Profiles:
    """What constraints see of the members of one part.

    Args:
        atoms: what is spoken of, of this part and of others.
        at: the number of the part.
        space: its space, which can be enumerated.
    """

    def __init__(self, atoms: Sequence[Atom], at: int, space: SearchSpace) -> None:
        members = space.enumerate()
        own = {number: atom for number, atom in enumerate(atoms) if atom.part == at}
        renumbered = [Atom(0, atom.term) for atom in own.values()]
        described = Described.of(renumbered, [space], [members])
        columns = [*described.values.values(), *described.inactive.values()]
        # nan is one value like others here
        codes = np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in columns], axis=1)
        _, first, self.profile_of = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        self.profile_of = self.profile_of.reshape(-1)
        self.counts = np.bincount(self.profile_of)
        self.order = np.argsort(self.profile_of, kind="stable")
        self.starts = np.cumsum(self.counts) - self.counts
        numbers = list(own)
        self.values = {numbers[k]: values[first] for k, values in described.values.items()}
        self.inactive = {numbers[k]: values[first] for k, values in described.inactive.items()}

    def __len__(self) -> int:
        return len(self.counts)

    def members(self, profiles: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """`n` numbers of uniform members of the given profiles."""
        found: NDArray[np.int64] = self.order[self.starts[profiles] + rng.integers(self.counts[profiles])]
        return found


class Combinations:
    """Members of parts that go together.

    Args:
        spaces: the spaces of the parts.
        atoms: what constraints speak of.
        constraints: what holds of all members.

    Raises:
        DefinitionError: nothing fulfils the constraints, or too little does to draw from.
    """

    def __init__(self, spaces: Sequence[SearchSpace], atoms: Sequence[Atom], constraints: Sequence[Constraint]) -> None:
        self.spaces, self.atoms, self.constraints = spaces, atoms, constraints
        for number, constraint in enumerate(constraints):
            if not constraint.term.reads:
                raise DefinitionError("this constraint speaks of no part", "constraints", number)
        self._read = sorted({at for constraint in constraints for at in constraint.term.reads})
        self._listed: dict[int, Graphs] = {}
        self.raw = math.prod(space.size for space in spaces)
        self.exact = all(space.exact_size for space in spaces)
        self._profiles: dict[int, Profiles] = {}
        self.share = 1.0
        self.size = self.raw
        self.counted = False
        if not constraints:
            return
        if all(spaces[at].enumerable for at in self._read):
            self._profiles = {at: Profiles(atoms, at, spaces[at]) for at in self._read}
        self.counted = bool(self._profiles) and math.prod(map(len, self._profiles.values())) <= MOST_ENUMERATED
        if self.counted:
            self._count()
        else:
            self._estimate()

    # --- counting ----------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        """Finds the combinations of profiles that fulfil all constraints, and how many members each has."""
        radices = [len(profiles) for profiles in self._profiles.values()]
        total = math.prod(radices)
        check_work(self.constraints, total)
        kept, alone = [], np.zeros(len(self.constraints), dtype=np.bool_)
        for first in range(0, total, _CHUNK):
            numbers = np.arange(first, min(first + _CHUNK, total))
            described = self._described(np.stack(np.unravel_index(numbers, radices), axis=1))
            held = np.stack([fulfilled(constraint, described) for constraint in self.constraints])
            alone |= held.any(1)
            kept.append(numbers[held.all(0)])
        self._allowed = np.stack(np.unravel_index(np.concatenate(kept), radices), axis=1).astype(np.int64)
        if not len(self._allowed):
            raise self._unsatisfied(alone)
        # Python's integers where 64 bits may not hold the sum
        joined = math.prod(self.spaces[at].size for at in self._read)
        weights = np.ones(len(self._allowed), dtype=np.int64 if joined < 2**63 else object)
        for column, profiles in enumerate(self._profiles.values()):
            weights = weights * profiles.counts[self._allowed[:, column]].astype(weights.dtype)
        self._ends = np.cumsum(weights)
        rest = math.prod(space.size for at, space in enumerate(self.spaces) if at not in self._read)
        self.size = int(self._ends[-1]) * rest

    def _described(self, profiles: NDArray[np.int64]) -> Described:
        """Combinations of profiles (`n x k`) as constraints see them."""
        values: dict[int, NDArray[Any]] = {}
        inactive: dict[int, NDArray[np.bool_]] = {}
        for column, each in enumerate(self._profiles.values()):
            values |= {number: found[profiles[:, column]] for number, found in each.values.items()}
            inactive |= {number: found[profiles[:, column]] for number, found in each.inactive.items()}
        return Described(len(profiles), values, inactive)

    def _unsatisfied(self, alone: NDArray[np.bool_]) -> DefinitionError:
        for number, constraint in enumerate(self.constraints):
            if not alone[number]:
                return DefinitionError(f"nothing fulfils `{constraint.text}`", "constraints", number)
        return DefinitionError("nothing fulfils all constraints together", "constraints")

    def _estimate(self) -> None:
        check_work(self.constraints, TRIAL * MOST_TRIALS)
        alone = np.zeros(len(self.constraints), dtype=np.bool_)

        def attempt(n: int, rng: np.random.Generator) -> int:
            parts = [space.sample(n, rng) for space in self.spaces]
            described = Described.of(self.atoms, self.spaces, parts)
            held = np.stack([fulfilled(constraint, described) for constraint in self.constraints])
            np.logical_or(alone, held.any(1), out=alone)
            return int(held.all(0).sum())

        found = accepted_share(attempt, TRIAL, TRIAL * MOST_TRIALS)
        self.share, self.exact = found.value, False
        if self.share < _RAREST:
            number = int(np.argmin(alone))
            raise DefinitionError(
                f"only {found} random combinations of parts fulfil `{self.constraints[number].text}` "
                "and the other constraints, and there are too many to go through: loosen it, or offer fewer choices",
                "constraints",
                number,
            )
        self.size = found.of(self.raw)

    # --- drawing -----------------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> list[Graphs]:
        """`n` uniform combinations: the graphs of each part."""
        if not self.constraints:
            return [space.sample(n, rng) for space in self.spaces]
        if self.counted:
            drawn = self._draw(n, rng)
            return [
                self.listed(at)[drawn[at]] if at in drawn else space.sample(n, rng)
                for at, space in enumerate(self.spaces)
            ]
        parts: list[list[Graphs]] = [[] for _ in self.spaces]
        found = 0
        while found < n:
            wanted = min(int((n - found) / self.share * 1.1) + 10, 20_000)
            drawn_parts = [space.sample(wanted, rng) for space in self.spaces]
            rows = np.flatnonzero(self.hold(drawn_parts))[: n - found]
            for own, graphs in zip(parts, drawn_parts, strict=True):
                own.append(graphs[rows])
            found += len(rows)
        return [concatenate(own) for own in parts]

    def _draw(self, n: int, rng: np.random.Generator) -> dict[int, NDArray[np.int64]]:
        """Part that constraints read -> `n` numbers of members: a combination by its members, then members of it."""
        last = self._ends[-1]
        if self._ends.dtype == object:  # beyond 64 bits the weights are rounded to 53
            ends = (self._ends / last).astype(np.float64)
            chosen = np.searchsorted(ends, rng.random(n), side="right").clip(0, len(ends) - 1)
        else:
            chosen = np.searchsorted(self._ends, rng.integers(int(last), size=n), side="right")
        profiles = self._allowed[chosen]
        return {at: each.members(profiles[:, k], rng) for k, (at, each) in enumerate(self._profiles.items())}

    def hold(self, parts: Sequence[Graphs]) -> NDArray[np.bool_]:
        """`n` booleans: whether members of the parts, `n` normalised graphs of each, fulfil all constraints."""
        held = np.ones(len(parts[0]), dtype=np.bool_)
        if self.constraints:
            described = Described.of(self.atoms, self.spaces, parts)
            for constraint in self.constraints:
                held &= fulfilled(constraint, described)
        return held

    def broken(self, parts: Sequence[Graphs]) -> Constraint | None:
        """The first constraint that the members of the parts, a graph of each, do not fulfil."""
        described = Described.of(self.atoms, self.spaces, parts)
        return next((each for each in self.constraints if not fulfilled(each, described)[0]), None)

    # --- enumerating -------------------------------------------------------------------------------------------------

    @cached_property
    def enumerable(self) -> bool:
        """Whether all combinations can be gone through."""
        return all(space.enumerable for space in self.spaces) and self.raw <= MOST_ENUMERATED

    def enumerate(self) -> list[Graphs]:
        """All combinations, the last part changing fastest: the graphs of each part."""
        radices = [space.size for space in self.spaces]
        kept = []
        for first in range(0, self.raw, _CHUNK):
            numbers = np.arange(first, min(first + _CHUNK, self.raw))
            if self.constraints:
                members = np.stack(np.unravel_index(numbers, radices), axis=1)
                profiles = [each.profile_of[members[:, at]] for at, each in self._profiles.items()]
                described = self._described(np.stack(profiles, axis=1))
                held = np.ones(len(numbers), dtype=np.bool_)
                for constraint in self.constraints:
                    held &= fulfilled(constraint, described)
                numbers = numbers[held]
            kept.append(numbers)
        members = np.stack(np.unravel_index(np.concatenate(kept), radices), axis=1)
        return [self.listed(at)[members[:, at]] for at in range(len(self.spaces))]

    def listed(self, at: int) -> Graphs:
        """All members of a part that can be enumerated."""
        if at not in self._listed:
            self._listed[at] = self.spaces[at].enumerate()
        return self._listed[at]
