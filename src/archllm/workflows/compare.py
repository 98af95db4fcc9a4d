"""Compare search methods: on the same objectives, at the same budget, with the same seeds."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archllm.conditional.requirements import parse_all
from archllm.errors import InvalidInput, NotApplicable, RunFolderError, StoreError
from archllm.files import make_folder, refuse_existing, write_text
from archllm.generation.hub import local
from archllm.objectives import Objective
from archllm.objectives.evaluation import sign
from archllm.predictor.knowledge import Knows
from archllm.reporting.checklist import Setup, checks, page
from archllm.reporting.comparing import Comparison, Search, write_trials
from archllm.reporting.comparing import compare as collect
from archllm.reporting.comparison_figures import curves_by_query, curves_by_second
from archllm.reporting.comparison_tables import table
from archllm.reporting.network_words import network_words
from archllm.reporting.searching import Population
from archllm.reporting.tables import Table
from archllm.searchers.domain import Domain
from archllm.spaces import SearchSpace
from archllm.study.loop import LoopOptions, run_search
from archllm.study.store import MEMORY, Store, Study, Trial, check_same, open_store
from archllm.study.workers import Workers, check_workers, start_workers
from archllm.training.progress import Event, Listener
from archllm.workflows.compared_methods import ComparedMethod, informed, methods_of, prepared
from archllm.workflows.doctor import machine, version
from archllm.workflows.options import CompareOptions, command_line
from archllm.workflows.population import looked_up, population
from archllm.workflows.progress import Progress, shown
from archllm.workflows.search import (
    beyond,
    check_lower_fidelity,
    constraint,
    goals_of,
    pool_of,
    searched_space,
    settings_of,
    study_of,
    with_lower_fidelity,
)
from archllm.workflows.studies import network_options
from archllm.workflows.transfer import told

STORE, TRIALS, PAGE, FIGURES = "trials.db", "trials.csv", "comparison.md", "comparison.json"
"""Files of a comparison, besides its curves."""

_TOLD = ("numpy", "torch", "transformers", "scikit-learn")  # whose versions the page names


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison and its files."""

    out: Path
    """The folder."""

    space: SearchSpace
    """The space."""

    comparison: Comparison
    """What came out."""

    table: Table
    """Its table."""

    files: dict[str, str]
    """Names of the files in the folder, by what they are."""

    network: dict[str, Any] | None = None
    """Setting of the networks that were compared on; `None` where none are made."""

    not_applicable: dict[str, str] = field(default_factory=dict)
    """Methods that were left out, and why they can't search here."""

    def __repr__(self) -> str:
        return f"<Compared {len(self.table.rows)} methods on {self.space.name}, in {self.out}>"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()

    def to_json(self) -> dict[str, Any]:
        """What `archllm compare --json` prints."""
        head = {"out": str(self.out), "space": self.space.name, "files": self.files, "network": self.network}
        return head | {"not_applicable": self.not_applicable} | self.comparison.to_json()


@dataclass(frozen=True, eq=False)
class _Task:
    """What all searches of a comparison share."""

    space: SearchSpace
    objectives: list[Objective]
    domain: Domain
    budget: int
    immediate: bool
    """Whether scores are looked up, so that a search takes seconds."""

    target: float | None
    """Value that ends a search."""

    reuse: bool
    """Whether an architecture is evaluated once for all searches."""

    def study(self, method: ComparedMethod, seed: int, settings: dict[str, Any]) -> Study:
        """The study of one search."""
        return study_of(
            f"{method.name}-{seed}",
            self.space,
            self.objectives,
            self.domain.network,
            method=method.name_of_method,
            seed=seed,
            settings=settings,
        )


