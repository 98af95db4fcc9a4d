"""Searcher: the contract every search method fulfils."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from archllm.config import Settings
from archllm.data.split import check_seed
from archllm.errors import BudgetExhausted, InvalidInput, NotApplicable
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.searchers.domain import Domain
from archllm.searchers.pareto import scalarised
from archllm.spaces import Architecture
from archllm.spaces.base import check_same_space

if TYPE_CHECKING:
    from archllm.predictor.knowledge import Knowledge

_FRESH_DRAWS = 20_000  # without a new architecture, in a domain that can't be enumerated: it counts as exhausted


class Searcher(ABC):
    """Says which architectures to evaluate next (`ask`), and learns from what was found (`tell`).

    No architecture is asked for twice, nor one that was told or is pending. `ask` may be called again before earlier
    ones are told. All randomness of the next choice depends on the seed, on the method's name and on how many
    architectures are known, and all else on what was told: a new searcher that is told the old evaluations in their
    order goes on as the old one would have.

    Args:
        domain: what may be asked for.
        seed: seed of all randomness.
        objectives: number of values that an evaluation has.
        options: what is chosen about the method, of `options_class`; without, all is at its default.

    Raises:
        InvalidInput: the seed can't be used.
        NotApplicable: the method can't follow so many objectives.

    Example:
        >>> from archllm.searchers.domain import Domain
        >>> from archllm.searchers.registry import build_searcher
        >>> from archllm.spaces import load_space
        >>> searcher = build_searcher("random", Domain(load_space("nasbench201")), seed=0)
        >>> first, second = searcher.ask(2)
        >>> first.key == second.key
        False
    """

    name: ClassVar[str]
    """What the method is called in the registry."""

    most_objectives: ClassVar[int | None] = None
    """How many objectives it can follow at once; `None`: any number."""

    options_class: ClassVar[type[Settings]] = Settings
    """What can be chosen about it: settings whose fields are named by `--set KEY=VALUE`."""

    needs_lower_fidelity: ClassVar[bool] = False
    """Whether it starts from cheaper scores: an option `lower_fidelity` holds their specs, by default those that the
    objective names (`Objective.lower_fidelities`)."""

    uses_sources: ClassVar[bool] = False
    """Whether it can use scores of other tasks, see `use`."""

    remembers: ClassVar[bool] = True
    """Whether it looks at what was evaluated again. One that does not keeps keys alone, and its memory hardly grows."""

    options: Settings
    """What was chosen, of that class."""

    knowledge: Knowledge | None = None
    """What is known from other tasks."""

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        check_seed(seed)
        if objectives < 1:
            raise InvalidInput(f"a search needs at least one objective, got {objectives}")
        if self.most_objectives is not None and objectives > self.most_objectives:
            raise NotApplicable(
                f"searcher {self.name} follows at most {self.most_objectives} objective(s), got {objectives}"
            )
        self.domain, self.seed, self.objectives = domain, seed, objectives
        self.options = self.options_class() if options is None else options
        self.known: dict[int, Architecture] = {}
        """All architectures asked for, pending or told, by key, in the order in which they became known; none where
        the method remembers none."""
        self.evaluations: dict[Architecture, Evaluation] = {}
        """What was told, in order; values are such that more is better; nothing where the method remembers nothing."""
        self._keys: dict[int, bool] = {}  # of all known ones, in order: whether they were told
        self._unknown_left = domain.size
        self._unmarked: NDArray[np.bool_] | None = None  # members of an enumerable domain, but for the first known ones
        self._marked = 0  # how many these are

    def use(self, knowledge: Knowledge) -> None:
        """Takes what other tasks expect as a reason to expect it here, too, before anything is asked for or told.

        It joins what is known already.

        Raises:
            InvalidInput: the method can't use it, it is about another space, or it comes too late.
        """
        if not self.uses_sources:
            raise InvalidInput(f"method {self.name} can't use scores of other tasks; sequence and gp can")
        if knowledge.space.identity != self.domain.space.identity:
            raise InvalidInput(f"knowledge of {knowledge.space.name} in a search of {self.domain.space.name}")
        if self._keys:
            raise InvalidInput("scores of other tasks come before anything is asked for or told")
        self.knowledge = knowledge if self.knowledge is None else self.knowledge.joined(knowledge)

    def lower_fidelity(self) -> tuple[LowerFidelity, ...]:
        """Lower-fidelity evaluations that the method made since the last call; stored, they come back when told."""
        return ()

    def ask(self, n: int = 1) -> list[Architecture]:
        """`n` architectures to evaluate; fewer, or none, if the domain has no more.

        Raises:
            InvalidInput: `n` is not positive.
        """
        if type(n) is bool or not hasattr(n, "__index__") or n < 1:
            raise InvalidInput(f"n must be a whole number of at least 1, got {n!r}")
        asked: list[Architecture] = []
        while len(asked) < n and self._unknown_left != 0:
            chosen = self._propose(np.random.default_rng([self.seed, len(self._keys), self._stream]))
            if chosen is None:
                break
            assert chosen.key not in self._keys, f"searcher {self.name} asks for {chosen} again"
            self._know(chosen)
            asked.append(chosen)
        return asked

    def tell(self, evaluations: Mapping[Architecture, Evaluation]) -> None:
        """Takes note of evaluations, also of architectures that it did not ask for.

        Args:
            evaluations: what was found, in order, as `for_searcher` gives it: more is better, nothing about test data.

        Raises:
            InvalidInput: one is of another space, was told before, holds test metrics, or has another number of values,
                or one that is not finite. Then none of them is noted.
        """
        told = dict(evaluations)
        for arch, evaluation in told.items():
            self._check(arch, evaluation)
            if self._keys.get(arch.key):
                raise InvalidInput(f"{arch} was told before")
        for arch, evaluation in told.items():
            self._know(arch)
            self._keys[arch.key] = True
            if self.remembers:
                self.evaluations[self.known[arch.key]] = evaluation
            self._learn(arch, evaluation)

    def pending(self, architectures: Iterable[Architecture]) -> None:
        """Takes note of architectures whose evaluation is under way, as after a resume: they are not asked for.

        Raises:
            InvalidInput: one is of another space; then none of them is noted.
        """
        waiting = list(architectures)
        for arch in waiting:
            self._check_space(arch)
        for arch in waiting:
            self._know(arch)

    @abstractmethod
    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        """One architecture of the domain that is not known; `None` if none can be found.

        Where the domain is enumerable, it is only called while there is one. What it does may depend on `rng`, `known`
        and `evaluations` only.
        """

    def _learn(self, arch: Architecture, evaluation: Evaluation) -> None:  # noqa: B027  (a hook; most methods need none)
        """Takes note of an evaluation that was added."""

    @property
    def _stream(self) -> int:
        """A number of the method's own, so that methods with one seed draw independently of each other."""
        return crc32(self.name.encode())

    @property
    def _taken(self) -> Collection[int]:
        """Keys of architectures that are not proposed again."""
        return self._keys

    @property
    def _pending(self) -> list[Architecture]:
        """Architectures whose evaluation is under way, in the order in which they became known."""
        return [arch for arch in self.known.values() if arch not in self.evaluations]

    @property
    def _succeeded(self) -> list[Architecture]:
        """Architectures whose evaluation gave values, in order."""
        return [arch for arch, evaluation in self.evaluations.items() if evaluation.values is not None]

    def _values(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """`n x objectives` values of architectures that have some."""
        values = [self.evaluations[arch].values for arch in architectures]
        return np.array(values, dtype=np.float64).reshape(-1, self.objectives)

    def _scores(self, known: Iterable[Architecture], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """A score of each known architecture, more is better: NaN while pending, the worst one if failed.

        Args:
            known: `n` architectures, one of them with values.
            weights: of the objectives, by which several are joined to one.
        """
        known = list(known)
        told = [arch for arch in known if arch in self.evaluations]
        succeeded = [arch for arch in told if self.evaluations[arch].values is not None]
        values = self._values(succeeded)
        single = values[:, 0] if self.objectives == 1 else scalarised(values, weights)
        worst = float(single.min())
        found = dict.fromkeys(told, worst) | dict(zip(succeeded, single.tolist(), strict=True))
        return np.array([found.get(arch, np.nan) for arch in known])

    def _unknown(self, candidates: Iterable[Architecture]) -> list[Architecture]:
        """Those that are not taken, in order."""
        return [arch for arch in candidates if arch.key not in self._taken]

    def _random(self, rng: np.random.Generator) -> Architecture | None:
        """A member that is not taken, uniform over all of them."""
        if self.domain.enumerable:
            rows = self._unknown_rows()
            return self._member(int(rows[rng.integers(len(rows))])) if len(rows) else None
        drawn, batch, taken = 0, 1, self._taken
        while drawn < _FRESH_DRAWS:
            try:
                graphs = self.domain.sample(batch, rng)
            except BudgetExhausted:
                return None
            fresh = [row for row, key in enumerate(self.domain.space.keys(graphs).tolist()) if key not in taken]
            if fresh:
                return self.domain.space.architecture(graphs[fresh[0]])
            drawn, batch = drawn + batch, min(2 * batch, 1_000)
        return None

    def _unknown_rows(self) -> NDArray[np.int64]:
        """Positions in `domain.enumerate()` of members that are not taken."""
        if self._unmarked is None:
            self._unmarked = np.ones(len(self.domain.keys), dtype=np.bool_)
        latest = islice(reversed(self._keys), len(self._keys) - self._marked)
        self._mark(self._unmarked, latest)
        self._marked = len(self._keys)
        if self._taken is self._keys:
            return np.flatnonzero(self._unmarked)
        free = self._unmarked.copy()
        self._mark(free, self._taken)
        return np.flatnonzero(free)

    def _mark(self, free: NDArray[np.bool_], keys: Iterable[int]) -> None:
        rows = self.domain.index(np.array([*keys], dtype=np.int64))
        free[rows[rows >= 0]] = False

    def _member(self, row: int) -> Architecture:
        return self.domain.space.architecture(self.domain.enumerate()[row])

    def _know(self, arch: Architecture) -> None:
        if arch.key not in self._keys:
            self._keys[arch.key] = False
            if self.remembers:
                self.known[arch.key] = arch
            if self._unknown_left is not None and self.domain.contains(arch.graph)[0]:
                self._unknown_left -= 1

    def _check(self, arch: Architecture, evaluation: Evaluation) -> None:
        self._check_space(arch)
        if evaluation.test:
            raise InvalidInput(f"a searcher is told no test metrics, got {', '.join(evaluation.test)} for {arch}")
        values = evaluation.values
        if values is None:
            return
        if len(values) != self.objectives:
            raise InvalidInput(f"an evaluation needs {self.objectives} value(s), got {len(values)} for {arch}")
        if not all(math.isfinite(value) for value in values):
            raise InvalidInput(f"values must be finite, got {values} for {arch}; a failed evaluation has None")

    def _check_space(self, arch: Architecture) -> None:
        try:
            check_same_space(self.domain.space, arch.space)
        except InvalidInput as error:
            raise InvalidInput(f"this is a search of {self.domain.space.name}: {error}") from error
