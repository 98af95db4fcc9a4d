"""Decoded images, kept between runs: large photos take minutes to decode, and every worker reads them anew."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import ArchLLMError
from archllm.files import cache_folder, replacing
from archllm.objectives.images.images import Images
from archllm.objectives.images.reading import LeftOut, Reading
from archllm.objectives.images.sources import Source

VERSION = 1
"""Changes with what decoding makes of a file."""

WORTH = 20_000_000
"""Pixels from which on decoding takes longer than reading what was kept."""

MOST_BYTES = 4 << 30
"""Bytes that all kept images may take; the oldest go first."""


def key(path: Path, source: Source, image_size: int | None) -> str:
    """Changes when a file of the source is added, removed or changed, or another size is asked for."""
    found = blake2b(repr((VERSION, str(path.resolve()), image_size, source.hidden)).encode(), digest_size=16)
    for entry in source.entries:
        found.update(repr((entry.parts, entry.folder, entry.size, entry.stamp)).encode())
    return found.hexdigest()


def load(key: str, name: str) -> Images | None:
    """The images that were kept under a key, if there are some that can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, EOFError, ArchLLMError):
        with np.load(_place(key), allow_pickle=False) as kept:
            arrays: dict[str, Any] = {each: kept[each] for each in kept.files}
        about = json.loads(str(arrays.pop("about")))
        return Images(name, classes=tuple(about["classes"]), reading=_reading(about["reading"]), **arrays)
    return None


def store(key: str, images: Images, work: int) -> None:
    """Keeps images if it is worth it; a disk that is full or read-only does no harm.

    Args:
        key: their key.
        images: the images.
        work: pixels that were decoded for them.
    """
    size = sum(x.nbytes for x, _ in images.parts.values())
    if work < WORTH or size > MOST_BYTES or images.reading is None:
        return
    about = json.dumps({"classes": images.classes, "reading": asdict(images.reading)})
    names = ("x", "y", "test_x", "test_y", "valid_x", "valid_y")
    arrays = {each: found for each in names if (found := getattr(images, each)) is not None}
    place = _place(key)
    with suppress(OSError, ArchLLMError):
        place.parent.mkdir(parents=True, exist_ok=True)
        _make_room(place.parent, size)
        with replacing(place) as aside, aside.open("wb") as file:
            np.savez(file, about=np.array(about), **arrays)


def _place(key: str) -> Path:
    return cache_folder() / "images" / f"{key}.npz"


def _make_room(folder: Path, size: int) -> None:
    kept = sorted(folder.glob("*.npz"), key=lambda file: file.stat().st_mtime)
    total = size + sum(file.stat().st_size for file in kept)
    for file in kept:
        if total <= MOST_BYTES:
            return
        total -= file.stat().st_size
        file.unlink(missing_ok=True)


def _reading(about: dict[str, Any]) -> Reading:
    """A record as it was before JSON made lists of its tuples."""
    about["files"] = {part: tuple(names) for part, names in about["files"].items()}
    about["sizes"] = tuple((int(width), int(height), int(count)) for width, height, count in about["sizes"])
    for name in ("left_out", "damaged"):
        about[name] = tuple(LeftOut(**each) for each in about[name])
    return Reading(**about | {"remarks": tuple(about["remarks"])})
