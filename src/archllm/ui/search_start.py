"""What a search that is started from the page may be: within the folder, and without code that is named on the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archllm.conditional.requirements import parse_all
from archllm.errors import ArchLLMError, InvalidInput, StoreError, shown
from archllm.objectives.identity import without_direction
from archllm.objectives.table import found_tables
from archllm.plugins import is_reference
from archllm.searchers.registry import searcher_names
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import is_name
from archllm.study.store import Study
from archllm.study.store.base import SPACE_FILE
from archllm.ui.cell_facts import table_of
from archllm.ui.cells import OF_FILE, OF_RUN, OF_STUDY, space_of
from archllm.ui.context import Context
from archllm.ui.home import STORES
from archllm.workflows.options import SearchOptions
from archllm.workflows.studies import study_name

SIZES = ("params", "macs")
LATENCY = "latency"

METHODS = tuple(searcher_names())
"""Built-in methods, and those of installed packages."""

OF_A_RUN = ("sequence",)
"""Methods that take a trained generator."""

_NAME = re.compile(r"[A-Za-z0-9._=+@:,-]{1,120}")
_ENDING = re.compile(r"(_sample)?\.(csv\.gz|csv|parquet)$")
_MOST_OBJECTIVES, _MOST_REQUIREMENTS = 4, 10


def objectives_for(space: SearchSpace) -> list[str]:
    """Specs that can be chosen for a space: columns of its tables in the data folder, sizes, latency.

    None of them runs code that somebody else has named.
    """
    found = []
    for path in found_tables():
        table = table_of(path, path.stat().st_mtime_ns, space)
        if table is not None:
            name = _ENDING.sub("", path.name)
            found += [f"table:{name}/{column}" for column in table.columns if "test" not in column.lower()]
    networks = space.networks
    if networks is not None and not networks.imports():
        found += [*SIZES, LATENCY]
    return found


def options_from(context: Context, asked: Mapping[str, Any]) -> tuple[SearchOptions, str]:
    """The options of a new search, and its store as a path from the folder.

    Args:
        context: of the page.
        asked: `of` (a space, `run:PATH` or `file:PATH`), `objectives`, `method`, `budget`, `seed`, `where`, and, where
            they are not to be those that the command line takes, `store` and `study`.

    Raises:
        InvalidInput: something of it can't be used.
    """
    of = _word(asked, "of")
    if of.startswith(OF_STUDY):
        raise InvalidInput("a search in the space of another one begins with its space file in this folder")
    space = space_of(context, of)
    run = context.home.within(of.removeprefix(OF_RUN)) if of.startswith(OF_RUN) else None
    named: Any = None if run is not None else context.home.within(of.removeprefix(OF_FILE)) if ":" in of else of
    objectives = _several(asked, "objectives", _MOST_OBJECTIVES)
    known = objectives_for(space)
    for spec in objectives:
        if without_direction(spec) not in known:
            raise InvalidInput(
                f"the page starts searches for {', '.join(known) or 'nothing in this space'}, got {shown(spec)}; start "
                "others on the command line, and watch them here"
            )
    method = _word(asked, "method")
    if method not in METHODS:
        raise InvalidInput(f"method must be one of {', '.join(METHODS)}, got {shown(method)}")
    where = _several(asked, "where", _MOST_REQUIREMENTS)
    parse_all(where)
    store = _word(
        asked, "store", f"{of.removeprefix(OF_RUN)}/search.db" if run is not None else f"search-{space.name}.db"
    )
    options = SearchOptions(
        run=run,
        space=named,
        method=method,
        objective=objectives,
        budget=_number(asked, "budget"),
        seed=_number(asked, "seed"),
        where=where,
        store=_store(context, store),
        study=_study(_word(asked, "study", "") or study_name(method, objectives, _number(asked, "seed"))),
    )
    return options, store


def options_of(context: Context, at: str, study: Study, budget: int) -> SearchOptions:
    """The options with which a search of a store goes on.

    Args:
        context: of the page.
        at: its store, as a path from the folder.
        study: the search.
        budget: evaluations in all.

    Raises:
        InvalidInput: the store does not say all of them, or they name code.
    """
    folder = str(Path(at).parent)
    run = (
        context.home.within(folder) if folder != "." and (context.home.root / folder / "seal.json").is_file() else None
    )
    kept = run is None and SPACE_FILE in study.settings  # then the command takes it from there
    if run is None and not kept and (is_reference(study.space) or not is_name(study.space)):
        raise InvalidInput(f"study {study.name!r} is of a space of your own, which its store does not keep")
    of = f"{OF_RUN}{folder}" if run is not None else f"{OF_STUDY}{at}|{study.name}" if kept else study.space
    space = space_of(context, of) if run is not None or kept else load_space(of)
    known = {*objectives_for(space)}
    foreign = [spec for spec in study.objectives if without_direction(spec) not in known]
    if foreign or study.method not in METHODS:
        raise InvalidInput(f"the page does not start {', '.join(foreign) or study.method}, which may be a program")
    _study(study.name)
    if "transfer" in study.settings:
        raise InvalidInput("it began with scores of another task, which its store does not name")
    where = [
        f"{name} {sign} {end:.17g}"
        for name, ends in study.settings.get("where", {}).items()
        for sign, end in zip((">=", "<="), ends, strict=True)
        if end is not None
    ]
    return SearchOptions(
        run=run,
        space=None if run is not None or kept else study.space,
        method=study.method,
        objective=study.objectives,
        budget=budget,
        seed=study.seed,
        where=tuple(where),
        options=_texts(study.settings.get("options", {})),
        network=_texts(study.network or {}),
        store=_store(context, at),
        study=study.name,
        resume=True,
    )


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the command line writes them."""
    return {
        name: ",".join(map(str, value))
        if isinstance(value, list | tuple)
        else str(value).lower()
        if isinstance(value, bool)
        else value
        for name, value in values.items()
        if value is not None
    }


def _store(context: Context, at: str) -> Path:
    path = context.home.within(at)
    if path.suffix not in STORES:
        raise InvalidInput(f"a store of trials ends in {', '.join(STORES)}, got {shown(at)}")
    if path.name.startswith("-") or not path.parent.is_dir():
        raise InvalidInput(f"there is no folder for a store {shown(at)}")
    if path.exists():
        try:
            context.home.there(at, "store")
        except ArchLLMError as error:
            raise StoreError(f"{shown(at)} is there and is no store") from error
    return path


def _study(name: str) -> str:
    if name.startswith("-") or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"the name of a study has letters, digits and . _ = + @ : , - (120 at most), got {shown(name)}"
        )
    return name


def _word(asked: Mapping[str, Any], name: str, default: str | None = None) -> str:
    found = asked.get(name) or default
    if not isinstance(found, str) or len(found) > 2_000:
        raise InvalidInput(f"{name} must be a text, got {shown(found)}")
    return found


def _number(asked: Mapping[str, Any], name: str) -> int:
    found = asked.get(name)
    if type(found) is not int or not 0 <= found <= 10**9:
        raise InvalidInput(f"{name} must be a whole number from 0 to 1,000,000,000, got {shown(found)}")
    return found


def _several(asked: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    found: Sequence[Any] = asked.get(name) or ()
    if not isinstance(found, list | tuple) or len(found) > most:
        raise InvalidInput(f"{name} must be a list of {most} texts at most, got {shown(found)}")
    if not all(isinstance(each, str) and 0 < len(each) <= 500 and not each.startswith("-") for each in found):
        raise InvalidInput(f"{name} must be a list of texts, got {shown(found)}")
    return tuple(found)
