"""Writing files and folders so that nothing half-written is ever found under the final name."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from archllm.errors import RunFolderError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; when the block ends well, what was written there takes its place.

    Raises:
        RunFolderError: the file can't be written (no such folder, no permission, disk full).
    """
    aside = _beside(path, "tmp")
    try:
        yield aside
        share(aside)
        os.replace(aside, path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunFolderError(f"can't write {path}: {reason}; nothing was changed") from error
    finally:
        with suppress(OSError):
            aside.unlink()


def share(path: Path) -> None:
    """Gives a file the permissions that the user's files have; some libraries write theirs for the owner only."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(0o666 & ~umask)


def write_text(path: Path, text: str) -> None:
    """Writes a text file as a whole or not at all.

    Raises:
        RunFolderError: it can't be written.
    """
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def publish(folder: Path, target: Path, overwrite: bool = False) -> None:
    """Renames a finished folder to its final name, keeping what stands there until the new one is in place.

    Raises:
        RunFolderError: `target` exists and `overwrite` is false, or the rename fails.
    """
    retired = _beside(target, "old")
    try:
        refuse_existing(target, overwrite)
        if target.exists():
            os.replace(target, retired)
        try:
            os.replace(folder, target)
        except OSError:
            if retired.exists():
                os.replace(retired, target)
            raise
    except OSError as error:
        raise RunFolderError(f"can't write {target}: {error.strerror or error}; nothing was changed") from error
    shutil.rmtree(retired, ignore_errors=True)


@contextmanager
def assembling(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """Gives a new empty folder beside `target`; when the block ends well, it takes the place of `target`.

    Raises:
        RunFolderError: `target` exists and `overwrite` is false, or something can't be written.
    """
    refuse_existing(target, overwrite)
    aside = _beside(target, "new")
    try:
        aside.mkdir(parents=True)
        yield aside
        publish(aside, target, overwrite)
    except OSError as error:
        raise RunFolderError(f"can't write {target}: {error.strerror or error}; nothing was changed") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def cache_folder() -> Path:
    """Where is kept what can be made again: `archllm` in the system's folder for caches; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "archllm"


def refuse_existing(target: Path, overwrite: bool) -> None:
    """Makes sure that a folder can be published under the name, before any long work.

    Raises:
        RunFolderError: a file stands there, or a folder that is not empty while `overwrite` is false.
    """
    if target.is_dir() and (overwrite or not any(target.iterdir())):
        return
    if target.exists():
        if not target.is_dir():
            raise RunFolderError(f"{target} is a file where a folder is to be written; choose another name")
        raise RunFolderError(f"{target} exists already; choose another folder or allow overwriting it (--overwrite)")


def _beside(path: Path, ending: str) -> Path:
    """A hidden name in the same folder that nobody else uses, another thread included."""
    if path.name in ("", ".."):
        raise RunFolderError(f"{path} has no name of its own to write under; name a file or folder in it")
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{ending}")
