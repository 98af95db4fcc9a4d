"""Names -> spaces."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import cache

from archllm.errors import InvalidInput
from archllm.spaces.base import SearchSpace
from archllm.spaces.darts.space import DARTS
from archllm.spaces.nasbench101.space import NASBench101
from archllm.spaces.nasbench201.space import NASBench201

_SPACES: dict[str, Callable[[], SearchSpace]] = {
    "nasbench101": NASBench101,
    "nasbench201": NASBench201,
    "darts": DARTS,
}


def space_names() -> list[str]:
    """Names that `load_space` knows."""
    return list(_SPACES)


def load_space(name: str) -> SearchSpace:
    """The search space of that name.

    Raises:
        InvalidInput: no space has that name.
    """
    if name not in _SPACES:
        near = get_close_matches(name.lower(), _SPACES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InvalidInput(f"unknown search space {name!r}; {hint}known are {', '.join(_SPACES)}")
    return _load(name)


@cache  # spaces are immutable and enumerate themselves once
def _load(name: str) -> SearchSpace:
    return _SPACES[name]()
