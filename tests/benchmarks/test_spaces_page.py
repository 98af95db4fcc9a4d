"""The page of spaces from files says what the jobs measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks import picture, spaces, spaces_page

ABOUT = {"commit": "abc1234", "machine": "m", "threads": 1, "load": 1.5, "torch": "2", "date": "2026-01-01"}


def figures(valid: float, distinct: float) -> dict[str, Any]:
    values = {"valid": (valid, 1.0), "valid_unique": (0.5 * distinct, 0.5), "novel": (0.1, 0.1), "cycle": (valid, 1.0)}
    return {name: {"mean": mean, "std": 0.0, "ceiling": ceiling} for name, (mean, ceiling) in values.items()}


def measured(valid: float = 0.9995, distinct: float = 1.0) -> list[dict[str, Any]]:
    """A result of every job."""
    report = {"held_out_nats": 8.5, "ideal_nats": 8.0, "reconstruction": 1.0, "code_length": 3}
    report |= {"cells": {"train": 100, "held_out": 11}, "codebook": {"used": 48}}
    more = {
        "quality": {"size": 4096, "report": report, "train_seconds": 50.0, "train_cpu_seconds": 40.0,
                    "draws": {str(n): figures(valid, distinct) for n in spaces.DRAWS}},
        "training": {"members": 10**9, "nodes": 17, "bytes_before": 3 * 10**8, "cells": 600_000,
                     "cells_in_memory": 490_000},
        "apart": {"members": 10**18, "found": 10**7, "drawn": 10**7 + 1, "bytes_before": 3 * 10**8,
                  "key_bytes": 8 * 10**7, "cpu_seconds": 99.0},
    }  # fmt: skip
    more["trial"] = more["quality"]
    return [job | more[job["part"]] | {"peak_bytes": 10**9, "about": ABOUT} for job in spaces.jobs([0, 1]).values()]


def test_the_page_holds_what_was_measured(tmp_path: Path) -> None:
    spaces_page.write_page(measured(), tmp_path)
    text = (tmp_path / "spaces.md").read_text()
    assert "| nats-size | 4,096 | 2 | 99.95 ± 0.00 % | 1.000 ± 0.000 |" in text
    assert "Every target is met" in text and "0.500" in text and "abc1234" in text
    assert "| 1.00e+18 | 10,000,000 | 10,000,001 | 0.08 GB | 0.30 GB | 1.00 GB | 99 |" in text
    assert "| 1.00e+09 | 600,000 | 490,000 | 0.30 GB | 1.00 GB |" in text
    assert "| transnasbench | a twentieth set aside | 99.95% | 1.000 | 1.000 | 0.500 | 40 |" in text
    assert (tmp_path / "spaces.json").exists()


@pytest.mark.parametrize(("valid", "distinct", "what"), [(0.9985, 1.0, "valid"), (0.9995, 0.985, "distinct")])
def test_the_page_says_what_was_missed(tmp_path: Path, valid: float, distinct: float, what: str) -> None:
    spaces_page.write_page(measured(valid, distinct), tmp_path)
    text = (tmp_path / "spaces.md").read_text()
    assert f"Missed by the mean over the seeds: nats-size ({what}, n = 1,000)" in text


def test_large_spaces_have_the_size_they_are_named_by() -> None:
    for name in spaces.LARGE:
        assert 0.2 < spaces.large(name).size / float(name) < 5
        assert spaces.large(name).max_nodes == spaces.SLOTS + 2


def test_the_picture_of_the_guide_shows_the_guides_space() -> None:
    assert (picture.IMAGES / "own-space.svg").read_text(encoding="utf-8") == picture.own_space()
