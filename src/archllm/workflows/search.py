"""Search for the best architecture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.requirements import Range, all_hold, parse_all
from archllm.data.split import check_seed
from archllm.errors import InvalidInput, RunFolderError, StoreError
from archllm.generation.run_folder import read_info, read_space
from archllm.graphs import Graphs
from archllm.objectives import Objective, load_objective
from archllm.objectives.evaluation import recorded_cost, without_cost
from archllm.objectives.table import TableObjective
from archllm.searchers import registry
from archllm.searchers.domain import Allowed, Domain
from archllm.spaces import SearchSpace, load_space, space_names
from archllm.study.loop import Result, run_search
from archllm.study.store import Study, Trial, check_same, open_store
from archllm.study.store.opening import sqlite_file
from archllm.study.workers import check_workers
from archllm.training.progress import Listener
from archllm.workflows.words import parse_words

METHOD, METHOD_OF_RUN = "gp", "sequence"
"""The method unless one is named: the strongest that needs nothing but the space, and the one that needs a run."""

DEFINITION = "definition of the space"
"""Setting of a study of a space of one's own: the fingerprint of its file."""

_FREE = ("params", "macs")  # properties that cost nothing to know


@dataclass(frozen=True)
class Searched:
    """A search and where it is kept."""

    result: Result
    """What was found."""

    store: str
    """The store, without passwords."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm search --json`; test figures of the best alone."""
        result, study = self.result, self.result.study
        best = result.best
        return {
            "space": study.space,
            "objective": ", ".join(study.objectives),
            "objectives": list(study.objectives),
            "directions": list(study.directions),
            "method": study.method,
            "seed": study.seed,
            "study": study.name,
            "store": self.store,
            "best": None if best is None else {**_about(best), "test": best.evaluation.test},
            "front": [_about(trial) for trial in result.front],
            "queries": result.queries,
            "seconds": result.seconds,
            "cost": sum(trial.evaluation.total_cost for trial in result.trials),
            "lower_fidelity_cost": recorded_cost(result.lower_fidelity),
            "without_cost": list(without_cost(result.lower_fidelity)),
            "trials": [
                {**_about(trial), "cost": found.cost, "state": trial.state, "failure": found.failure}
                for trial in result.trials
                for found in [trial.evaluation]
            ],
        }


def search(
    run: str | Path | None = None,
    *,
    space: str | SearchSpace | None = None,
    objectives: Sequence[str | Objective],
    budget: int,
    method: str | None = None,
    options: Sequence[str] | dict[str, Any] = (),
    seed: int = 0,
    where: Sequence[str] = (),
    store: str | Path | None = None,
    study: str | None = None,
    resume: bool = False,
    workers: str | int | None = None,
    batch: int = 1,
    time_limit: float | None = None,
    listener: Listener | None = None,
) -> Searched:
    """Searches a space for the best architectures by one or several objectives.

    Args:
        run: run folder of a trained generator, for methods that have an option `run`; its space is searched, and its
            folder holds the store.
        space: the space, or its name, where there is no run.
        objectives: objectives or their specs.
        budget: different architectures to evaluate in all, those of an interrupted search included.
        method: one of `searcher_names()`; by default `sequence` where there is a run, and `gp` where there is none.
        options: of the method, by name or as `KEY=VALUE`.
        seed: seed of the method.
        where: requirements, such as `params <= 1e6`, that architectures must meet to be evaluated.
        store: where trials are kept, see `open_store`; by default `search.db` in the run folder, or
            `search-SPACE.db` in the working directory.
        study: name of the search in its store; by default METHOD-SEED.
        resume: go on with a study that is there, or join a process that works on it.
        workers: where evaluations run, see `start_workers`.
        batch: architectures that the method is asked for at once, at least.
        time_limit: seconds that an evaluation may take; by default an hour.
        listener: told after every finished trial.

    Raises:
        InvalidInput: an argument can't be used.
        RunFolderError: there is no such run.
        DataMissing: data of an objective is not there.
        DataError: data of an objective can't be used.
        StoreError: the store can't be used, holds the study already, or, on resuming, another one of that name.
        WorkersError: evaluations can't be run.
    """
    check_seed(seed)
    if budget < 1:
        raise InvalidInput(f"the budget must be at least 1 architecture, got {budget}")
    if not objectives:
        raise InvalidInput("a search needs at least one objective")
    if workers is not None:
        check_workers(workers)
    method = method or (METHOD if run is None else METHOD_OF_RUN)
    home = searched_space(run, space)
    chosen = options_of(method, options, run)
    ranges = parse_all(where)
    goals = [load_objective(each, home, time_limit) if isinstance(each, str) else each for each in objectives]
    specs = [goal.spec for goal in goals]
    if len(set(specs)) < len(specs):
        raise InvalidInput(f"the same objective twice: {', '.join(specs)}")
    check_cheap(chosen.get("cheap", ()), goals, home)
    domain = Domain(home, pool_of(goals), constraint(home, ranges))
    about = Study(
        name=study or f"{method}-{seed}",
        space=home.name,
        objectives=tuple(specs),
        directions=tuple(goal.direction for goal in goals),
        method=method,
        seed=seed,
        settings=settings_of(home, chosen, ranges, run),
    )
    searcher = registry.build_searcher(method, domain, seed, len(goals), **chosen)
    url = store if store is not None else default_store(run, home)
    file = sqlite_file(url)
    if resume and file is not None and not file.exists():
        raise StoreError(f"there is nothing to resume: there is no store {file}")
    with open_store(url) as opened:
        if resume:
            check_same(opened, about)
        else:
            opened.create(about)
        result = run_search(
            searcher, goals, opened, about.name, budget, workers=workers, batch=batch, listener=listener
        )
        return Searched(result, opened.where)


