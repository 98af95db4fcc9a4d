"""Files of results: raw numbers and, for each of them, how it came about.

`docs/results/NAME.json` holds `about`, a list of different provenances, and `results`, one for each job, whose `about`
is a place in that list. A job that is run again replaces its own result only, so each row of a page says at which
commit it was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from archllm.files import write_text

Result = dict[str, Any]
"""What a job is, what it measured, and its provenance under `about`."""

_DIGITS = 8  # significant digits that are kept; no page shows more


def read(path: Path) -> list[Result]:
    """The results of a file, each with its provenance; none if there is no file."""
    if not path.exists():
        return []
    document = json.loads(path.read_text(encoding="utf-8"))
    return [result | {"about": document["about"][result["about"]]} for result in document["results"]]


def write(path: Path, results: Iterable[Result]) -> None:
    """Writes results, one a line, so that a change of one is a change of a line."""
    abouts: list[dict[str, Any]] = []
    lines = []
    for result in results:
        if result["about"] not in abouts:
            abouts.append(result["about"])
        shown = rounded(result | {"about": abouts.index(result["about"])})
        lines.append(json.dumps(shown, ensure_ascii=False, separators=(",", ":")))
    about = ",\n".join(json.dumps(each, ensure_ascii=False) for each in abouts)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, f'{{"about": [\n{about}\n],\n"results": [\n' + ",\n".join(lines) + "\n]}\n")


def merged(old: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """Old results with those of the same name replaced by new ones, which otherwise come last."""
    by_name = {result["name"]: result for result in old}
    return list((by_name | {result["name"]: result for result in new}).values())


def rounded(value: Any) -> Any:
    """The same with all floating-point numbers at eight significant digits."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    if isinstance(value, float):
        short = float(f"{value:.{_DIGITS}g}")
        return int(short) if short.is_integer() and abs(short) < 1e15 else short
    return value


def of(results: Iterable[Result], **wanted: Any) -> list[Result]:
    """Results that have these values."""
    return [result for result in results if all(result.get(key) == value for key, value in wanted.items())]
