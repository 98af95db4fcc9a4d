"""Search for the best architecture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.request import COUNTED
from archllm.conditional.requirements import Range, all_hold, parse_all
from archllm.config import did_you_mean, field_names, parse_words
from archllm.errors import InvalidInput, RunFolderError, StoreError
from archllm.generation.hub import is_on_hub, local
from archllm.generation.run_folder import read_info, read_space
from archllm.graphs import Graphs
from archllm.networks.setting import NetworkSetting
from archllm.objectives import Objective, as_objective, load_objective
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.identity import plain
from archllm.objectives.latency.limits import latency_limit
from archllm.objectives.latency.specs import FORMS as LATENCY_FORMS
from archllm.objectives.latency.specs import is_latency
from archllm.objectives.shared_network import on_one_network
from archllm.objectives.table import TableObjective
from archllm.predictor.knowledge import Knowledge, Knows
from archllm.searchers import registry
from archllm.searchers.domain import Allowed, Domain
from archllm.spaces import SearchSpace
from archllm.study.kept_space import kept_of, resumed_space
from archllm.study.loop import LoopOptions, run_search
from archllm.study.result import Result
from archllm.study.store import MEMORY, Study, check_same, open_store
from archllm.study.store.opening import sqlite_file
from archllm.study.workers import check_workers
from archllm.training.progress import Event
from archllm.workflows.inputs import as_space
from archllm.workflows.logs import Work, listening
from archllm.workflows.options import Method, SearchOptions
from archllm.workflows.progress import Progress
from archllm.workflows.studies import network_options, study_name
from archllm.workflows.transfer import knowledge_of, prior_of, told

METHOD, METHOD_OF_RUN = "gp", "sequence"
"""The method unless one is named: the strongest that needs nothing but the space, and the one that needs a run."""


def search(options: SearchOptions | None = None, /, *, progress: Progress = "auto", **settings: Any) -> Result:
    """Searches a space for the best architectures by one or several objectives.

    From Python, trials are kept in memory unless a `store` is named; `kept` names the one of the command line.

    Args:
        options: what to search for, and how.
        progress: whether it is shown, or a listener that is told after every finished trial.
        settings: fields of `SearchOptions`, in place of `options` or on top of them.

    Example:
        >>> found = search(space="nasbench201", objective=lambda arch: -arch.params, budget=5, method="random")
        >>> found.queries
        5

    Raises:
        InvalidInput: an option can't be used.
        RunFolderError: there is no such run.
        DataMissing: data of an objective is not there.
        DataError: data of an objective can't be used.
        StoreError: the store can't be used, holds the study already, or, on resuming, another one of that name.
        WorkersError: evaluations can't be run.
    """
    chosen = SearchOptions.given(options, settings)
    if chosen.workers is not None:
        check_workers(chosen.workers)
    run = local(chosen.run) if chosen.run is not None else None
    method = chosen.method or (METHOD if run is None else METHOD_OF_RUN)
    home = _home(chosen, run)
    ranges = parse_all(chosen.where)
    asked = network_options(chosen.network, home)
    goals, network = goals_of(chosen.objective, home, chosen.time_limit, asked, chosen.train)
    of_method = with_lower_fidelity(method, options_of(method, chosen.options, run), goals)
    check_lower_fidelity(of_method.get("lower_fidelity", ()), goals, home)
    domain = Domain(home, pool_of(goals), constraint(home, ranges, network, goals), network)
    name = registry.searcher_name(method)
    called = chosen.study or study_name(name, [goal.spec for goal in goals], chosen.seed)
    url = chosen.store if chosen.store is not None else MEMORY
    knowledge = knowledge_of(chosen.transfer, home, goals, (url, called))
    prior = prior_of(method, of_method, home)
    about = study_of(
        called,
        home,
        goals,
        network,
        method=name,
        seed=chosen.seed,
        settings=settings_of(home, of_method, ranges, run, knowledge, prior),
    )
    searcher = registry.build_searcher(method, domain, chosen.seed, len(goals), **of_method)
    if knowledge is not None:
        searcher.use(knowledge)
    file = sqlite_file(url)
    if chosen.resume and (url == MEMORY or (file is not None and not file.exists())):
        raise StoreError(f"there is nothing to resume: there is no store {file or 'but one in memory'}")
    with listening(progress, chosen.log, Work("search", chosen)) as listener, open_store(url) as opened:
        if chosen.resume:
            check_same(opened, about)
        else:
            opened.create(about)
        if listener is not None:
            notes = [note for goal in goals for note in goal.notes()]
            known = [*(knowledge.sources if knowledge else ()), *([prior] if prior else [])]
            notes += [f"known before: {told(source)}" for source in known]
            for note in filter(None, dict.fromkeys([*notes, beyond(domain, chosen.budget)])):
                listener(Event("search", 0, chosen.budget, {}, note))
        loop = LoopOptions(
            budget=chosen.budget, workers=chosen.workers, batch=chosen.batch, listener=listener, reuse=chosen.reuse
        )
        result = run_search(searcher, goals, opened, about.name, loop)
        guessing = at_chance(result)
        if listener is not None and guessing:
            listener(Event("search", result.queries, chosen.budget, {}, guessing))
        return replace(result, store=opened.where)


def beyond(domain: Domain, budget: int) -> str:
    """What a budget of more evaluations than there are architectures means; else nothing."""
    if domain.size is None or budget <= domain.size:
        return ""
    return (
        f"the budget of {budget:,} is more than the {domain.size:,} architectures that may be asked for: a search ends "
        "when all of them are evaluated"
    )


def at_chance(result: Result) -> str:
    """What to say of candidates that score no better than a guess, where that is most of them; else nothing."""
    trained = [trial.evaluation.metrics for trial in result.trials if "at_chance" in trial.evaluation.metrics]
    guessing = sum(metrics["at_chance"] > 0 for metrics in trained)
    if 2 * guessing <= len(trained):
        return ""
    steps = max(metrics["steps"] for metrics in trained)
    return (
        f"{guessing} of {len(trained)} trained candidates score no better than always naming the commonest class "
        f"({trained[0]['chance']:.3g} %), after at most {steps:,.0f} steps: their order means nothing. Train longer "
        "(--train.epochs), or look at the labels"
    )


def kept(options: SearchOptions) -> SearchOptions:
    """The options with a store that lasts, unless one is named: `search.db` of the run, or `search-SPACE.db` here.

    Raises:
        InvalidInput: there is neither a run nor a space.
    """
    if options.store is not None:
        return options
    if options.run is not None and not is_on_hub(options.run):
        return replace(options, store=options.run / "search.db")
    run = local(options.run) if options.run is not None else None
    return replace(options, store=f"search-{searched_space(run, options.space).name}.db")


def goals_of(
    objectives: Sequence[Any],
    space: SearchSpace,
    time_limit: float | None,
    network: Mapping[str, Any],
    training: CandidateTraining | None = None,
) -> tuple[list[Objective], NetworkSetting | None]:
    """The objectives of a search, and the setting of the networks that it is about.

    Args:
        objectives: specs, objectives or functions.
        space: the space.
        time_limit: seconds that an evaluation may take.
        network: fields of the network setting that are asked for.
        training: how `train:` trains, where a spec does not say it.

    Raises:
        InvalidInput: one can't be used, or stands twice, or they are about different networks.
    """
    goals = [as_objective(each, space, time_limit, training=training) for each in objectives]
    specs = [goal.spec for goal in goals]
    if len(set(specs)) < len(specs):
        raise InvalidInput(f"the same objective twice: {', '.join(specs)}")
    return on_one_network(goals, space, network)


def study_of(
    name: str,
    space: SearchSpace,
    goals: Sequence[Objective],
    network: NetworkSetting | None,
    *,
    method: str,
    seed: int,
    settings: dict[str, Any],
) -> Study:
    """The study of a search, with the identities of its objectives."""
    return Study(
        name=name,
        space=space.name,
        objectives=tuple(goal.spec for goal in goals),
        directions=tuple(goal.direction for goal in goals),
        method=method,
        seed=seed,
        settings=settings,
        network=None if network is None else {name: plain(value) for name, value in vars(network).items()},
        identities=tuple(replace(goal.identity, immediate=goal.immediate) for goal in goals),
    )


def _home(options: SearchOptions, run: Path | None) -> SearchSpace:
    """The space that is searched; a search that goes on need not name it again."""
    if options.resume and run is None and options.space is None and options.store is not None:
        return resumed_space(options.store, options.study)
    return searched_space(run, options.space)


def searched_space(run: Path | None, space: object) -> SearchSpace:
    """The space of a run, or the one that is named.

    Raises:
        InvalidInput: there is neither, or they differ.
        RunFolderError: there is no such run.
    """
    if run is None:
        if space is None:
            raise InvalidInput("a search needs a run folder, or a space (--space NAME) for methods that use none")
        return as_space(space)
    own = read_space(run, read_info(run))
    if space is not None:
        named = as_space(space)
        if named.identity != own.identity:
            other = "" if named.name != own.name else ", as it was defined then"
            raise InvalidInput(f"{run} is a run of {own.name}{other}; leave the space out, or name the same")
    return own


def constraint(
    space: SearchSpace,
    ranges: dict[str, Range],
    network: NetworkSetting | None = None,
    goals: Sequence[Objective] = (),
) -> Allowed | None:
    """Which architectures meet requirements on what can be known without evaluating them.

    Args:
        space: the space.
        ranges: the requirements.
        network: setting of the networks that are counted; by default that of the space's paper.
        goals: the objectives, whose measurements can't be required.

    Raises:
        InvalidInput: a requirement is on something else.
    """
    if not ranges:
        return None
    counted = {name: wanted for name, wanted in ranges.items() if name in COUNTED}
    timed = {name: wanted for name, wanted in ranges.items() if is_latency(name)}
    for name in ranges.keys() - counted.keys() - timed.keys():
        known = ", ".join([*COUNTED, *LATENCY_FORMS])
        hint = did_you_mean(name, [*COUNTED, *LATENCY_FORMS])
        instead = _measured(name, goals) or (f"; {hint}" if hint else "")
        raise InvalidInput(f"a search can only require what is known beforehand ({known}), got {name!r}{instead}")
    networks = space.require_networks()
    limits = [latency_limit(name, wanted, space, network) for name, wanted in timed.items()]

    def allowed(graphs: Graphs) -> NDArray[np.bool_]:
        counts = {"params": networks.params, "macs": networks.macs}
        found = {name: counts[name](graphs, network).astype(np.float64) for name in counted}
        passing = all_hold(counted, found) if counted else np.ones(len(graphs), dtype=np.bool_)
        for limit in limits:
            rows = np.flatnonzero(passing)
            if len(rows):
                passing[rows] = limit(graphs[rows])
        return passing

    return allowed


def _measured(name: str, goals: Sequence[Objective]) -> str:
    """What to do instead of requiring what an evaluation tells; nothing where the name is no such thing."""
    for goal in goals:
        if isinstance(goal, TableObjective) and name in goal.table.columns:
            other = f"{goal.spec.rpartition('/')[0]}/{name}"
            return (
                f"; {name} is measured by an evaluation, so make it a second objective, --objective {other}, and "
                "choose from the front what keeps the limit"
            )
    return ""


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


def options_of(method: Method, options: Mapping[str, Any] | Sequence[str], run: Path | None) -> dict[str, Any]:
    """Options of a method; one that uses a trained generator has an option `run`.

    Args:
        method: its name or class.
        options: by name, or as `KEY=VALUE`.
        run: run folder of the generator.

    Raises:
        InvalidInput: an option can't be used, or the method needs a run and there is none.
    """
    kind, name = registry.searcher_options(method), registry.searcher_name(method)
    chosen = dict(options) if isinstance(options, Mapping) else parse_words(options, kind, f"searcher {name}")
    if "run" in field_names(kind) and "run" not in chosen:
        if run is None:
            raise InvalidInput(f"method {name} needs a trained generator: name a run folder, or another method")
        chosen["run"] = str(run)
    return chosen


def with_lower_fidelity(method: Method, options: dict[str, Any], goals: Sequence[Objective]) -> dict[str, Any]:
    """The options of a method, with the cheaper scores that it starts from, if it needs some.

    Raises:
        InvalidInput: it does, none are named, and the objective has none.
    """
    if not registry.searcher_class(method).needs_lower_fidelity or options.get("lower_fidelity"):
        return options
    specs = goals[0].lower_fidelities()
    if not specs:
        raise InvalidInput(
            f"method {registry.searcher_name(method)} starts from cheaper scores, and {goals[0].spec} has none, such "
            "as those of shorter trainings; name some: --set lower_fidelity=SPEC,SPEC, the cheapest first"
        )
    return options | {"lower_fidelity": specs}


def check_lower_fidelity(specs: Sequence[str], goals: Sequence[Objective], space: SearchSpace) -> None:
    """Makes sure that no method is shown for little what the search is to find out.

    Raises:
        InvalidInput: one of them is that of an objective.
    """
    for spec in specs:
        cheaper = load_objective(spec, space)
        for goal in goals:
            same = cheaper.spec == goal.spec
            if isinstance(cheaper, TableObjective) and isinstance(goal, TableObjective):
                same |= cheaper.column == goal.column and np.array_equal(cheaper.values, goal.values)
            if same:
                raise InvalidInput(
                    f"lower_fidelity={spec} is the objective {goal.spec} itself; name a score that costs less"
                )


def settings_of(
    space: SearchSpace,
    options: dict[str, Any],
    ranges: dict[str, Range],
    run: Path | None,
    knowledge: Knowledge | None = None,
    prior: Knows | None = None,
) -> dict[str, Any]:
    """What else makes two searches the same; a generator counts by what it learned, wherever its folder stands."""
    settings: dict[str, Any] = {"options": {name: value for name, value in options.items() if name != "run"}}
    if knowledge is not None:
        settings["transfer"] = {source.name: source.fingerprint for source in knowledge.sources}
    if prior is not None:
        settings["prior"] = prior.fingerprint
    settings |= kept_of(space)
    if ranges:
        settings["where"] = {
            name: [None if math.isinf(end) else end for end in (wanted.low, wanted.high)]
            for name, wanted in ranges.items()
        }
    if "run" in options:
        seal = (run or local(options["run"])) / "seal.json"
        try:
            settings["generator"] = sha256(seal.read_bytes()).hexdigest()[:16]
        except OSError as error:
            raise RunFolderError(f"can't read {seal}: {error.strerror}; the run folder is not complete") from error
    return settings
