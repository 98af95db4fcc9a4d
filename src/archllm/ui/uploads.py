"""Uploads: images that a browser sends, streamed to one file of the folder, whole or not at all.

A folder that is dropped arrives as an archive, too, so no name that somebody sends ever becomes a path here.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from filecmp import cmp
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from starlette.requests import Request

from archllm.errors import InvalidInput, RunFolderError
from archllm.files import share
from archllm.ui import asking
from archllm.ui.home import Home

UPLOAD = "/fits/upload"
"""Where images are sent to."""

LARGEST_UPLOAD = 1_000_000_000
"""Most bytes of an upload; the gate of the page counts them."""

FOLDER = "images"
"""Where uploads lie, from the folder of the page."""

KIND = "application/zip"
"""What an upload says that it is: a form of another page can't."""

MOST_AT_ONCE = 2
"""Uploads at the same time."""

_BLOCK = 1 << 20  # bytes that are written at a time
_SPARE = 1 << 28  # bytes that a disk is left with
_PART = ".part"
_STALE = 3_600.0  # seconds after which a part that nobody writes to is of a server that was killed
_BEGIN = (b"PK\3\4", b"PK\5\6")
_MOST_NAMES = 1_000


class Uploads:
    """The uploads of one page.

    Args:
        home: the folder of the page.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._running = 0

    @asynccontextmanager
    async def receive(self, request: Request) -> AsyncIterator[Path]:
        """The archive that a request sends, or the same from before; a new one goes when the block ends with an error.

        Raises:
            InvalidInput: it is no archive, there is no room for it, or too many are under way.
            RunFolderError: it can't be written.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip() != KIND:
            raise InvalidInput(f"images are sent as one zip archive (content-type: {KIND})")
        if self._running >= MOST_AT_ONCE:
            raise InvalidInput(f"{self._running} uploads are under way already; wait for one of them")
        name = plain_name(asking.text(request, "name", "images"))
        self._running += 1
        file, new = None, False
        try:
            file, new = await self._written(request, name)
            yield file
        except BaseException:
            if file is not None and new:
                file.unlink(missing_ok=True)
            raise
        finally:
            self._running -= 1
            with suppress(OSError, InvalidInput):
                self._home.within(FOLDER).rmdir()  # stays where there is anything in it

    async def _written(self, request: Request, name: str) -> tuple[Path, bool]:
        folder = self._home.within(FOLDER)
        part = folder / f".{name}.{secrets.token_hex(4)}{_PART}"
        try:
            folder.mkdir(exist_ok=True)
            _sweep(folder)
            told = request.headers.get("content-length", "0")
            if shutil.disk_usage(folder).free < _SPARE + (int(told) if told.isdecimal() else 0):
                raise InvalidInput("the disk of the folder has no room for it")
            with part.open("xb") as out:
                await _stream(request, out)
            with part.open("rb") as found:
                if found.read(4) not in _BEGIN:
                    raise InvalidInput("that is no zip archive; drop the folder of the images, or a .zip of it")
            share(part)
            return await to_thread.run_sync(_named, part, folder, name)
        except OSError as error:
            raise RunFolderError(f"the upload can't be kept: {error.strerror or error}; nothing was changed") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


async def _stream(request: Request, out: BinaryIO) -> None:
    """Writes what comes; the gate counts it."""
    waiting = bytearray()
    async for block in request.stream():
        waiting += block
        if len(waiting) >= _BLOCK:
            await to_thread.run_sync(out.write, bytes(waiting))
            waiting.clear()
    await to_thread.run_sync(out.write, bytes(waiting))


def _named(part: Path, folder: Path, name: str) -> tuple[Path, bool]:
    """The file under the first name that is free, and whether it is new: who sends the same twice gets the first."""
    for number in range(1, _MOST_NAMES):
        target = folder / (f"{name}.zip" if number == 1 else f"{name}-{number}.zip")
        try:
            target.open("xb").close()  # taken, whoever else looks for a name now
        except FileExistsError:
            if target.is_file() and not target.is_symlink() and cmp(part, target, shallow=False):
                return target, False
            continue
        part.replace(target)
        return target, True
    raise InvalidInput(f"{FOLDER} holds {_MOST_NAMES:,} archives of that name; remove some, or take another name")


def plain_name(name: str) -> str:
    """A name of a file that is nothing else, without its ending.

    Example:
        >>> plain_name("../../My photos.zip"), plain_name(".hidden"), plain_name("///")
        ('My-photos', 'hidden', 'images')
    """
    last = re.split(r"[/\\\\]", name)[-1].removesuffix(".zip")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:60] or "images"


def _sweep(folder: Path) -> None:
    """Removes what a server left that was killed."""
    for each in folder.glob(f".*{_PART}"):
        with suppress(OSError):
            if time.time() - each.stat().st_mtime > _STALE:
                each.unlink()
