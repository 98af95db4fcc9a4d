"""How large a space may be for all its members to be held at once."""

from __future__ import annotations

MOST_ENUMERATED = 5_000_000
"""Most members of an enumerable space."""

MOST_WORK = 4_000_000_000
"""Most steps in which the constraints of a space are checked on all that is gone through: some ten seconds."""

LARGEST_ENUMERATION = 1 << 30
"""Most bytes of all members together."""


def fits(size: int, nodes: int) -> bool:
    """Whether so many graphs of so many nodes, `nodes` labels and `nodes x nodes` links of a byte each, can be held."""
    return size <= MOST_ENUMERATED and size * nodes * (nodes + 1) <= LARGEST_ENUMERATION
