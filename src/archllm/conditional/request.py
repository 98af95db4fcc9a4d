"""Request: what is asked of architectures, split into what steers the draws and what is checked afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.bins import Conditions
from archllm.conditional.requirements import Range, all_hold, parse_all
from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

COUNTED = ("params", "macs")
"""Properties that can be counted for any architecture."""


@dataclass(frozen=True)
class Request:
    """What is asked of the architectures that a run draws."""

    conditions: Conditions | None
    """What the run was trained on."""

    steering: dict[str, Range]
    """Requirements that the prior is conditioned on."""

    checked: dict[str, Range]
    """Requirements that every architecture returned is checked for."""

    guidance: float
    """How strongly the prior heeds them."""

    rng: np.random.Generator
    """Chooses the values to ask for, within the ranges."""

    @staticmethod
    def of(where: Sequence[str], conditions: Conditions | None, guidance: float, seed: int, *, raw: bool) -> Request:
        """Reads requirements and makes sure that they can be met.

        Args:
            where: the requirements, see `archllm.conditional.requirements`.
            conditions: what the run was trained on.
            guidance: how strongly they steer.
            seed: seed of the choice of values within the ranges.
            raw: whether every draw is wanted, so that nothing can be checked afterwards.

        Raises:
            InvalidInput: one can't be read, the run was not trained on it, or no training cell fulfils all.
        """
        ranges = parse_all(where)
        known = conditions.names if conditions is not None else ()
        check_names(ranges, known, "this run")
        steering = {name: wanted for name, wanted in ranges.items() if name in known}
        for name in ranges.keys() - steering.keys():
            if raw:
                raise InvalidInput(
                    f"raw draws can't be steered by {name!r}: this run was not trained on it "
                    f"(train with --condition {name}, or sample without raw, where it is checked)"
                )
        if guidance != 1 and not steering:
            raise InvalidInput("guidance strengthens what is asked of a condition, and none is asked for (--where)")
        if conditions is not None and steering:
            conditions.fulfilling(steering)
        checked = {name: wanted for name, wanted in ranges.items() if name in COUNTED}
        return Request(conditions, steering, checked, guidance, np.random.default_rng([seed, 4_117]))

    def bins(self, n: int) -> NDArray[np.int64] | None:
        """`n x k` bins to tell the prior; `None` where nothing steers."""
        if self.conditions is None or not self.steering:
            return None
        return self.conditions.draw(self.steering, n, self.rng)

    def fulfilling(self, space: SearchSpace, members: Graphs) -> Graphs:
        """The members that fulfil what can be counted."""
        if not self.checked or not len(members):
            return members
        counts = {name: getattr(space.require_networks(), name)(members).astype(np.float64) for name in self.checked}
        return members[all_hold(self.checked, counts)]


def check_names(ranges: Mapping[str, Range], known: Sequence[str], run: str) -> None:
    """Makes sure that each requirement is of a condition of the run, or of something that can be counted.

    Raises:
        InvalidInput: one is not; the message says which there are.
    """
    for name in ranges:
        if name not in known and name not in COUNTED:
            known_here = ", ".join(dict.fromkeys([*known, *COUNTED]))
            raise InvalidInput(
                f"{run} was not trained on the condition {name!r}; it knows {known_here}; train with --condition {name}"
            )
