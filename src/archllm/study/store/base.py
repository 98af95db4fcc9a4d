"""Store: the contract of where trials are kept."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from archllm.errors import ArchLLMError, StoreError
from archllm.networks.setting import NetworkSetting
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.identity import Identity, changes
from archllm.spaces import Architecture, SearchSpace

State = Literal["waiting", "running", "complete", "failed"]
"""`waiting` to be evaluated, `running`, or over: `complete` with values, or `failed` with a reason."""

OPEN: tuple[State, ...] = ("waiting", "running")
OVER: tuple[State, ...] = ("complete", "failed")
"""States of trials that have no place yet, and of those that have one."""

DEFINITION = "definition of the space"
"""Setting of a study of a custom space: the fingerprint of its file."""

SPACE_FILE = "file of the space"
"""Setting of a study of a custom space: the path of its file, and its text; it is the fingerprint that is compared."""


@dataclass(frozen=True)
class Study:
    """One search: what must be the same for it to go on.

    Example:
        >>> study = Study("mine", "nasbench201", ("params",), ("minimise",), "random", seed=0)
        >>> study.objectives
        ('params',)
    """

    name: str
    """What it is called in its store."""

    space: str
    """Name of the search space."""

    objectives: tuple[str, ...]
    """Specs of the objectives."""

    directions: tuple[str, ...]
    """`maximise` or `minimise`, for each objective."""

    method: str
    """Name of the searcher."""

    seed: int
    """Seed of the searcher."""

    settings: dict[str, Any] = field(default_factory=dict)
    """What else decides which trials there are, as JSON has it: options of the searcher, constraints."""

    network: dict[str, Any] | None = None
    """Setting of the networks that are scored, counted, shown and exported; `None` where none are made."""

    identities: tuple[Identity, ...] = ()
    """What decides the scores of each objective; empty where nobody says: then its trials are of no use to others."""

    def network_setting(self, space: SearchSpace) -> NetworkSetting | None:
        """`network` as the setting that it is; `None` where no networks are made.

        Args:
            space: the space of the study.

        Raises:
            InvalidInput: the space's networks of today have no such setting.
        """
        if self.network is None or space.networks is None:
            return None
        setting: NetworkSetting = space.networks.setting(**self.network)
        return setting

    @property
    def scores(self) -> str | None:
        """A short name that two studies share exactly where an architecture has the same scores in both.

        Objectives whose scores are there at once don't count: `None` where there are no others.
        """
        digests = sorted(each.digest for each in self.identities if not each.immediate)
        if not digests:
            return None
        decisive = [self.space, self.settings.get(DEFINITION), *digests]
        return sha256(json.dumps(decisive).encode()).hexdigest()


NOT_OVER = Evaluation(None)
"""Stands for the evaluation of a trial that is not over."""


@dataclass(frozen=True)
class Trial:
    """One architecture of a study and its evaluation. Times are seconds since 1970, by the store's clock.

    Example:
        >>> Trial(0, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 0, "waiting").attempts
        0
    """

    number: int
    """From 0, in the order in which trials were asked for."""

    text: str
    """The architecture in the standard format of the space."""

    key: int
    """Its canonical key; no two trials of a study have the same."""

    state: State
    """How far it is."""

    evaluation: Evaluation = NOT_OVER
    """What it found; nothing yet while it is waiting or running."""

    place: int | None = None
    """From 1, in the order in which trials were over."""

    attempts: int = 0
    """How often it was given to a worker that did not give it back."""

    worker: str | None = None
    """Who evaluates it, or did last."""

    asked: float = 0.0
    """When it was stored."""

    started: float | None = None
    """When its last evaluation began."""

    heartbeat: float | None = None
    """When its worker was last known to be alive."""

    finished: float | None = None
    """When it was over."""

    @property
    def values(self) -> tuple[float, ...] | None:
        """A score per objective, as the objective counts it; `None` if it failed or is not over."""
        return self.evaluation.values


class Store(ABC):
    """Trials that survive a crash.

    Every method is one transaction: done as a whole or not at all, whatever happens to the process, and kept once it
    has returned. Several processes can work on one study at the same time.

    Raises:
        StoreError: any method, if the store can't be read or written, or there is no such study.

    Example:
        >>> from archllm.study.store import open_store
        >>> with open_store("memory:") as store:
        ...     store.create(Study("mine", "nasbench201", ("params",), ("minimise",), "random", seed=0))
        ...     [study.name for study in store.studies()]
        ['mine']
    """

    where: str
    """What the store is called in messages; without passwords."""

    shared: bool
    """Whether other processes can see it."""

    @abstractmethod
    def create(self, study: Study) -> None:
        """Begins a study.

        Raises:
            StoreError: there is one of that name.
        """

    @abstractmethod
    def adopt(self, study: Study, trials: Sequence[Trial]) -> None:
        """Begins a study with trials that another store has collected, as they are.

        Raises:
            StoreError: there is one of that name.
        """

    @abstractmethod
    def studies(self) -> list[Study]:
        """All studies, oldest first."""

    def study(self, name: str) -> Study:
        """The study of that name.

        Raises:
            StoreError: there is none; the message lists those that exist.
        """
        found = self.studies()
        for study in found:
            if study.name == name:
                return study
        there = f"it holds {', '.join(study.name for study in found)}" if found else "it is empty"
        raise StoreError(f"there is no study {name!r} in {self.where}; {there}")

    @abstractmethod
    def delete(self, study: str) -> None:
        """Removes a study with all its trials; a process that still works on it meets a `StoreError`.

        Raises:
            StoreError: there is none of that name.
        """

    @abstractmethod
    def add(self, study: str, architectures: Sequence[Architecture], budget: int) -> list[Trial]:
        """Stores architectures as waiting trials, up to `budget` trials in all.

        One that the study has already is left out, so nothing is evaluated twice.

        Returns:
            The new trials.
        """

    @abstractmethod
    def claim(self, study: str, worker: str) -> Trial | None:
        """Makes the first waiting trial a running one that belongs to `worker`; no two workers ever get the same.

        Returns:
            The trial; `None` if none is waiting.
        """

    @abstractmethod
    def beat(self, study: str, worker: str) -> None:
        """Notes that the worker of running trials is alive."""

    @abstractmethod
    def release(self, study: str, worker: str) -> None:
        """Makes the running trials of a worker wait again: it gives them back."""

    @abstractmethod
    def take_back(self, study: str, trial: Trial) -> bool:
        """Makes a running trial wait again whose worker is gone.

        Args:
            study: the study.
            trial: the trial as it was when its worker was found to be gone.

        Returns:
            False if it has changed since: it is over, another worker has it, or its worker gave a sign of life.
        """

    @abstractmethod
    def finish(self, study: str, number: int, evaluation: Evaluation) -> bool:
        """Stores what a trial found, whoever evaluated it.

        Returns:
            False if the trial was over already: the first evaluation counts, and none is ever replaced.
        """

    @abstractmethod
    def evaluated(self, study: str, key: int) -> tuple[Study, Evaluation] | None:
        """What another study with the same `scores` found for an architecture: that of the first that has a value.

        Args:
            study: the study that asks.
            key: canonical key of the architecture.

        Returns:
            The other study and its evaluation; `None` if there is none.
        """

    @abstractmethod
    def trials(self, study: str) -> list[Trial]:
        """All trials, by number."""

    @abstractmethod
    def finished(self, study: str, after: int = 0) -> list[Trial]:
        """Trials that are over, in that order, from the place after `after` on."""

    @abstractmethod
    def unfinished(self, study: str) -> list[Trial]:
        """Waiting and running trials, by number."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of files and connections."""

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def architecture_of(space: SearchSpace, trial: Trial, where: str) -> Architecture:
    """The architecture of a trial.

    Args:
        space: the space of its study.
        trial: the trial.
        where: its store, for messages.

    Raises:
        StoreError: it is none of the space, or its key is that of another.
    """
    place = f"{where} is damaged: table archllm_trials, row {trial.number}"
    try:
        arch = space.parse(trial.text)
    except ArchLLMError as error:
        raise StoreError(f"{place}, column text: expected an architecture of {space.name}: {error}") from error
    if arch.key != trial.key:
        raise StoreError(f"{place}, column key: expected {arch.key}, the key of its architecture, found {trial.key}")
    return arch


