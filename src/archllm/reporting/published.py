"""Published figures of generation quality, to stand beside ours: only those that were read, quoted or measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["read", "note", "measured"]


@dataclass(frozen=True)
class Published:
    """What one method reached on one space."""

    method: str
    """Its name."""

    space: str
    """The space."""

    draws: int | None
    """Number of draws; `None` where the source does not say."""

    percent: dict[str, str]
    """Name in `archllm.generation.metrics.NAMES` -> figure in %, with the digits of the source."""

    mark: Mark
    """`read` in a results index or abstract, `note` quoted second-hand, `measured` with the official code."""


PUBLISHED = (
    Published("Arch-VQ", "nasbench201", None, {"valid": "97.52"}, "read"),
    Published("DiffusionNAG", "nasbench201", 1_000, {"valid": "98.97", "unique": "98.70", "novel": "49.20"}, "note"),
    Published("PNAG", "nasbench201", 1_000, {"valid": "100", "unique": "99.70", "novel": "59.34"}, "note"),
    Published(
        "arch2vec",
        "nasbench201",
        10_000,
        {"valid": "34.5", "valid_loose": "78.0", "unique": "89.5", "valid_unique": "30.9"},
        "measured",
    ),
    Published("Arch-VQ", "nasbench101", None, {"valid": "89.73"}, "read"),
    Published(
        "arch2vec", "nasbench101", 10_000, {"valid": "37.2", "unique": "63.7", "valid_unique": "23.7"}, "measured"
    ),
    Published("Arch-VQ", "darts", None, {"valid": "99.46"}, "read"),
)
"""arXiv 2503.22063v2 (Arch-VQ), ICLR 2024 (DiffusionNAG), CVPR 2026 (PNAG), NeurIPS 2020 (arch2vec)."""

_SOURCE = {
    "read": "read in a results index",
    "note": "quoted second-hand",
    "measured": "measured with the official code",
}


def published(space: str) -> list[Published]:
    """The published figures of a space."""
    return [each for each in PUBLISHED if each.space == space]


def sources(figures: list[Published]) -> str:
    """Where the figures come from, in one line."""
    by_mark: dict[str, list[str]] = {}
    for each in figures:
        by_mark.setdefault(each.mark, []).append(each.method)
    return "; ".join(f"{', '.join(methods)} {_SOURCE[mark]}" for mark, methods in by_mark.items())
