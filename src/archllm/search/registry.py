"""Names -> searchers."""

from __future__ import annotations

from typing import Any

from archllm.errors import InvalidInput
from archllm.search.base import Searcher
from archllm.search.domain import Domain


def searcher_names() -> list[str]:
    """Names that `build_searcher` knows."""
    return []


def searcher_options(name: str) -> type[Any]:
    """The dataclass of a method's options.

    Raises:
        InvalidInput: no searcher has that name.
    """
    raise InvalidInput(f"unknown searcher {name!r}")


def build_searcher(name: str, domain: Domain, seed: int, objectives: int = 1, **options: Any) -> Searcher:
    """A new searcher.

    Raises:
        InvalidInput: no searcher has that name, it has no such option, or a value can't be used.
    """
    raise InvalidInput(f"unknown searcher {name!r}")
