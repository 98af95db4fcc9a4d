"""CellSpace: what kinds share whose members are cells of named operations."""

from __future__ import annotations

from archllm.spaces.base import SearchSpace


class CellSpace(SearchSpace):
    """A space of cells whose definition may name what makes their operations."""
