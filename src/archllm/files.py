"""Writing files and folders so that nothing half-written is ever found under the final name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archllm.errors import RunFolderError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; when the block ends well, what was written there takes its place.

    Raises:
        RunFolderError: the file can't be written (no such folder, no permission, disk full).
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield aside
        os.replace(aside, path)
    except OSError as error:
        raise RunFolderError(f"can't write {path}: {error.strerror or error}; nothing was changed") from error
    finally:
        aside.unlink(missing_ok=True)


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
    retired = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        if target.exists():
            if not overwrite:
                raise RunFolderError(f"{target} exists already; choose another folder or allow overwriting")
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
