"""Scores of other tasks, as `--transfer` names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import ArchLLMError, DataError, InvalidInput
from archllm.graphs import concatenate
from archllm.objectives import Objective, load_objective
from archllm.objectives.evaluation import sign
from archllm.objectives.table import TableObjective
from archllm.predictor.cell_prior import shipped_prior
from archllm.predictor.knowledge import Knowledge, Knows, Source
from archllm.reporting.words import duration
from archllm.searchers import registry
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import space_names
from archllm.study.kept_space import space_kept
from archllm.study.store import Study, open_existing
from archllm.study.store.base import architecture_of
from archllm.study.store.opening import sqlite_file
from archllm.workflows.options import Method
from archllm.workflows.studies import chosen_study


def knowledge_of(
    asked: Sequence[str | Source],
    space: SearchSpace,
    goals: Sequence[Objective],
    here: tuple[str | Path, str] | None = None,
) -> Knowledge | None:
    """What sources know; `None` without any.

    Args:
        asked: `table:TABLE/METRIC`, `STORE#STUDY`, or sources.
        space: the space that is searched.
        goals: what it is searched for.
        here: store and study of the search itself.

    Raises:
        InvalidInput: one can't be used, is what is searched for, or stands twice.
        DataMissing: there is no such table.
        DataError: a table can't be used.
        StoreError: a store can't be read, or has no such study.
    """
    sources = [each if isinstance(each, Source) else _source(each, space, goals, here) for each in asked]
    seen: dict[str, str] = {}
    for source in sources:
        if (other := seen.setdefault(source.fingerprint, source.name)) != source.name:
            raise InvalidInput(f"{source.name} and {other} are the same scores; leave one of them out")
    if len({source.name for source in sources}) < len(sources):
        raise InvalidInput(f"the same source twice: {', '.join(source.name for source in sources)}")
    return Knowledge(space, sources) if sources else None


def prior_of(method: Method, options: Mapping[str, Any], space: SearchSpace) -> Knows | None:
    """What a method knows by its option `prior`; `None` where that is not asked for.

    Args:
        method: the method.
        options: its options.
        space: the space that is searched.

    Raises:
        InvalidInput: the prior says nothing about the space.
    """
    asked = options.get("prior") == "shipped" and registry.searcher_class(method).uses_sources
    return shipped_prior(space) if asked else None


def told(source: Knows) -> str:
    """What a source knows and what that has cost, in words."""
    other = f"{source.known:,} scores of {source.name}"
    return f"{other}, {duration(source.seconds)}" if source.seconds is not None else f"{other}, at no known cost"


def _source(text: str, space: SearchSpace, goals: Sequence[Objective], here: tuple[str | Path, str] | None) -> Source:
    if not isinstance(text, str):
        raise InvalidInput(f"a source is named by a text, got {text!r}")
    if text.startswith("table:"):
        return _of_table(text, space, goals)
    store, hash_, study = text.rpartition("#")
    if not hash_ or not store or not study:
        raise InvalidInput(
            f"a source is written table:TABLE/METRIC, such as table:nasbench201/cifar100, or STORE#STUDY, an earlier "
            f"search of yours, got {text!r}"
        )
    return _of_study(text, store, study, space, here)


def _of_table(text: str, space: SearchSpace, goals: Sequence[Objective]) -> Source:
    table = _table(text, space)
    if table.space.identity == space.identity:
        for goal in goals:
            same = isinstance(goal, TableObjective) and np.array_equal(goal.values, table.values)
            if same or goal.spec == table.spec:
                raise InvalidInput(f"{text} is what is searched for; a source is another task")
    return Source(text, table.space, table.architectures(), sign(table.direction) * table.values, table.seconds)


def _table(text: str, space: SearchSpace) -> TableObjective:
    """The table, read as one of the space that is searched, or else of the first space whose members it holds."""
    try:
        return _read(text, space)
    except DataError as error:
        for name in space_names():
            try:
                return _read(text, load_space(name))
            except ArchLLMError:
                continue
        raise error from None


def _read(text: str, space: SearchSpace) -> TableObjective:
    found = load_objective(text, space)
    assert isinstance(found, TableObjective)
    return found


def _of_study(text: str, store: str, name: str, space: SearchSpace, here: tuple[str | Path, str] | None) -> Source:
    if here is not None and here[1] == name and _same_store(here[0], store):
        raise InvalidInput(f"{text} is this search itself; a source is another study")
    with open_existing(store) as opened:
        study = chosen_study(opened, name)
        trials = opened.finished(study.name)
        where = opened.where
    if len(study.objectives) != 1:
        raise InvalidInput(f"{text} has {len(study.objectives)} objectives, and a source has one")
    home = _space_of(study, space, text, where)
    scored = [trial for trial in trials if trial.values is not None]
    if not scored:
        raise InvalidInput(f"{text} has no scores yet")
    graphs = concatenate([architecture_of(home, trial, where).graph for trial in scored])
    own = sign(study.directions[0])
    values = np.array([own * trial.values[0] for trial in scored if trial.values is not None])
    cost = sum(trial.evaluation.cost for trial in trials)
    return Source(text, home, graphs, values, float(cost) if cost else None)


def _space_of(study: Study, space: SearchSpace, text: str, store: str) -> SearchSpace:
    if study.space == space.name:
        return space
    if study.space in space_names():
        return load_space(study.space)
    if (kept := space_kept(study, store)) is not None:
        return kept
    raise InvalidInput(f"{text} is of {study.space}, a space of your own, and this is a search of {space.name}")


def _same_store(one: str | Path, other: str) -> bool:
    files = sqlite_file(one), sqlite_file(other)
    if files[0] is not None and files[1] is not None:
        return files[0].resolve() == files[1].resolve()
    return str(one) == other