def compare(options: CompareOptions | None = None, /, *, progress: Progress = "auto", **settings: Any) -> Compared:
    """Lets several methods search with several seeds, and writes trials, curves, a table and a checklist.

    Every search is a study in a store of the folder, so an interrupted comparison goes on, and more methods or seeds
    can be added. Where all scores are looked up in tables, a search is kept when it is complete; else every trial is,
    and an architecture is evaluated once for all searches, whose costs count it as if they had evaluated it.

    Args:
        options: what to compare.
        progress: whether it is shown, or a listener that is told after every finished trial.
        settings: fields of `CompareOptions`, in place of `options` or on top of them.

    Example:
        >>> found = compare(  # doctest: +SKIP
        ...     space="nasbench201", objective="params", methods=["random", "local"], seeds=3, budget=20, out="compared"
        ... )

    Raises:
        InvalidInput: an option can't be used.
        RunFolderError: there is no such run, or the folder is taken or can't be written.
        DataMissing: data of an objective is not there.
        DataError: data of an objective can't be used.
        StoreError: the store can't be used, or holds other searches under these names.
        WorkersError: evaluations can't be run.
        MissingExtra: matplotlib or SQLAlchemy is not installed.
    """
    chosen = CompareOptions.given(options, settings)
    if chosen.workers is not None:
        check_workers(chosen.workers)
    out, run, budget = chosen.out, local(chosen.run) if chosen.run is not None else None, chosen.budget
    home = searched_space(run, chosen.space)
    ranges = parse_all(chosen.where)
    asked = network_options(chosen.network, home)
    goals, network = goals_of(chosen.objective, home, chosen.time_limit, asked, chosen.train)
    methods = [
        replace(each, options=with_lower_fidelity(each.method, each.options, goals))
        for each in methods_of(replace(chosen, run=run))
    ]
    methods = informed(methods, chosen.transfer, home, goals)
    domain = Domain(home, pool_of(goals), constraint(home, ranges, network, goals), network)
    immediate = all(looked_up(goal.spec) for goal in goals)
    known = population(domain, goals) if immediate else None
    target = _target(known, goals) if chosen.until_best else None
    task = _Task(home, goals, domain, budget, immediate, target, chosen.reuse)
    methods, not_applicable = _applicable(task, methods)
    _check_folder(out, chosen.resume)
    make_folder(out)
    methods, pre_training = prepared(methods, domain, out)
    with open_store(out / STORE) as store:
        settings = {
            each.name: settings_of(home, each.lasting, ranges, run, each.knowledge, each.prior) for each in methods
        }
        studies = {
            (each.name, seed): task.study(each, seed, settings[each.name])
            for seed in range(chosen.seeds)
            for each in methods
        }
        there = {study.name for study in store.studies()}
        for study in studies.values():
            if study.name in there:
                check_same(store, study)
        with shown(progress) as listener:
            if listener is not None:
                notes = [f"{name} is not applicable: {why}" for name, why in not_applicable.items()]
                for note in filter(None, [*notes, beyond(domain, budget)]):
                    listener(Event("compare", 0, len(studies) * budget, {}, note))
            _search_all(task, methods, studies, store, chosen.workers, listener)
        trials = {key: tuple(store.trials(study.name)) for key, study in studies.items()}
    searches = [Search(name, seed, found) for (name, seed), found in trials.items()]
    specs, directions = [goal.spec for goal in goals], [goal.direction for goal in goals]
    found = collect(sorted(searches, key=lambda each: _rank(methods, each)), specs, directions, budget, known)
    results = table(found, pre_training)
    files = _written(out, found, searches, specs)
    setup = Setup(
        space=home.name,
        command=command_line("compare", replace(chosen, resume=False)),
        methods={each.name: each.told for each in methods},
        random=any(each.name_of_method == "random" for each in methods),
        pre_training=pre_training,
        looked_up=task.immediate,
        until_best=chosen.until_best,
        requirements=[str(wanted) for wanted in ranges.values()],
        workers="in the process that searches" if chosen.workers in (None, "own") else f"--workers {chosen.workers}",
        machine=machine(),
        versions={"archllm": version("archllm") or "source", "python": platform.python_version()}
        | {name: found_version for name in _TOLD if (found_version := version(name)) is not None},
        date=_last(searches),
        transfer={each.name: [told(source) for source in each.sources] for each in methods if each.sources},
        network="" if network is None else network_words(home, network),
        not_applicable=not_applicable,
    )
    write_text(out / PAGE, page(found, setup, results, files))
    document = {"space": home.name, "command": setup.command, "pre_training": pre_training, **found.to_json()}
    document["not_applicable"] = not_applicable
    document["transfer"] = {each.name: [_described(source) for source in each.sources] for each in methods}
    document["checklist"] = [asdict(each) for each in checks(found, setup, files)]
    document["network"] = about = next(iter(studies.values())).network
    write_text(out / FIGURES, json.dumps(document, indent=2, allow_nan=False) + "\n")
    return Compared(out, home, found, results, files | {"page": PAGE, "figures": FIGURES}, about, not_applicable)


