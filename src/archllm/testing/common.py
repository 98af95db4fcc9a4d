"""What several suites share: work done once per suite, and damage to files that is to be refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Suite = TypeVar("Suite")
Made = TypeVar("Made")


def once_per_suite(make: Callable[[type[Suite]], Made]) -> Callable[[type[Suite]], Made]:
    """Calls a function once for each suite, so that the tests of one share what takes long to make."""
    made: dict[type[Suite], Made] = {}

    def get(suite: type[Suite]) -> Made:
        if suite not in made:
            made[suite] = make(suite)
        return made[suite]

    return get


def damaged(content: bytes) -> dict[str, bytes]:
    """Ways in which a file is damaged, by name."""
    return {
        "empty": b"",
        "half": content[: len(content) // 2],
        "noise": bytes(range(256)) * 9,
        "json": b'{"a": [1]}',
        "deep": b"[" * 100_000,
    }
