"""Sources of image files: a folder, or a zip archive that is read without unpacking it.

Names of files come from outside. Nothing is written under them, and none is used as a path: a folder's files are opened
by what the system listed, an archive's by their entry.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from archllm.errors import DataError
from archllm.objectives.images.reading import LeftOut

MOST_FILES = 2_000_000
"""Files that a source may have; more are a loop or a mistake."""

MOST_DEPTH = 32
"""Folders inside of folders that are looked into."""

MOST_BYTES = 1 << 29
"""Bytes that one file may have; a photo of 100 megapixels has fewer."""

MOST_RATIO = 200
"""How many times its compressed size an entry of an archive may take; images hardly shrink at all."""

_SMALL = 1 << 22  # bytes up to which any ratio is allowed: a bitmap of one colour shrinks a thousandfold
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)

READ_ERRORS = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What opening or reading a file of a source raises when it is damaged, gone or encrypted."""


@dataclass(frozen=True)
class Entry:
    """A file, or a folder."""

    parts: tuple[str, ...]
    """Its path below the source, as text: what can't be decoded or printed as Unicode is escaped."""

    folder: bool = False
    """Whether it is a folder."""

    size: int = 0
    """Bytes of a file."""

    stamp: int = 0
    """Changes when the file does: nanoseconds of its last change, or the checksum of its contents."""

    handle: str = field(default="", compare=False)
    """How the source itself finds it."""

    @property
    def name(self) -> str:
        """The path as it is shown."""
        return "/".join(self.parts)


class Source(ABC):
    """Where files come from.

    Args:
        path: the folder or archive.

    Raises:
        DataError: it can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hidden = 0
        """Files and folders that systems add and nobody means: names that begin with a dot, `__MACOSX`, thumbnails."""
        self.left_out: list[LeftOut] = []
        """What can't be used, whatever it holds."""
        self.entries: list[Entry] = sorted(self._listed(), key=lambda entry: entry.parts)
        """Files and folders that are left, sorted by path."""

    @abstractmethod
    def _listed(self) -> Iterator[Entry]:
        """All files and folders but the hidden ones, which are counted."""

    @abstractmethod
    def open(self, entry: Entry) -> IO[bytes]:
        """Opens a file; raises one of `READ_ERRORS`. May be called from several threads."""

    def close(self) -> None:  # noqa: B027 (a folder has nothing to close)
        """Ends the use of the source."""

    def _refuse(self, parts: tuple[str, ...], reason: str) -> None:
        self.left_out.append(LeftOut("/".join(parts), reason))

    def _too_many(self) -> DataError:
        return DataError(f"{self.path} holds more than {MOST_FILES:,} files; name the folder of the images themselves")


def open_source(path: Path) -> Source:
    """The source of a folder or of a zip archive.

    Raises:
        DataError: it can't be read.
    """
    return FolderSource(path) if path.is_dir() else ZipSource(path)


class FolderSource(Source):
    """A folder and all below it; links are followed, but not round in circles."""

    def open(self, entry: Entry) -> IO[bytes]:
        return Path(entry.handle).open("rb")

    def _listed(self) -> Iterator[Entry]:
        self._count = 0
        try:
            about = self.path.stat()
        except OSError as error:
            raise DataError(f"{self.path} can't be read: {error.strerror}") from error
        yield from self._below(str(self.path), (), {(about.st_dev, about.st_ino)})

    def _below(self, folder: str, parts: tuple[str, ...], above: set[tuple[int, int]]) -> Iterator[Entry]:
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            if not parts:
                raise DataError(f"{self.path} can't be read: {error.strerror}") from error
            return self._refuse(parts, f"it can't be read: {error.strerror}")
        for entry in entries:
            own = (*parts, text(entry.name))
            if is_hidden(own[-1]):
                self.hidden += 1
                continue
            self._count += 1
            if self._count > MOST_FILES:
                raise self._too_many()
            try:
                about = entry.stat()
            except OSError as error:
                self._refuse(own, f"it can't be read: {error.strerror}")
                continue
            if stat.S_ISDIR(about.st_mode):
                here = (about.st_dev, about.st_ino)
                if here in above or len(own) > MOST_DEPTH:
                    self._refuse(own, "it leads back to a folder that holds it, or lies too deep")
                    continue
                yield Entry(own, folder=True)
                yield from self._below(entry.path, own, above | {here})
            elif not stat.S_ISREG(about.st_mode):
                self._refuse(own, "it is no file, but a pipe, socket or device")
            elif about.st_size > MOST_BYTES:
                self._refuse(own, f"it has {about.st_size:,} bytes, more than {MOST_BYTES:,}")
            else:
                yield Entry(own, False, about.st_size, about.st_mtime_ns, entry.path)


