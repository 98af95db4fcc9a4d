"""ArchLLM's search methods as a sampler of Optuna (Akiba et al., 2019).

study = optuna.create_study(direction="maximize", sampler=SequenceSampler("nasbench201"))
study.optimize(lambda trial: score(suggest(trial, "nasbench201")), n_trials=50)
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidArchitecture, InvalidInput, MissingExtra
from archllm.objectives.evaluation import Evaluation
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.peers.optuna import distribution_of, suggested, written
from archllm.searchers.registry import build_searcher
from archllm.spaces import Architecture, SearchSpace, load_space
from archllm.spaces.definition import MOST_OPS, ChoicesDefinition, Value, text_of
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.parameters import INACTIVE, Parameters

try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.samplers import BaseSampler, RandomSampler
    from optuna.trial import TrialState
except ImportError as error:
    raise MissingExtra("a sampler of Optuna", "peers") from error

MOST_VALUES = 64
"""Values that a parameter without categories may have to be searched by choices."""

_MOST_SLOTS = 46  # of a space of choices


def suggest(trial: optuna.trial.BaseTrial, space: str | SearchSpace) -> Architecture:
    """The architecture that a trial tries, its choices being parameters of the trial.

    Args:
        trial: of `study.optimize` or `study.ask`.
        space: a space or its name.

    Raises:
        InvalidInput: the space's members have no form of parameters.
        optuna.TrialPruned: what another sampler chose is no member; `SequenceSampler` chooses members only.

    Example:
        >>> suggest(optuna.trial.FixedTrial({f"width{slot}": 7 for slot in range(1, 6)}), "nats-size").text
        '[width1=64 width2=64 width3=64 width4=64 width5=64]'
    """
    home = load_space(space) if isinstance(space, str) else space
    parameters = _parameters(home)
    chosen = np.full(len(parameters.each), INACTIVE, dtype=np.int64)
    for at, parameter in enumerate(parameters.each):
        if parameters.active(at, chosen):
            chosen[at] = suggested(trial, parameter)
    graph = parameters.graphs(chosen[None])
    try:
        return home.architecture(graph)
    except InvalidArchitecture as error:
        raise optuna.TrialPruned(str(error)) from error


class SequenceSampler(BaseSampler):
    """Proposes what a search method of ArchLLM would evaluate next.

    All it knows is what the study's storage holds, so a study goes on with a new sampler, and processes can share it.
    Failed and pruned trials count as the worst score so far, trials that run as pending.

    Args:
        space: the space that `suggest` is about. Without one, what all trials have in common is searched, as far as it
            has a finite number of values: categories, integers and floats with a step, of at most 64 values each.
        method: a search method.
        seed: of all randomness; without one, another each time.
        independent: samples all other parameters; random by default.
        options: of the method, by name.

    Raises:
        InvalidInput: there is no such method or option, or the space's members have no form of parameters.

    Example:
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(direction="minimize", sampler=SequenceSampler("nats-size", "evolution", seed=0))
        >>> study.optimize(lambda trial: suggest(trial, "nats-size").params, n_trials=5)
        >>> len({tuple(trial.params.values()) for trial in study.trials})
        5
    """

    def __init__(
        self,
        space: str | SearchSpace | None = None,
        method: str | type[Searcher] = "sequence",
        seed: int | None = None,
        independent: BaseSampler | None = None,
        **options: Any,
    ) -> None:
        self.space = load_space(space) if isinstance(space, str) else space
        self.method, self.options = method, options
        self.seed = secrets.randbelow(2**32) if seed is None else seed
        self.independent = independent or RandomSampler(self.seed % 2**32)
        self._lock = Lock()
        self._followed: dict[int, _Followed] = {}
        if self.space is not None:
            build_searcher(method, _domain(self.space), self.seed, **options)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if self.space is not None:
            return {each.name: distribution_of(each) for each in _parameters(self.space).each}
        common = optuna.search_space.intersection_search_space(study.get_trials(deepcopy=False))
        found: dict[str, BaseDistribution] = {}
        labels: set[str] = set()
        for name, distribution in common.items():
            if (values := values_of(distribution)) is None or len(values) == 1 or len(found) == _MOST_SLOTS:
                continue
            more = labels | set(map(text_of, _slot(values)))
            if len(more) <= MOST_OPS:
                found[name], labels = distribution, more
        return found

    def sample_relative(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        finite = {name: each for name, each in search_space.items() if values_of(each) is not None}
        found = self._next(study, trial, finite) if finite else {}
        if self.space is not None:  # a parameter that is missing is inactive
            return found
        rest = {name: each for name, each in search_space.items() if name not in found}
        return found | {name: self.sample_independent(study, trial, name, each) for name, each in rest.items()}

    def _next(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, finite: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._lock:
            followed = self._followed.get(study._study_id)
            if followed is None or followed.distributions != finite:
                followed = self._follow(finite, len(study.directions))
                self._followed[study._study_id] = followed
            return followed.next(study, trial)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self.independent.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        self.seed = secrets.randbelow(2**32)
        self.independent.reseed_rng()
        self._followed.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_followed": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())

    def _follow(self, distributions: dict[str, BaseDistribution], objectives: int) -> _Followed:
        values = None
        if self.space is None:
            values = {name: values_of(each) or () for name, each in distributions.items()}
            domain = Domain(_space_of(values))
        else:
            domain = _domain(self.space)
        searcher = build_searcher(self.method, domain, self.seed, objectives, **self.options)
        return _Followed(searcher, distributions, values)


@dataclass
class _Followed:
    """A searcher that hears of the trials of one study."""

    searcher: Searcher
    distributions: dict[str, BaseDistribution]
    values: Mapping[str, Sequence[Any]] | None
    """Values of the parameters in the order of the searched slots; `None` where the space has names of its own."""

    seen: set[int] = field(default_factory=set)
    """Numbers of trials whose outcome was told."""

    def next(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
        """What to try next; nothing if all was tried."""
        signs = [1.0 if each == optuna.study.StudyDirection.MAXIMIZE else -1.0 for each in study.directions]
        told: dict[Architecture, Evaluation] = {}
        waiting: list[Architecture] = []
        for other in study.get_trials(deepcopy=False):
            if other.number in self.seen or other.number == trial.number:
                continue
            arch = self._read(other)
            if other.state.is_finished():
                self.seen.add(other.number)
                if arch is not None and arch not in told and arch not in self.searcher.evaluations:
                    told[arch] = _evaluation(other, signs)
            elif arch is not None:
                waiting.append(arch)
        self.searcher.tell(told)
        self.searcher.pending(waiting)
        found = self.searcher.ask(1)
        return self._write(found[0]) if found else {}

    @property
    def _parameters(self) -> Parameters:
        return _parameters(self.searcher.domain.space)

    def _write(self, arch: Architecture) -> dict[str, Any]:
        choices = self._parameters.choices(arch.graph)[0].tolist()
        chosen = [(each, choice) for each, choice in zip(self._parameters.each, choices, strict=True)]
        if self.values is None:
            return {each.name: written(each, choice) for each, choice in chosen if choice != INACTIVE}
        names = list(self.values)
        return {names[int(each.name[1:])]: self.values[names[int(each.name[1:])]][choice] for each, choice in chosen}

    def _read(self, trial: optuna.trial.FrozenTrial) -> Architecture | None:
        """The member that a trial has tried; `None` where a parameter is missing or out of range."""
        parameters = self._parameters
        chosen: NDArray[np.int64] = np.full(len(parameters.each), INACTIVE, dtype=np.int64)
        names = None if self.values is None else list(self.values)
        for at, parameter in enumerate(parameters.each):
            if not parameters.active(at, chosen):
                continue
            name = parameter.name if names is None else names[int(parameter.name[1:])]
            if name not in trial.params:
                return None
            value = trial.params[name]
            if self.values is not None:
                listed: Sequence[Any] = self.values[name]
            else:
                listed = range(len(parameter.values)) if parameter.ordered else parameter.values
            place = _place(listed, value)
            if place is None:
                return None
            chosen[at] = place
        graph = parameters.graphs(chosen[None])
        space = self.searcher.domain.space
        return space.architecture(graph) if space.validate(graph)[0] else None


def values_of(distribution: BaseDistribution) -> tuple[Any, ...] | None:
    """All values of a distribution, in order; `None` where they are too many, or can't be counted."""
    if isinstance(distribution, CategoricalDistribution):
        return tuple(distribution.choices) if len(distribution.choices) <= MOST_VALUES else None
    if isinstance(distribution, IntDistribution):
        values = range(distribution.low, distribution.high + 1, distribution.step)
        return tuple(values) if len(values) <= MOST_VALUES else None
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        count = round((distribution.high - distribution.low) / distribution.step) + 1
        return tuple(distribution.low + k * distribution.step for k in range(count)) if count <= MOST_VALUES else None
    return None


