"""Published metrics of generation, to stand beside ours: only those that were read, quoted or measured."""

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
    """Name in `archllm.generation.metrics.NAMES` -> value in %, with the digits of the source."""

    mark: Mark
    """`read` in a results index or abstract, `note` quoted second-hand, `measured` with the official code."""

    remark: str = ""
    """How it was measured, where that explains the values."""


PUBLISHED = (
    Published("Arch-VQ", "nasbench201", None, {"valid": "97.52"}, "read"),
    Published("DiffusionNAG", "nasbench201", 1_000, {"valid": "98.97", "unique": "98.70", "novel": "49.20"}, "note"),
    Published("PNAG", "nasbench201", 1_000, {"valid": "100", "unique": "99.70", "novel": "59.34"}, "note"),
    Published(
        "arch2vec",
        "nasbench201",
        10_000,
        {"valid": "20.6", "valid_unique": "19.2"},
        "measured",
        "trained on the same 90 % as ours, mean of three training seeds: 18.5 to 22.3 valid, 17.4 to 20.6 valid and "
        "unique; as published, its code leaves training mode after the first epoch and never returns to it",
    ),
    Published(
        "arch2vec, repaired",
        "nasbench201",
        10_000,
        {"valid": "94.6", "valid_loose": "98.5", "valid_unique": "67.8"},
        "measured",
        "the same with one line repaired, so that every epoch trains in training mode; one seed",
    ),
    Published("Arch-VQ", "nasbench101", None, {"valid": "89.73"}, "read"),
    Published(
        "arch2vec",
        "nasbench101",
        10_000,
        {"valid": "52.2", "unique": "58.4", "valid_unique": "30.5"},
        "measured",
        "trained on the same 90 % as ours for all of its 8 epochs, output in the last row; reconstruction 92.2 %, 714 "
        "CPU seconds; with the line repaired 51.9 valid, 30.9 valid and unique, reconstruction 75.5 %",
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
    """What is published on a space."""
    return [each for each in PUBLISHED if each.space == space]


def sources(rows: list[Published]) -> str:
    """Where the values come from, in one line."""
    by_mark: dict[str, list[str]] = {}
    for each in rows:
        by_mark.setdefault(each.mark, []).append(each.method)
    return "; ".join(f"{', '.join(methods)} {_SOURCE[mark]}" for mark, methods in by_mark.items())
