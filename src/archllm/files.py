"""Writing files and folders so that nothing half-written is ever found under the final name."""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
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


def read_text(path: Path, most: int) -> str:
    """The text of a file that may come from anybody: an ordinary file of no more than so many bytes.

    Raises:
        RunFolderError: it is something else, larger, not UTF-8, or can't be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise RunFolderError(f"{path} is no ordinary file")
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise RunFolderError(f"{path} has more than {most:,} bytes, too many for what it is to hold")
        return content.decode("utf-8")
    except OSError as error:
        raise RunFolderError(f"can't read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RunFolderError(
            f"can't read {path}: it is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error


def check_holds(path: Path, numbers: int) -> None:
    """Makes sure that a file of weights can hold so many numbers, before a model of that size is made.

    Settings from elsewhere could ask for a model that fills the memory, beside a file of a few bytes.

    Args:
        path: the file; one that is not there is left to its reader.
        numbers: at least so many weights, of two bytes or more.

    Raises:
        RunFolderError: it is too small.
    """
    size = path.stat().st_size if path.is_file() else None
    if size is not None and 2 * numbers > size:
        raise RunFolderError(
            f"{path} has {size:,} bytes, too few for the {numbers:,} weights that its settings ask for"
        )


LARGEST_JSON = 1 << 26
"""Most bytes of a file in a run folder that describes a part or holds what was measured."""


def check_own_files(folder: Path) -> None:
    """Makes sure that all that a folder holds is its own: ordinary files and folders, no links that lead out of it.

    A folder that somebody sends could otherwise make a reader wait for a pipe, or read and write elsewhere.

    Raises:
        RunFolderError: something else is there.
    """
    home = folder.resolve()
    for inside, folders, names in os.walk(folder):
        for path in (Path(inside) / name for name in (*folders, *names)):
            if path.is_symlink() and not _leads_into(path, home):
                raise RunFolderError(f"{path} leads out of the folder; put a copy of what it leads to in its place")
            if path.exists() and not path.is_file() and not path.is_dir():
                raise RunFolderError(f"{path} is no ordinary file; remove it")


def _leads_into(link: Path, home: Path) -> bool:
    try:
        return link.resolve().is_relative_to(home)
    except (OSError, RuntimeError):  # a circle of links
        return False


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


def toml_value(value: object) -> str:
    r"""A value as TOML: the one place where texts become part of such a file.

    Args:
        value: a text, a number, a truth value, or a list, tuple or mapping of such.

    Raises:
        RunFolderError: a text is none that a file can hold, as in paths that are not UTF-8.

    Example:
        >>> print(toml_value(("a" + chr(10), True, 0.5)))
        ["a\n", true, 0.5]
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{toml_value(str(key))} = {toml_value(each)}' for key, each in value.items())}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # inf, -inf, nan: as Python writes them
    if not isinstance(value, str):
        return json.dumps(value)
    if not value.isprintable() and any("\ud800" <= character <= "\udfff" for character in value):
        raise RunFolderError(f"{value!r} is no text that a file can hold: it is not UTF-8")
    # JSON's escapes are TOML's; characters that an editor would not show are escaped, too, each by its number.
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08X}" for each in quoted)


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


def make_folder(folder: Path) -> None:
    """Makes a folder, and those that it is to lie in, unless it is there.

    Raises:
        RunFolderError: it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"can't make the folder {folder}: {error.strerror or error}; name another place"
        ) from error


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Gives a new empty folder beside a file that is to be written, which is gone when the block ends.

    It is there, and not where temporary files are, because there is room for the file there or nowhere.

    Raises:
        RunFolderError: it can't be made, or nothing be written into it.
    """
    aside = _beside(path, "tmp")
    try:
        aside.mkdir()
        yield aside
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunFolderError(f"can't write {path}: {reason}; nothing was changed") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


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
