"""The custom space of a study, which its store keeps as text: with it a search can be shown wherever its store is."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any

from archllm.errors import ArchLLMError, InvalidInput, StoreError
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import is_file_name, is_name, space_of_text, stored_space
from archllm.study.store import Study, open_existing
from archllm.study.store.base import DEFINITION, SPACE_FILE

_LONGEST_PATH = 4_096
_log = logging.getLogger(__name__)


def kept_of(space: SearchSpace) -> dict[str, Any]:
    """What a study keeps of a custom space: a fingerprint, by which it is the same search, the text, and its file.

    Nothing of a space that is found by its name.

    Example:
        >>> kept_of(load_space("nasbench201"))
        {}
    """
    if is_name(space.name):
        return {}
    text = space.file or space.definition.to_toml()
    return {DEFINITION: space.definition.fingerprint[:16], SPACE_FILE: {"file": space.origin, "text": text}}


def kept_space(study: Study, store: str) -> SearchSpace | None:
    """The custom space that a study was begun with, as its store keeps it; `None` where it keeps none.

    A store may come from anybody, so nothing is imported, and the file that it names is not looked at. Modules that the
    space names are logged.

    Args:
        study: the study.
        store: what its store is called in messages; for a file, its path.

    Raises:
        StoreError: what it keeps defines no space, or another one.
    """
    kept = study.settings.get(SPACE_FILE)
    if kept is None or is_name(study.space):
        return None
    about = f"{store} is damaged: the space of study {study.name!r}"
    if not isinstance(kept, dict) or not isinstance(kept.get("text"), str):
        raise StoreError(f"{about} is no text; name its file (--space)")
    try:
        space = space_of_text(kept["text"], store, study.space)
    except InvalidInput as error:
        raise StoreError(f"{about} can't be read; name its file (--space): {error}") from error
    if space.name != study.space or space.definition.fingerprint[:16] != study.settings.get(DEFINITION):
        raise StoreError(f"{about} is not the one that its trials are of; name its file (--space)")
    for module, file in space.networks.imports().items() if space.networks is not None else ():
        _tell(
            f"{store} has a search of a space with blocks of the module {module}; to build a network, they "
            + (
                f"would be imported from {file}"
                if file
                else "are not found where Python looks (--modules DIR names it)"
            )
        )
    return space


def space_kept(study: Study, store: str) -> SearchSpace | None:
    """The same for a command, which logs it where the space file was changed since; see `kept_space`."""
    space, file = kept_space(study, store), named_file(study)
    if space is not None and file and Path(file).is_file() and changed_since(study, Path(file)):
        _tell(f"{file} was changed since study {study.name!r} began; the space is taken as it was then, from {store}")
    return space


def resumed_space(url: str | Path, name: str | None) -> SearchSpace:
    """The space of a search that goes on without naming it: that which its store keeps.

    Args:
        url: the store.
        name: the study; where it is not named, all of the store have to be of one space.

    Raises:
        InvalidInput: the store does not say which space it is.
        StoreError: there is no such store, or it can't be read.
    """
    with open_existing(url) as store:
        studies = store.studies() if name is None else [store.study(name)]
        where = store.where
    if len({(each.space, each.settings.get(DEFINITION)) for each in studies}) == 1:
        study = studies[0]
        if (kept := stored_space(study.space, where) if is_name(study.space) else space_kept(study, where)) is not None:
            return kept
    raise InvalidInput(f"{where} does not say which space the search is of: name the space (--space), or the study")


def named_file(study: Study) -> str:
    """The path of the space file that a study was begun with, as it was named then; empty where none was."""
    kept = study.settings.get(SPACE_FILE)
    named = kept.get("file") if isinstance(kept, dict) else None
    plain = isinstance(named, str) and is_file_name(named) and named.isprintable()  # a store may hold any text
    return str(named) if plain and len(str(named)) <= _LONGEST_PATH else ""


def changed_since(study: Study, file: Path) -> bool:
    """Whether a space file defines another space than the one that a study was begun with, or none any more."""
    try:
        return load_space(file).definition.fingerprint[:16] != study.settings.get(DEFINITION)
    except ArchLLMError:
        return True


@cache  # a command opens the same study several times
def _tell(words: str) -> None:
    _log.warning("%s", words)
