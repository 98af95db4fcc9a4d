"""The methods of a comparison: names, options, and the models that they need before they search."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archllm.config import field_names
from archllm.errors import InvalidInput, RunFolderError
from archllm.files import LARGEST_JSON, assembling, read_text, write_text
from archllm.generation.run_folder import read_report
from archllm.objectives import Objective
from archllm.plugins import is_reference
from archllm.predictor.knowledge import Knowledge, Knows
from archllm.reporting.words import option
from archllm.searchers import registry
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.spaces import SearchSpace
from archllm.workflows.options import CompareOptions, Method, OtherTask
from archllm.workflows.search import options_of
from archllm.workflows.transfer import knowledge_of, prior_of
from archllm.workflows.transfer import told as words

_SECONDS = "pre-training.json"


@dataclass(frozen=True)
class ComparedMethod:
    """One method as it is compared."""

    name: str
    """What it is called."""

    method: Method
    """The method, by name or class."""

    options: dict[str, Any]
    """Its options that are not at their default, and where its models are."""

    knowledge: Knowledge | None = None
    """What it knows from other tasks that were named."""

    prior: Knows | None = None
    """What it knows by its option `prior`."""

    @property
    def name_of_method(self) -> str:
        """The name of the method itself."""
        return registry.searcher_name(self.method)

    @property
    def sources(self) -> tuple[Knows, ...]:
        """What it knows before it begins."""
        named = self.knowledge.sources if self.knowledge else ()
        return named if self.prior is None else (*named, self.prior)

    @property
    def lasting(self) -> dict[str, Any]:
        """Options that make two searches the same: where a VAE stands does not."""
        return {name: value for name, value in self.options.items() if name != "vae"}

    @property
    def told(self) -> str:
        """The method and its options in words."""
        told = [f"{name} = {option(value)}" for name, value in self.options.items() if name not in ("run", "vae")]
        told += [f"with {words(source)}" for source in self.sources]
        how = ", ".join(told) or "default settings"
        return how if self.name == self.name_of_method else f"{self.name_of_method}, {how}"

    def build(self, domain: Domain, seed: int, objectives: int) -> Searcher:
        """A new searcher.

        Raises:
            InvalidInput: it can't search the domain, follow so many objectives, or use scores of other tasks.
        """
        found = registry.build_searcher(self.method, domain, seed, objectives, **self.options)
        if self.knowledge is not None:
            found.use(self.knowledge)
        return found


def informed(
    methods: Sequence[ComparedMethod], asked: Sequence[OtherTask], space: SearchSpace, goals: Sequence[Objective]
) -> list[ComparedMethod]:
    """The methods with what they know from other tasks.

    Args:
        methods: the methods.
        asked: sources, for all methods that can use any; those written `NAME=SOURCE` for that method alone.
        space: the space that is searched.
        goals: what it is searched for.

    Raises:
        InvalidInput: a source can't be used, or no method can use it.
    """
    able = {each.name for each in methods if registry.searcher_class(each.method).uses_sources}
    for_all: list[OtherTask] = []
    for_one: dict[str, list[OtherTask]] = {each.name: [] for each in methods}
    for each in asked:
        name, equals, rest = each.partition("=") if isinstance(each, str) else ("", "", "")
        if equals and name in for_one:
            for_one[name].append(rest)
        else:
            for_all.append(each)
    unable = [name for name, sources in for_one.items() if sources and name not in able]
    if unable or (for_all and not able):
        raise InvalidInput(
            f"{', '.join(unable) or 'none of the methods'} can't use scores of other tasks; sequence and gp can"
        )
    made: dict[tuple[OtherTask, ...], Knowledge | None] = {}
    found = []
    for method in methods:
        sources = (*(for_all if method.name in able else ()), *for_one[method.name])
        if sources not in made:
            made[sources] = knowledge_of(sources, space, goals)
        prior = prior_of(method.method, method.options, space)
        found.append(replace(method, knowledge=made[sources], prior=prior))
    return found


def methods_of(asked: CompareOptions) -> list[ComparedMethod]:
    """The methods of a comparison, each with its options.

    Raises:
        InvalidInput: a method or an option is not known, a name stands twice, or a run is needed.
    """
    if not asked.methods:
        raise InvalidInput(f"name the methods to compare: {', '.join(registry.searcher_names())}")
    named: dict[str, Method] = {}
    for each in asked.methods:
        name, method = _named(each)
        if name in named:
            raise InvalidInput(f"{name} is to be compared twice; give one of them another name: NAME=METHOD")
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise InvalidInput(f"{name!r} can't be the name of a method; letters, digits, - and _ can")
        named[name] = method
    words: dict[str, list[str]] = {name: [] for name in named}
    values: dict[str, dict[str, Any]] = {name: {} for name in named}
    if isinstance(asked.options, Mapping):
        for name, chosen in asked.options.items():
            if name not in named or not isinstance(chosen, Mapping):
                raise InvalidInput(f"options of methods are given as {{NAME: {{KEY: VALUE}}}}, got {name!r}")
            values[name] = dict(chosen)
    else:
        for word in asked.options:
            name, dot, rest = word.partition(".")
            if not dot or name not in named:
                raise InvalidInput(
                    f"an option is written NAME.KEY=VALUE with a NAME that is compared ({', '.join(named)}), "
                    f"got {word!r}"
                )
            words[name].append(rest)
    return [
        ComparedMethod(name, method, options_of(method, values[name] or words[name], asked.run))
        for name, method in named.items()
    ]


def _named(method: Method) -> tuple[str, Method]:
    """What a method is called in a comparison: `NAME=METHOD` says it; else its own name, or that of its class.

    A name is part of those of studies and options, so `optuna:tpe` becomes `optuna-tpe`.
    """
    if not isinstance(method, str):
        return registry.searcher_name(method).rpartition(":")[2], method
    name, equals, rest = method.partition("=")
    if equals:
        return name, rest
    return (method.rpartition(":")[2] if is_reference(method) else method.replace(":", "-")), method


def prepared(
    methods: Sequence[ComparedMethod], domain: Domain, out: Path
) -> tuple[list[ComparedMethod], dict[str, float]]:
    """The methods with the models that they need, and the seconds that training these took.

    A VAE that was not named is trained once, not for every seed.
    """
    path = out / _SECONDS
    seconds = _spent(path) if path.exists() else {}
    ready = []
    for each in methods:
        if each.options.get("run"):
            spent = read_report(Path(each.options["run"])).get("seconds", {})
            seconds[each.name] = float(sum(spent.values()))
        wants = "vae" in field_names(registry.searcher_options(each.method))
        if wants and not each.options.get("vae"):
            folder = out / f"vae-{each.name}"
            if not folder.exists():
                seconds[each.name] = _train_vae(domain, each.options, folder)
            each = replace(each, options=each.options | {"vae": str(folder)})
        ready.append(each)
    write_text(path, json.dumps(seconds, indent=2) + "\n")
    return ready, {each.name: seconds[each.name] for each in ready if each.name in seconds}


def _spent(path: Path) -> dict[str, float]:
    try:
        return {str(name): float(value) for name, value in json.loads(read_text(path, LARGEST_JSON)).items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RunFolderError(f"{path} does not hold seconds by method: {error}; remove it to go on") from error


def _train_vae(domain: Domain, options: dict[str, Any], folder: Path) -> float:
    from archllm.searchers.bayesian import LatentOptions, train_vae

    start = time.monotonic()
    vae = train_vae(domain, LatentOptions(**options), 0)
    with assembling(folder) as aside:
        vae.save(aside)
    return time.monotonic() - start
