"""PeerSearch: a searcher that asks an optimiser of another library, which sees the space as its own parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archllm.config import Settings
from archllm.errors import NotApplicable
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.spaces import Architecture
from archllm.spaces.parameters import Parameters

_LEAST_PATIENCE = 5

Values = tuple[float, ...]
"""One value for each objective, more is better."""


class Peer(ABC):
    """An optimiser of another library, asked and told in its own way."""

    @abstractmethod
    def ask(self) -> tuple[Any, NDArray[np.int64]] | None:
        """Its next trial, and the choices that it proposes; `None` where it has nothing more to propose."""

    @abstractmethod
    def tell(self, trial: Any, values: Values | None) -> None:
        """What came of a trial; `None` if it failed and no score is known that would be worse."""

    @abstractmethod
    def add(self, choices: NDArray[np.int64], values: Values | None) -> None:
        """What came of choices that it did not propose."""


class PeerSearch(Searcher):
    """A search method of another library.

    What is proposed again is answered with what is known and not evaluated anew. What may not be asked for counts as
    the worst score so far, as failed evaluations do; in a closed pool of few members, what is nearest to it there
    answers for it. After `patience` proposals in a row that
    bring nothing new, a random member comes next; then after half as many, and so on down to 5.

    A peer's state can't be stored, so a new searcher asks its peer from the beginning, and answers what is known.
    """

    patience: ClassVar[int] = 100
    """Proposals in a row that bring nothing new, after which a random member is asked for."""

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        super().__init__(domain, seed, objectives, options)
        if domain.space.parameters is None:
            raise NotApplicable(
                f"{self.name} needs members that are choices of named parameters, and those of {domain.space.name} "
                f"({domain.space.kind}) have no such form"
            )
        self.parameters: Parameters = domain.space.parameters
        self._open: dict[int, list[Any]] = {}  # trials that wait for an evaluation, by key
        self._proposed: set[int] = set()  # by the peer, or added to what it knows
        self._idle, self._patience = 0, self.patience  # proposals in a row that brought nothing new, and how many may
        self._found: dict[bytes, Architecture | None] = {}  # what choices stand for

    @abstractmethod
    def _start(self) -> Peer:
        """The optimiser, at its beginning."""

    @cached_property
    def _peer(self) -> Peer:
        return self._start()

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        self._answer()
        while True:
            if self._idle >= self._patience:
                others = [arch for arch in self.evaluations if arch.key not in self._proposed]
                if not others:
                    return self._random(rng)
                self._proposed.add(others[0].key)
                self._peer.add(self.parameters.choices(others[0].graph)[0], self._told(others[0]))
                self._idle, self._patience = 0, max(_LEAST_PATIENCE, self._patience // 2)
            found = self._peer.ask()
            if found is None:
                self._idle = self._patience
                continue
            trial, choices = found
            if choices.tobytes() not in self._found:
                self._found[choices.tobytes()] = self._member_of(choices)
            arch = self._found[choices.tobytes()]
            if arch is None:
                self._peer.tell(trial, self._worst)
                self._idle += 1
                continue
            self._idle = self._idle + 1 if arch.key in self._proposed else 0
            self._proposed.add(arch.key)
            if arch in self.evaluations:
                self._peer.tell(trial, self._told(arch))
                continue
            self._open.setdefault(arch.key, []).append(trial)
            if arch.key not in self.known:
                return arch

    def _answer(self) -> None:
        """Tells the peer what came of its trials, in the order in which it proposed them."""
        over = [key for key in self._open if self.known[key] in self.evaluations]
        for key in over:
            for trial in self._open.pop(key):
                self._peer.tell(trial, self._told(self.known[key]))

    def _told(self, arch: Architecture) -> Values | None:
        values = self.evaluations[arch].values
        return self._worst if values is None else tuple(values)

    @property
    def _worst(self) -> Values | None:
        """The worst value so far of each objective."""
        found = self._succeeded
        return tuple(self._values(found).min(0).tolist()) if found else None

    def _member_of(self, choices: NDArray[np.int64]) -> Architecture | None:
        """The member of the domain that choices stand for."""
        graph = self.parameters.graphs(choices[None])
        valid = bool(self.domain.space.validate(graph)[0])
        if valid and self.domain.contains(graph)[0]:
            return self.domain.space.architecture(graph)
        if not self.domain.sparse:
            return None
        own = self.parameters.choices(self.domain.space.normalise(graph))[0] if valid else choices
        return self._member(int((self._written != own).sum(1).argmin()))

    @cached_property
    def _written(self) -> NDArray[np.int64]:
        """`size x d` choices of the domain's members."""
        return self.parameters.choices(self.domain.enumerate())
