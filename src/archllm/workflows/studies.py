"""Studies as commands name, describe and find them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from archllm.config import parse_words
from archllm.errors import InvalidInput, StoreError
from archllm.plugins import is_reference
from archllm.reporting.network_words import network_words
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import is_name, stored_space
from archllm.study.kept_space import space_kept
from archllm.study.store import Store, Study
from archllm.study.store.base import DEFINITION
from archllm.workflows.inputs import as_space

LONGEST = 60
"""Characters of the objectives in the name of a study, at most."""


def chosen_study(store: Store, name: str | None) -> Study:
    """The study of that name; by default the latest that is not random search, or the latest of all.

    Raises:
        StoreError: there is none.
    """
    if name is not None:
        return store.study(name)
    studies = store.studies()
    if not studies:
        raise StoreError(f"{store.where} holds no search yet; make one with `archllm search`")
    return ([study for study in studies if study.method != "random"] or studies)[-1]


def space_of_study(
    study: Study, store: str, named: str | Path | SearchSpace | None, of_run: SearchSpace | None
) -> SearchSpace:
    """The space that a study searched.

    Args:
        study: the study.
        store: what its store is called in messages.
        named: name, file or object, where the user says which.
        of_run: the space of the run folder that the store lies in.

    Raises:
        InvalidInput: it is not known, or another one.
    """
    if named is not None:
        found, name = as_space(named), str(getattr(named, "name", named))
    elif of_run is not None:
        found, name = of_run, "that of the run folder"
    elif is_name(study.space):
        found, name = stored_space(study.space, store), study.space
    elif (kept := space_kept(study, store)) is not None:
        return kept
    else:
        raise InvalidInput(f"study {study.name!r} is of a space of your own, {study.space}: name its file (--space)")
    known = study.settings.get(DEFINITION)
    if found.name != study.space or (known is not None and known != found.definition.fingerprint[:16]):
        other = f"the space {study.space}" if found.name != study.space else f"{study.space} as it was defined then"
        raise InvalidInput(f"study {study.name!r} is of {other}, and {name} is another space")
    return found


def study_name(method: str, objectives: Sequence[str], seed: int) -> str:
    """The name of a study that was given none: method, objectives and seed, as a shell takes it without quotes.

    Example:
        >>> study_name("gp", ["train:photos?epochs=20", "params"], 0)
        'gp-train-photos-epochs=20-params-0'
    """
    told = "+".join(objectives)
    words = re.sub(r"[^A-Za-z0-9._=]+", "-", told).strip("-")
    if len(words) > LONGEST:
        words = f"{words[: LONGEST - 9].strip('-')}-{sha256(told.encode(errors='backslashreplace')).hexdigest()[:8]}"
    return f"{method}-{words}-{seed}"


def network_options(options: Mapping[str, Any] | Sequence[str], space: SearchSpace) -> dict[str, Any]:
    """Fields of a network setting, given by name or as `KEY=VALUE`.

    Raises:
        InvalidInput: there is no such field, a value is of another type, or the space has no networks.
    """
    if isinstance(options, Mapping):
        return dict(options)
    return parse_words(options, space.require_networks().setting_type, "the network") if options else {}


def network_told(study: Study) -> str:
    """The network setting of a study in words; empty where it has none."""
    if study.network is None:
        return ""
    if is_name(study.space) and not is_reference(study.space):  # a class that a store names is not imported for words
        space = load_space(study.space)
        setting = study.network_setting(space)
        if setting is not None:
            return network_words(space, setting)
    return ", ".join(f"{name} {value}" for name, value in study.network.items())
