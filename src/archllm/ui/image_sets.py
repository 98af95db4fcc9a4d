"""Sets of images in the folder, found by a look at names alone: what a fit may be about."""

from __future__ import annotations

import os
from pathlib import Path

from archllm.objectives.images.layout import ENDINGS
from archllm.ui.home import Home

MOST_ENTRIES = 4_000
"""Files and folders that are looked at."""

DEEPEST = 3
"""Folders within one another that are looked into."""

MOST_SHOWN = 100

_FIRST = 60  # entries of a folder that say whether it holds images
_ARCHIVES = (".zip", ".npz")


def image_sets(home: Home) -> list[str]:
    """Archives, and folders with at least two folders of images, as paths from the folder."""
    found: list[str] = []
    left = MOST_ENTRIES
    folders = [(home.root, 0)]
    while folders and left > 0 and len(found) < MOST_SHOWN:
        folder, depth = folders.pop(0)
        inner = _entries(folder, left)
        left -= len(inner)
        below = [Path(entry.path) for entry in inner if entry.is_dir(follow_symlinks=False)]
        classes = 0
        for each in below:
            first = _entries(each, min(_FIRST, max(left, 0)))
            left -= len(first)
            classes += any(entry.name.lower().endswith(ENDINGS) for entry in first)
        if classes >= 2 and folder != home.root:
            found.append(home.name(folder))
            continue
        found += [
            home.name(Path(entry.path))
            for entry in inner
            if entry.name.lower().endswith(_ARCHIVES) and entry.is_file(follow_symlinks=False)
        ]
        if depth < DEEPEST:
            folders += [(each, depth + 1) for each in below]
    return sorted(found)[:MOST_SHOWN]


def _entries(folder: Path, most: int) -> list[os.DirEntry[str]]:
    """The first entries of a folder, hidden ones aside."""
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) >= most:
                    break
                if not entry.name.startswith("."):
                    found.append(entry)
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry.name)