def searched_space(run: str | Path | None, space: str | SearchSpace | None) -> SearchSpace:
    """The space of a run, or the one that is named.

    Raises:
        InvalidInput: there is neither, or they differ.
        RunFolderError: there is no such run.
    """
    if run is None:
        if space is None:
            raise InvalidInput("a search needs a run folder, or a space (--space NAME) for methods that use none")
        return load_space(space) if isinstance(space, str) else space
    own = read_space(Path(run), read_info(Path(run)))
    if space is not None:
        named = load_space(space) if isinstance(space, str) else space
        if named.identity != own.identity:
            other = "" if named.name != own.name else ", as it was defined then"
            raise InvalidInput(f"{run} is a run of {own.name}{other}; leave the space out, or name the same")
    return own


def default_store(run: str | Path | None, space: SearchSpace) -> Path:
    """Where trials are kept unless told otherwise."""
    return Path(f"search-{space.name}.db") if run is None else Path(run) / "search.db"


def constraint(space: SearchSpace, ranges: dict[str, Range]) -> Allowed | None:
    """Which architectures meet requirements on what can be known without evaluating them.

    Raises:
        InvalidInput: a requirement is on something else.
    """
    if not ranges:
        return None
    for name in ranges:
        if name not in _FREE:
            raise InvalidInput(f"a search can only require what is known beforehand ({', '.join(_FREE)}), got {name!r}")

    networks = space.require_networks()

    def allowed(graphs: Graphs) -> NDArray[np.bool_]:
        counts = {"params": networks.params, "macs": networks.macs}
        return all_hold(ranges, {name: counts[name](graphs).astype(np.float64) for name in ranges})

    return allowed


def pool_of(objectives: Sequence[Objective]) -> Graphs | None:
    """Architectures that all objectives have a score for, where some have scores of a closed pool only.

    Raises:
        InvalidInput: there is none.
    """
    pool: Graphs | None = None
    for objective in objectives:
        own = objective.pool()
        if own is None or pool is None:
            pool = pool if own is None else own
            continue
        both = np.isin(objective.space.keys(pool), objective.space.keys(own))
        if not both.any():
            specs = ", ".join(each.spec for each in objectives)
            raise InvalidInput(f"no architecture has a score of each of {specs}")
        pool = pool[both]
    return pool


def options_of(method: str, options: Sequence[str] | dict[str, Any], run: str | Path | None) -> dict[str, Any]:
    """Options of a method; one that uses a trained generator has an option `run`.

    Args:
        method: its name.
        options: by name, or as `KEY=VALUE`.
        run: run folder of the generator.

    Raises:
        InvalidInput: an option can't be used, or the method needs a run and there is none.
    """
    known = {field.name: str(field.type) for field in fields(registry.searcher_options(method))}
    chosen = dict(options) if isinstance(options, dict) else parse_words(options, known, f"{method} search")
    if "run" in known and "run" not in chosen:
        if run is None:
            raise InvalidInput(f"method {method} needs a trained generator: name a run folder, or another method")
        chosen["run"] = str(run)
    return chosen


def check_cheap(cheap: Sequence[str], goals: Sequence[Objective], space: SearchSpace) -> None:
    """Makes sure that no method is shown for little what the search is to find out.

    Raises:
        InvalidInput: a cheap score is that of an objective.
    """
    for spec in cheap:
        cheaper = load_objective(spec, space)
        for goal in goals:
            same = cheaper.spec == goal.spec
            if isinstance(cheaper, TableObjective) and isinstance(goal, TableObjective):
                same |= cheaper.column == goal.column and np.array_equal(cheaper.values, goal.values)
            if same:
                raise InvalidInput(f"cheap={spec} is the objective {goal.spec} itself; name a score that costs less")


def settings_of(
    space: SearchSpace, options: dict[str, Any], ranges: dict[str, Range], run: str | Path | None
) -> dict[str, Any]:
    """What else makes two searches the same; a generator counts by what it learned, wherever its folder stands."""
    settings: dict[str, Any] = {"options": {name: value for name, value in options.items() if name != "run"}}
    if space.name not in space_names():
        settings[DEFINITION] = space.definition.fingerprint[:16]
    if ranges:
        settings["where"] = {
            name: [None if math.isinf(end) else end for end in (wanted.low, wanted.high)]
            for name, wanted in ranges.items()
        }
    if "run" in options:
        seal = Path(run if run is not None else options["run"]) / "seal.json"
        try:
            settings["generator"] = sha256(seal.read_bytes()).hexdigest()[:16]
        except OSError as error:
            raise RunFolderError(f"can't read {seal}: {error.strerror}; the run folder is not complete") from error
    return settings


def _about(trial: Trial) -> dict[str, Any]:
    values = trial.values
    return {
        "text": trial.text,
        "value": None if values is None else values[0],
        "values": None if values is None else list(values),
        "metrics": trial.evaluation.metrics,
    }