class ZipSource(Source):
    """The entries of a zip archive; nothing is unpacked to disk."""

    def open(self, entry: Entry) -> IO[bytes]:
        return self._archive.open(self._infos[entry.handle])

    def close(self) -> None:
        self._archive.close()

    def _listed(self) -> Iterator[Entry]:
        try:
            self._archive = zipfile.ZipFile(self.path)
        except (*READ_ERRORS, ValueError) as error:
            raise DataError(f"{self.path} is no zip archive, truncated or damaged: {error}") from error
        infos = self._archive.infolist()
        if len(infos) > MOST_FILES:
            raise self._too_many()
        self._infos: dict[str, zipfile.ZipInfo] = {}
        hidden: set[tuple[str, ...]] = set()
        for number, info in enumerate(infos):
            path = text(info.filename.replace("\\", "/"))
            parts = tuple(part for part in path.split("/") if part not in ("", "."))
            at = next((at for at, part in enumerate(parts) if is_hidden(part) and part != ".."), None)
            if at is not None:
                hidden.add(parts[: at + 1])
                continue
            refused = _refused(info, path)
            if refused:
                self._refuse(parts or (path,), refused)
                continue
            is_folder = path.endswith("/")
            for depth in range(1, len(parts) + is_folder):
                key = "/".join(parts[:depth]) + "/"
                if key not in self._infos:
                    self._infos[key] = info
                    yield Entry(parts[:depth], folder=True)
            if is_folder or not parts:
                continue
            if "/".join(parts) in self._infos:
                self._refuse(parts, "the archive holds another file of that name")
                continue
            self._infos["/".join(parts)] = self._infos[str(number)] = info
            yield Entry(parts, False, info.file_size, info.CRC, str(number))
        self.hidden = len(hidden)


def _refused(info: zipfile.ZipInfo, path: str) -> str:
    """Why an entry of an archive is not read; empty if it is."""
    if path.startswith("/") or ".." in path.split("/") or re.match("[A-Za-z]:/", path):
        return "its path leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link"
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.compress_type not in _READABLE:
        return "it is compressed in a way that can't be read here"
    if info.file_size > MOST_BYTES:
        return f"it would take {info.file_size:,} bytes, more than {MOST_BYTES:,}"
    if info.file_size > max(_SMALL, MOST_RATIO * info.compress_size):
        return f"it would grow from {info.compress_size:,} to {info.file_size:,} bytes: that is no photo"
    return ""


def is_hidden(name: str) -> bool:
    """Whether a file or folder was put there by a system: `.DS_Store`, `._1.png`, `__MACOSX`, `Thumbs.db`.

    Example:
        >>> [is_hidden(name) for name in ("._1.png", "__MACOSX", "Thumbs.db", "1.png")]
        [True, True, True, False]
    """
    return name.startswith(".") or name in ("__MACOSX", "@eaDir") or name.lower() in ("thumbs.db", "desktop.ini")


def text(name: str) -> str:
    r"""A name that can be printed, stored and compared: what is no Unicode is escaped, equal letters are equal.

    macOS writes an accented letter as two characters, other systems as one.

    Example:
        >>> text("caf" + chr(0xDCE9)), text("e" + chr(0x301)) == chr(0xE9)
        ('caf\\xe9', True)
    """
    if any("\ud800" <= letter <= "\udfff" for letter in name):  # bytes as Python passes them through
        name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", name)
