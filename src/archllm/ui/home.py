"""Home: the folder that a page is about; nothing outside of it is ever read, and no link is followed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from archllm.classifier.folder import RECORD
from archllm.errors import InvalidInput, RunFolderError, shown
from archllm.spaces.space_file import ENDING

Kind = Literal["run", "training", "fit", "store", "space"]
"""A generator, the training of one that was interrupted, a fit of a classifier, a store of trials, a space file."""

DEEPEST = 4
"""Folders within one another that are looked into."""

MOST_ENTRIES = 50_000
"""Files and folders that are looked at."""

STORES = (".db", ".sqlite", ".sqlite3")
"""Endings of SQLite files."""

_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_SQLITE = b"SQLite format 3\0"
_SPACE = re.compile(rb"^kind\s*=\s*\"[a-z_]+\"", re.MULTILINE)
_LONGEST_SPACE = 1 << 16
_FOLDERS: tuple[Kind, ...] = ("run", "training", "fit")
_FRESH = 1.0  # seconds for which a listing is taken as it is


@dataclass(frozen=True)
class Found:
    """Something of ours in the folder."""

    path: str
    """Where it is, from the folder, as in a URL."""

    kind: Kind
    """What it is."""

    changed: float
    """When it was last written, in seconds since 1970."""


class Home:
    """A folder, and what there is of ours in it.

    Args:
        root: the folder.

    Raises:
        RunFolderError: there is no such folder.

    Example:
        >>> import tempfile
        >>> Home(tempfile.mkdtemp()).listing()
        ()
    """

    def __init__(self, root: str | Path) -> None:
        try:
            self.root = Path(root).expanduser().resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise RunFolderError(f"there is no folder {root}") from error
        if not self.root.is_dir():
            raise RunFolderError(f"{root} is no folder; name the one that holds your runs and stores")
        self._listed: tuple[float, tuple[Found, ...]] = (-_FRESH, ())
        self.complete = True
        """Whether all of it was looked at; a folder of very many files is not."""

    def within(self, path: str) -> Path:
        """The place that a path from the folder names, whether or not there is anything.

        Raises:
            InvalidInput: it leads out of the folder, by its parts or by a link.
        """
        parts = PurePosixPath(path).parts
        if not path or "\0" in path or "\\" in path or PurePosixPath(path).is_absolute() or ".." in parts:
            raise InvalidInput(f"{shown(path)} is no path inside the folder of this page")
        place = self.root
        for part in parts:
            place = place / part
            try:
                linked = place.is_symlink()
            except OSError as error:  # a name that is too long
                raise InvalidInput(f"{shown(path)} can't be the name of a file: {error.strerror}") from error
            if linked:
                raise InvalidInput(f"{shown(path)} leads through a link, which this page does not follow")
        return place

    def there(self, path: str, *kinds: Kind) -> Path:
        """The place of something of ours.

        Raises:
            InvalidInput: it leads out of the folder.
            RunFolderError: there is nothing of these kinds.
        """
        place = self.within(path)
        if not any(self._is(place, kind) for kind in kinds):
            raise RunFolderError(f"there is no {' or '.join(_WORDS[kind] for kind in kinds)} {shown(path)} here")
        return place

    def name(self, place: Path) -> str:
        """The path from the folder, as in a URL."""
        return place.relative_to(self.root).as_posix()

    def listing(self, *kinds: Kind) -> tuple[Found, ...]:
        """What there is, what was written last first."""
        now = time.monotonic()
        if now - self._listed[0] >= _FRESH:
            found = sorted(self._walk(), key=lambda each: (-each.changed, each.path))
            self._listed = (now, tuple(found))
        return tuple(each for each in self._listed[1] if not kinds or each.kind in kinds)

    def forget(self) -> None:
        """The next listing looks anew."""
        self._listed = (-_FRESH, self._listed[1])

    def _is(self, place: Path, kind: Kind) -> bool:
        if kind == "store":
            return place.suffix in STORES and place.is_file() and _head(place, len(_SQLITE)) == _SQLITE
        if kind == "space":
            return (
                place.suffix == ENDING and place.is_file() and _SPACE.search(_head(place, _LONGEST_SPACE)) is not None
            )
        mark = RECORD if kind == "fit" else "config.toml"
        file = place / mark
        if not file.is_file() or file.is_symlink():
            return False
        growing = place.name.startswith(".") and place.name.endswith(".training")
        return kind == "fit" or growing == (kind == "training")

    def _walk(self) -> Iterator[Found]:
        left, folders = MOST_ENTRIES, [(self.root, 0)]
        self.complete = True
        while folders:
            folder, depth = folders.pop()
            kinds: list[Kind] = [kind for kind in _FOLDERS if folder != self.root and self._is(folder, kind)]
            for kind in kinds:
                yield Found(self.name(folder), kind, _changed(folder))
            inner, taken, cut = _entries(folder, left)
            left -= taken
            self.complete &= not cut
            for entry in inner:
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    growing = entry.name.startswith(".") and entry.name.endswith(".training")
                    hidden = entry.name.startswith(".") and not growing
                    if depth < DEEPEST and not hidden and entry.name not in _SKIPPED:
                        folders.append((path, depth + 1))
                elif entry.is_file(follow_symlinks=False):
                    if self._is(path, "store"):
                        yield Found(self.name(path), "store", _changed(path))
                    elif not kinds and self._is(path, "space"):
                        yield Found(self.name(path), "space", _changed(path))


_WORDS: dict[Kind, str] = {
    "run": "run folder",
    "training": "interrupted training",
    "fit": "fit",
    "store": "store of trials",
    "space": "space file",
}


def folder_bytes(folder: Path) -> int:
    """How much the files of a folder take; links count for nothing."""
    total = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(inside, name)).st_size  # noqa: PTH118 - for many files
            except OSError:
                continue
    return total


def _entries(folder: Path, most: int) -> tuple[list[os.DirEntry[str]], int, bool]:
    """What a folder holds, how many of these, and whether there was more than may be looked at."""
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) >= most:
                    return found, len(found), True
                found.append(entry)
    except OSError:  # of somebody else
        return [], 0, False
    return found, len(found), False


def _head(file: Path, most: int) -> bytes:
    """The first bytes of a file; none of one that can't be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(most)
    except OSError:
        return b""


def _changed(path: Path) -> float:
    newest = 0.0
    for each in (path, path / "seal.json", path / RECORD, path.with_name(f"{path.name}-wal")):
        try:
            newest = max(newest, each.stat().st_mtime)
        except OSError:
            continue
    return newest
