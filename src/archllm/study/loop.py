"""The search loop: ask a searcher, store, evaluate, store, tell the searcher."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event as Signal
from threading import Thread
from typing import Annotated

from archllm.config import Bounds, NotNegative, Positive, Settings
from archllm.errors import InvalidInput, StoreError
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation, LowerFidelity, for_searcher, sign
from archllm.searchers.base import Searcher
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.base import check_same_space
from archllm.study.result import Result, result
from archllm.study.reuse import known_evaluation
from archllm.study.store import Store, Trial, architecture_of
from archllm.study.store.owner import life, owning
from archllm.study.store.rescue import Rescue, restore
from archllm.study.workers import Workers, start_workers
from archllm.training.progress import Event, Listener

SILENCE = 60.0
"""Seconds without a sign of life after which the running trials of a search elsewhere are given to others."""

_BELIEVED = 10.0  # times so long for a search whose process is there: it may be suspended, or its machine overloaded

_GLANCE = 1.0  # seconds between two looks at what other processes did
_LONG_GLANCE = 5.0  # what counts at most between two looks; a process that was suspended has not seen silence
_IDLE = 0.1  # seconds between two looks while there is nothing to do but to wait for others
_COLLISIONS = 1_000  # answers of a searcher in a row that the study has already; more are a mistake of the searcher's


@dataclass(frozen=True, kw_only=True)
class LoopOptions(Settings):
    """How far and where a search runs, and who hears of it.

    Example:
        >>> LoopOptions(budget=0)
        Traceback (most recent call last):
        archllm.errors.InvalidInput: budget must be a whole number of at least 1, got 0
    """

    budget: Annotated[int, Bounds(1)]
    """Different architectures to evaluate in all, those of earlier calls and of other processes included."""

    workers: Workers | str | int | None = None
    """Where evaluations run, see `start_workers`; what is started here is also stopped here."""

    batch: Annotated[int, Bounds(1)] = 1
    """Architectures to ask for at once, at least; more are stored as waiting."""

    target: float | None = None
    """A value of the first objective that ends the search as soon as it is reached."""

    stop: Callable[[], bool] | None = None
    """Asked before each evaluation whether to end the search, as when its time is over."""

    listener: Listener | None = None
    """Told after every finished trial: its values by objective, its cost, the best value so far; and once of all that
    were finished before."""

    reuse: bool = True
    """Whether evaluations that another study of the store made are taken over instead of made again, where its
    objectives have the same identities. Scores that are there at once are always looked up."""

    silence: Annotated[float, NotNegative] = SILENCE
    """Seconds without a sign of life after which trials of a process on another machine are taken over, by the clock of
    this one. On one machine, those of a dead process are taken over at once, and those of one that is there after ten
    times as long. Should it be alive, the first outcome of a trial counts."""

    beat: Annotated[float, Positive] = 5.0
    """Seconds between two signs of life of this process while its evaluations run."""


def run_search(
    searcher: Searcher, objectives: Sequence[Objective], store: Store, study: str, options: LoopOptions
) -> Result:
    """Evaluates architectures that a searcher asks for until the study has so many.

    Everything is stored before and after it is paid for, and the searcher is told what the store holds, so a search can
    be killed at any time and called again, by a new searcher too, and several processes can work on one study. Another
    architecture is asked for as soon as one is done: nobody waits for the slowest. With one worker, the trials depend
    on the searcher and the objectives alone. Searchers see values and costs, never a test score.

    Args:
        searcher: a new searcher; it is told what the study already holds.
        objectives: where the scores come from, one or several, all of the searcher's space.
        store: where trials are kept.
        study: name of a study of the store, which describes this search.
        options: how far and where.

    Raises:
        InvalidInput: an argument can't be used.
        StoreError: the store can't be read or written; evaluations that it did not take are kept in files, which
            the next call puts in.
        WorkersError: evaluations can't be run.
        ArchLLMError: an objective can't work at all, as when its data is gone.
    """
    start = time.monotonic()
    if not objectives:
        raise InvalidInput("a search needs at least one objective")
    for objective in objectives:
        try:
            check_same_space(searcher.domain.space, objective.space)
        except InvalidInput as error:
            raise InvalidInput(f"{objective.spec} scores {objective.space.name}: {error}") from error
    restore(store, study)
    with owning() as owner:
        search = _Search(searcher, objectives, store, study, options, owner)
        search.catch_up()
        if not search.is_over():
            workers, group = options.workers, None
            try:
                if not isinstance(workers, Workers):
                    rescue = search.rescue if store.shared else None
                    workers = group = start_workers(workers, objectives, options.budget - search.over, rescue)
                with _Heart(store, study, owner, options.beat):
                    search.run(workers)
            finally:
                if group is not None:
                    group.close()
                with suppress(StoreError):  # they are found to be abandoned later
                    store.release(study, owner)
    return result(store, study, time.monotonic() - start)


class _Search:
    """One process at work on a study."""

    def __init__(
        self,
        searcher: Searcher,
        objectives: Sequence[Objective],
        store: Store,
        study: str,
        options: LoopOptions,
        owner: str,
    ) -> None:
        self.searcher, self.objectives, self.store, self.study = searcher, objectives, store, study
        self.space: SearchSpace = searcher.domain.space
        self.directions = [objective.direction for objective in objectives]
        self.options, self.owner = options, owner
        self.reuse = options.reuse and not all(objective.immediate for objective in objectives)
        self.rescue = Rescue(store.where, study, owner)
        self.over = self.failed = 0
        """Trials that are over, and those of them that failed."""
        self._sign = sign(self.directions[0])
        self._best: float | None = None  # by the first objective, turned so that more is better
        self._open: list[Trial] = []  # waiting and running ones
        self._known: set[int] = set()  # keys that the searcher knows to be taken
        self._running: dict[int, Trial] = {}  # those that workers of this process evaluate, by number
        self._arrived: list[tuple[int, Evaluation]] = []  # what they found, not stored yet
        self._receipts: tuple[LowerFidelity, ...] = ()  # of the searcher, not stored yet
        self._exhausted = False
        self._at_work = False  # else what is known was found earlier
        self._looked = 0.0
        self._silent: dict[int, tuple[Trial, float]] = {}  # trials of others, and for how long each has not changed

    def is_over(self) -> bool:
        """Whether there is nothing left to do, for anybody."""
        ended = self.options.stop is not None and self.options.stop()
        return ended or self.over >= self.options.budget or (self._exhausted and not self._open) or self._reached()

    def _reached(self) -> bool:
        return (
            self.options.target is not None
            and self._best is not None
            and self._best >= self._sign * self.options.target
        )

    def run(self, workers: Workers) -> None:
        """Works until the study is over; what is done when it is interrupted is stored."""
        self._at_work = True
        try:
            self._work(workers)
        except BaseException:
            self._arrived += workers.done()
            for number, evaluation in self._arrived:
                with suppress(StoreError):  # it is kept in a file, and another trouble is told already
                    self._store(self._running[number], evaluation)
                    workers.confirm(number)
            raise

    def _work(self, workers: Workers) -> None:
        collisions = 0
        while not self.is_over():
            if self.store.shared and time.monotonic() - self._looked >= _GLANCE:
                self._take_over()
                self.catch_up()
            while len(self._running) < workers.size and (trial := self._next(workers.size)) is not None:
                if (known := self._known_of(trial)) is not None:
                    self._store(trial, known)
                    collisions = 0
                    self.catch_up()
                    if self.is_over():
                        return
                    continue
                self._running[trial.number] = trial
                workers.submit(trial.number, self._architecture(trial), trial.attempts)
            if self._running:
                collisions = 0 if self._take_in(workers, workers.wait(_GLANCE)) else collisions
            elif self._exhausted or self.over + len(self._open) >= self.options.budget:
                time.sleep(_IDLE)  # others evaluate what is left
            else:
                collisions += 1
                if collisions > _COLLISIONS:
                    raise RuntimeError(f"{type(self.searcher).__name__} asks for nothing but what was asked for")
            self.catch_up()

    def _take_in(self, workers: Workers, found: Sequence[tuple[int, Evaluation]]) -> bool:
        """Stores evaluations of this process; whether there were any."""
        self._arrived += found
        while self._arrived:
            number, evaluation = self._arrived[0]
            self._store(self._running[number], evaluation)
            workers.confirm(number)
            del self._arrived[0], self._running[number]
        return bool(found)

    def _take_over(self) -> None:
        """Makes trials wait again whose process is gone: certainly so on this machine, else after long silence.

        Silence is counted from look to look on the clock of this process, so it matters neither what other clocks say
        nor whether this process itself was suspended.
        """
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, _LONG_GLANCE), now
        gone, silent = [], {}
        for trial in self._open:
            if trial.state != "running" or trial.worker == self.owner:
                continue
            known = life(trial.worker or "")
            before, since = self._silent.get(trial.number, (trial, -passed))
            since = since + passed if before == trial else 0.0
            silent[trial.number] = trial, since
            if known == "gone" or since >= self.options.silence * (_BELIEVED if known == "there" else 1.0):
                gone.append(trial)
        self._silent = silent
        if gone:
            restore(self.store, self.study)  # what their workers found meanwhile
        for trial in gone:
            self.store.take_back(self.study, trial)

    def catch_up(self) -> None:
        """Tells the searcher what it does not know yet of what the store holds, and the listener, too."""
        fresh = self.store.finished(self.study, after=self.over)
        self.searcher.tell(
            {self._architecture(trial): for_searcher(trial.evaluation, self.directions) for trial in fresh}
        )
        events = []
        for trial in fresh:
            self._known.add(trial.key)
            self.over += 1
            self.failed += trial.values is None
            if trial.values is not None:
                turned = self._sign * trial.values[0]
                self._best = turned if self._best is None else max(self._best, turned)
            events.append(self._event(trial))
        self._open = self.store.unfinished(self.study)
        of_others = [trial for trial in self._open if trial.key not in self._known]
        self.searcher.pending(self._architecture(trial) for trial in of_others)
        self._known.update(trial.key for trial in of_others)
        for event in events if self._at_work else events[-1:]:
            if self.options.listener is not None:
                self.options.listener(event)

    def _event(self, trial: Trial) -> Event:
        """What the listener is told of a trial that is over."""
        metrics = {} if self._best is None else {"best": self._sign * self._best}
        metrics |= {"failed": float(self.failed)} if self.failed else {}
        if self._at_work:
            metrics |= dict(zip((objective.spec for objective in self.objectives), trial.values or (), strict=False))
            metrics["cost"] = trial.evaluation.cost
        return Event("search", self.over, max(self.options.budget, self.over), metrics)

    def _next(self, size: int) -> Trial | None:
        """A trial to evaluate now: one that waits, or what the searcher asks for."""
        if self.over + sum(trial.state == "running" for trial in self._open) >= self.options.budget:
            return None  # where the budget is less than what an earlier call asked for
        waits = any(trial.state == "waiting" for trial in self._open)
        if not waits and not self._ask(size - len(self._running)):
            return None
        claimed = self.store.claim(self.study, self.owner)  # nothing, if another process was faster
        self._open = self.store.unfinished(self.study)
        return claimed

    def _known_of(self, trial: Trial) -> Evaluation | None:
        """The same evaluation, made by another study of the store."""
        if not self.reuse:
            return None
        return known_evaluation(self.store, self.study, self.objectives, self._architecture(trial))

    def _ask(self, free: int) -> bool:
        """Stores what the searcher asks for; whether there was anything new."""
        left = self.options.budget - self.over - len(self._open)
        if self._exhausted or left < 1:
            return False
        asked = self.searcher.ask(min(max(free, self.options.batch), left))
        self._exhausted = not asked
        self._known.update(arch.key for arch in asked)
        return bool(self.store.add(self.study, asked, self.options.budget)) if asked else False

    def _store(self, trial: Trial, evaluation: Evaluation) -> None:
        """Stores an evaluation; one that the store does not take is kept in a file, as it has been paid for."""
        self._receipts += self.searcher.lower_fidelity()
        evaluation = replace(evaluation, lower_fidelity=self._receipts)
        try:
            try:
                stored = self.store.finish(self.study, trial.number, evaluation)
            except KeyboardInterrupt:
                self.store.finish(self.study, trial.number, evaluation)
                raise
        except StoreError as error:
            path = self.rescue.keep(trial.number, evaluation)
            where = f"kept in {path} for --resume" if path else "lost, as no other place took it"
            found = _told(evaluation)
            raise StoreError(f"{error}; the evaluation of trial {trial.number}, {found}, is {where}") from error
        if stored:  # else another process was faster, and they go with the next
            self._receipts = ()

    def _architecture(self, trial: Trial) -> Architecture:
        return architecture_of(self.space, trial, self.store.where)


class _Heart:
    """Signs of life while evaluations run, from a thread of their own."""

    def __init__(self, store: Store, study: str, owner: str, every: float) -> None:
        self._stopped = Signal()
        self._thread = Thread(target=self._beat, args=(store, study, owner, every), daemon=True)
        self._needed = store.shared

    def __enter__(self) -> None:
        if self._needed:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._needed:
            self._thread.join()

    def _beat(self, store: Store, study: str, owner: str, every: float) -> None:
        while not self._stopped.wait(every):
            with suppress(StoreError):  # the loop meets the same trouble, and tells
                store.beat(study, owner)


def _told(evaluation: Evaluation) -> str:
    if evaluation.values is None:
        return f"which failed ({evaluation.failure})"
    return f"values {', '.join(f'{value:.10g}' for value in evaluation.values)}"