def _applicable(task: _Task, methods: Sequence[ComparedMethod]) -> tuple[list[ComparedMethod], dict[str, str]]:
    """The methods that can search here, and why the others can't; told before anything is paid for.

    Raises:
        InvalidInput: an option of a method can't be used here, or no method can search here.
    """
    able, reasons = [], {}
    for each in methods:
        check_lower_fidelity(each.options.get("lower_fidelity", ()), task.objectives, task.space)
        try:
            each.build(task.domain, 0, len(task.objectives))
        except NotApplicable as error:
            reasons[each.name] = str(error)
        else:
            able.append(each)
    if not able:
        raise InvalidInput(f"no method is left to compare: {'; '.join(reasons.values())}")
    return able, reasons


def _described(source: Knows) -> dict[str, Any]:
    return {"source": source.name, "space": source.origin, "scores": source.known, "seconds": source.seconds}


def _target(known: Population | None, goals: Sequence[Objective]) -> float:
    """The best there is, in the objective's own unit.

    Raises:
        InvalidInput: it is not known.
    """
    if known is None or len(goals) > 1:
        raise InvalidInput("a search can only end at the best there is (--until-best) where one objective is looked up")
    best = float(known.values[:, 0].max())
    return sign(goals[0].direction) * best


def _check_folder(out: Path, resume: bool) -> None:
    """Makes sure that a comparison can be written, or that there is one to go on with.

    Raises:
        RunFolderError: something else is there.
        StoreError: there is nothing to resume.
    """
    if resume:
        if not (out / STORE).is_file():
            raise StoreError(f"there is nothing to resume: there is no store {out / STORE}")
    elif (out / STORE).exists():
        raise RunFolderError(
            f"there is a comparison in {out} already; go on with it (--resume), or choose another folder"
        )
    else:
        refuse_existing(out, overwrite=False)


def _search_all(
    task: _Task,
    methods: Sequence[ComparedMethod],
    studies: dict[tuple[str, int], Study],
    store: Store,
    workers: str | int | None,
    listener: Listener | None,
) -> None:
    """Runs every search that is not complete."""
    by_name = {each.name: each for each in methods}
    there = {study.name for study in store.studies()}
    hands: Workers | None = None
    try:
        for number, ((name, seed), study) in enumerate(studies.items()):
            done = len(store.finished(study.name)) if study.name in there else 0
            if done >= task.budget or (done and task.target is not None and _reached(store, study, task.target)):
                continue
            hands = hands or start_workers(workers, task.objectives, task.budget)
            method = by_name[name]
            searcher = method.build(task.domain, seed, len(task.objectives))
            hear = _forwarded(listener, number, len(studies), task.budget, f"{name}, seed {seed}")
            aside = task.immediate and study.name not in there
            place = open_store(MEMORY) if aside else store
            if study.name not in there:
                place.create(study)
            loop = LoopOptions(budget=task.budget, workers=hands, target=task.target, listener=hear, reuse=task.reuse)
            run_search(searcher, task.objectives, place, study.name, loop)
            if aside:
                store.adopt(study, place.trials(study.name))
    finally:
        if hands is not None:
            hands.close()


def _reached(store: Store, study: Study, target: float) -> bool:
    """Whether a search has found the best there is."""
    return any(trial.values is not None and trial.values[0] == target for trial in store.trials(study.name))


def _forwarded(listener: Listener | None, before: int, searches: int, budget: int, about: str) -> Listener | None:
    """Progress of one search, which is told about, as that of all."""
    if listener is None:
        return None

    def hear(event: Event) -> None:
        listener(Event("compare", before * budget + event.step, searches * budget, event.metrics, about=about))

    return hear


def _written(out: Path, found: Comparison, searches: Sequence[Search], specs: Sequence[str]) -> dict[str, str]:
    """Writes trials and curves; their names."""
    write_trials(out / TRIALS, searches, specs)
    files = {"store": STORE, "trials": TRIALS, "queries": curves_by_query(out / "queries.svg", found).name}
    by_second = curves_by_second(out / "seconds.svg", found)
    return files if by_second is None else files | {"seconds": by_second.name}


def _rank(methods: Sequence[ComparedMethod], search: Search) -> tuple[int, int]:
    return [each.name for each in methods].index(search.method), search.seed


def _last(searches: Sequence[Search]) -> str:
    ends: list[Trial] = [trial for search in searches for trial in search.trials if trial.finished is not None]
    last = max((trial.finished or 0.0 for trial in ends), default=0.0)
    return datetime.fromtimestamp(last, UTC).date().isoformat()
