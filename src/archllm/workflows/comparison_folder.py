"""The folder of a comparison, read again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archllm.errors import RunFolderError
from archllm.files import LARGEST_JSON, check_own_files, read_text
from archllm.reporting.checklist import Check
from archllm.reporting.comparing import Comparison, Search, compare
from archllm.reporting.comparison_page import About
from archllm.spaces import SearchSpace
from archllm.study.store import Study, open_existing
from archllm.workflows.compare import FIGURES, STORE
from archllm.workflows.population import known_population
from archllm.workflows.studies import space_of_study


def is_comparison(folder: Path) -> bool:
    """Whether a folder was written by `archllm compare`."""
    return (folder / FIGURES).is_file() and (folder / STORE).is_file()


def read_comparison(
    folder: Path, space: str | Path | None, versions: Mapping[str, str]
) -> tuple[Comparison, list[Search], About, SearchSpace]:
    """A comparison as its folder holds it: from the trials of its store, and from what it noted besides.

    Args:
        folder: where it lies; it may come from anybody.
        space: the space file, where the space is a custom one.
        versions: versions of what reads it.

    Raises:
        RunFolderError: the folder is damaged, or holds something else.
        StoreError: the store can't be read.
        InvalidInput: the space is not known, or another one.
    """
    check_own_files(folder)
    path = folder / FIGURES
    try:
        noted = json.loads(read_text(path, LARGEST_JSON))
        budget, methods = int(noted["budget"]), list(dict.fromkeys(map(str, noted["methods"])))
        seeds = list(dict.fromkeys(map(int, noted["seeds"])))
        optimum = None if noted["optimum"] is None else float(noted["optimum"])
        pre_training = {str(name): float(seconds) for name, seconds in noted.get("pre_training", {}).items()}
        checklist = [_check(each) for each in noted.get("checklist", ())]
        command = str(noted.get("command", ""))
        if not all(map(math.isfinite, (budget, optimum or 0.0, *pre_training.values()))) or budget < 1:
            raise ValueError("a number is not finite, or not positive")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise RunFolderError(f"{path} is not what archllm compare writes: {type(error).__name__}: {error}") from error
    with open_existing(folder / STORE) as store:
        chosen = _chosen(store.studies(), methods, seeds, path)
        searches = [Search(name, seed, tuple(store.trials(study.name))) for (name, seed), study in chosen.items()]
        where = store.where
    first = next(iter(chosen.values()))
    home = space_of_study(first, where, space, None)
    longest = max(len(search.trials) for search in searches)
    # The curve of random search takes time for each evaluation of the budget, of which the note may say anything.
    population, missing = known_population(first, home) if budget <= longest else (None, "no search used its budget")
    found = compare(searches, first.objectives, first.directions, budget, population, best=optimum)
    without = "" if found.random is not None or found.measures_volume else missing
    return found, searches, About(home.name, command, str(folder), pre_training, checklist, versions, without), home


def _chosen(
    studies: Sequence[Study], methods: Sequence[str], seeds: Sequence[int], path: Path
) -> dict[tuple[str, int], Study]:
    """The studies of a comparison, by method and seed, method by method; the store may hold others besides."""
    there = {study.name: study for study in studies}
    wanted = len(methods) * len(seeds)
    if not 0 < wanted <= len(there):  # looked at first, as a note may name millions
        raise RunFolderError(f"{path} tells of {wanted:,} searches, and {STORE} beside it holds {len(there):,}")
    names = {(method, seed): f"{method}-{seed}" for method in methods for seed in seeds}
    lost = [name for name in names.values() if name not in there]
    if lost:
        raise RunFolderError(f"{path} tells of the search {lost[0]!r}, which {STORE} beside it does not hold")
    found = {key: there[name] for key, name in names.items()}
    goals = {(study.space, study.objectives, study.directions) for study in found.values()}
    if len(goals) > 1:
        raise RunFolderError(f"the searches that {path} tells of are of different spaces or objectives")
    return found


def _check(noted: Any) -> Check:
    return Check(bool(noted["done"]), str(noted["name"]), str(noted["told"]))
