"""Names -> searchers."""

from __future__ import annotations

from typing import Any

from archllm.errors import InvalidInput
from archllm.search.base import Searcher
from archllm.search.domain import Domain


def searcher_names() -> list[str]:
    """Names that `build_searcher` knows."""
    return []


def build_searcher(name: str, domain: Domain, seed: int, objectives: int = 1, **options: Any) -> Searcher:
    """The searcher of that name.

    Raises:
        InvalidInput: there is no such searcher.
    """
    raise InvalidInput(f"there is no searcher {name!r}")