def _evaluation(trial: optuna.trial.FrozenTrial, signs: Sequence[float]) -> Evaluation:
    if trial.state != TrialState.COMPLETE or trial.values is None:
        return Evaluation(None)
    values = tuple(sign * value for sign, value in zip(signs, trial.values, strict=True))
    return Evaluation(values if all(map(math.isfinite, values)) else None)


def _place(listed: Sequence[Any], value: Any) -> int | None:
    """The position of a value; floats may be off by rounding."""
    for at, each in enumerate(listed):
        same = type(each) is type(value) and each == value
        if same or (isinstance(each, float) and isinstance(value, float) and math.isclose(each, value, abs_tol=1e-12)):
            return at
    return None


def _parameters(space: SearchSpace) -> Parameters:
    if space.parameters is None:
        raise InvalidInput(f"members of {space.name} ({space.kind}) are no choices of parameters, as Optuna wants them")
    return space.parameters


def _space_of(values: Mapping[str, Sequence[Any]]) -> SearchSpace:
    """A space of choices with a slot for each parameter."""
    slots = {f"p{at}": _slot(listed) for at, listed in enumerate(values.values())}
    return Choices(ChoicesDefinition(name="optuna", slots=slots))


def _slot(values: Sequence[Any]) -> tuple[Value, ...]:
    """The values of a slot: numbers stay numbers where a slot may hold them, all else is numbered."""
    numbers = all(type(value) in (int, float) and abs(value) <= 2**53 for value in values)
    return tuple(values) if numbers else tuple(f"c{place}" for place in range(len(values)))


@cache
def _domain(space: SearchSpace) -> Domain:
    return Domain(space)
