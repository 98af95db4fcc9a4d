"""One trial of a store, as a command names it: `STORE[:STUDY[:TRIAL]]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archllm.errors import InvalidInput, StoreError
from archllm.generation.run_folder import read_info, read_space
from archllm.spaces import Architecture, SearchSpace
from archllm.study.result import Result, result
from archllm.study.store import Store, Study, Trial, open_existing
from archllm.study.store.opening import IN_FOLDERS
from archllm.workflows.studies import chosen_study, space_of_study

_URL = re.compile(r"(?P<store>postgresql(\+psycopg)?://[^/]*/[^:]*)(:(?P<rest>.*))?", re.DOTALL)
_SQLITE = b"SQLite format 3\0"
_SQLITE_URL = "sqlite:///"
_LONGEST = 4_096  # characters of a path


@dataclass(frozen=True)
class StoredTrial:
    """A trial and where it stands."""

    study: Study
    """Its study."""

    trial: Trial
    """The trial."""

    arch: Architecture
    """Its architecture."""

    store: str
    """Its store, without passwords."""


def names_store(text: str) -> bool:
    """Whether a text begins with a store that is there, or with the URL of a database."""
    return _split(text) is not None


def stored_trial(text: str, space: str | Path | SearchSpace | None = None) -> StoredTrial:
    """The trial that `STORE[:STUDY[:TRIAL]]` names.

    STORE is an SQLite file, a run folder, the folder of a comparison, or the URL of a database; STUDY is by default the
    latest that is not random search, TRIAL, a number, the best one. Colons in the name of a study do no harm.

    Args:
        text: the text.
        space: space of the study, where it is a custom one that no run folder holds.

    Raises:
        InvalidInput: it names no store, or the space is not known or another one.
        StoreError: there is no such study or trial, no trial has a score, or the store can't be read.
        RunFolderError: the run folder can't be used.
    """
    split = _split(text)
    if split is None:
        raise InvalidInput(f"a trial is named STORE[:STUDY[:TRIAL]] with a store that is there, got {text!r}")
    source, rest = split
    with open_existing(source) as store:
        study, number = _study_and_number(store, rest)
        found = result(store, study.name)
        where = store.where
    folder = Path(source)
    of_run = read_space(folder, read_info(folder)) if (folder / "config.toml").is_file() else None
    home = space_of_study(study, where, space, of_run)
    trial = _trial(found, number, where)
    return StoredTrial(study, trial, home.parse(trial.text), where)


def _split(text: str) -> tuple[str, str | None] | None:
    """The store that a text begins with, and what follows it behind a colon."""
    if url := _URL.fullmatch(text):
        return url["store"], url["rest"]
    start = len(_SQLITE_URL) if text.startswith(_SQLITE_URL) else 0
    for end in _ends(text, start):
        if _is_store(text[start:end]):
            return text[:end], text[end + 1 :] if end < len(text) else None
    return None


def _ends(text: str, start: int) -> Iterator[int]:
    """Where the store may end: at the end, or before a colon, the last one first."""
    if len(text) <= start + _LONGEST:
        yield len(text)
    for found in reversed(list(re.finditer(":", text[start : start + _LONGEST]))):
        yield start + found.start()


def _is_store(path: str) -> bool:
    try:
        there = Path(path)
        if there.is_dir():
            return any((there / name).is_file() for name in IN_FOLDERS)
        if not there.is_file():  # a pipe would make us wait
            return False
        with there.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except (OSError, ValueError):  # it is no path at all
        return False


def _study_and_number(store: Store, rest: str | None) -> tuple[Study, int | None]:
    if not rest:
        return chosen_study(store, None), None
    names = {study.name for study in store.studies()}
    head, colon, last = rest.rpartition(":")
    if rest not in names and colon and last.isdecimal() and len(last) < 10:
        return chosen_study(store, head), int(last)
    return chosen_study(store, rest), None


def _trial(found: Result, number: int | None, where: str) -> Trial:
    name = found.study.name
    if number is not None:
        for trial in found.trials:
            if trial.number == number:
                return trial
        raise StoreError(f"study {name!r} in {where} has no trial {number}; it has {len(found.trials)}, from 0")
    if found.best is None:
        raise StoreError(f"no trial of study {name!r} in {where} has a score yet; name one: STORE:{name}:NUMBER")
    return found.best