def check_same(store: Store, asked: Study) -> None:
    """Makes sure that the stored study of that name is the one that is to go on.

    Raises:
        StoreError: there is none, or it differs; the message names each difference.
    """
    try:
        there = store.study(asked.name)
    except StoreError as error:
        raise StoreError(f"{error}{_nearest(store, asked)}") from error
    found = differences(there, asked)
    if found:
        raise StoreError(
            f"study {asked.name!r} in {store.where} is another search: {'; '.join(found)}; "
            "go on with the settings it has, or give the new search a name or a store of its own"
        )


def differences(found: Study, asked: Study) -> list[str]:
    """What differs between a study and the one that is asked for, in words; nothing if it can go on as that."""
    told = changes(*({name: getattr(study, name) for name in ("space", "method", "seed")} for study in (found, asked)))
    told += changes(*({"objective": _goals(study)} for study in (found, asked)))
    told += changes(*(_decisive(study.settings) for study in (found, asked)))
    told += changes(*(_named(study.network) for study in (found, asked)))
    several = len(asked.identities) > 1
    if len(found.identities) == len(asked.identities):
        for own, other in zip(found.identities, asked.identities, strict=True):
            if own.spec == other.spec:
                told += [f"{own.spec}: {each}" if several else each for each in own.differences(other)]
    return told


def _nearest(store: Store, asked: Study) -> str:
    """The study that differs least from the one that is not there, and how, in words; nothing in an empty store."""
    told = {study.name: differences(study, asked) for study in store.studies()}
    if not told:
        return ""
    name = min(told, key=lambda each: len(told[each]))
    return f"; of {name!r}, {'; '.join(told[name]) or 'only the name differs'}"


def _goals(study: Study) -> str:
    return " and ".join(
        f"{direction} {spec}" for spec, direction in zip(study.objectives, study.directions, strict=True)
    )


def _decisive(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != SPACE_FILE}


def _named(network: dict[str, Any] | None) -> dict[str, Any]:
    return {f"network {name}": value for name, value in (network or {}).items()}
