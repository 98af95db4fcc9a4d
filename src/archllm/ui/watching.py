"""Studies as the page shows them: read once, and from then on only what is new in them."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from archllm.errors import StoreError
from archllm.study.loop import SILENCE
from archllm.study.result import Result
from archllm.study.store import Study, Trial, open_existing

MOST_STUDIES = 24
"""Studies whose trials are kept in memory."""

MOST_TRIALS = 400_000
"""Trials of all these studies; one takes two or three kilobytes."""

_FRESH = 0.9  # seconds for which a look at a study serves others who watch it
_PATIENCE = 3.0  # seconds that are waited for a store that another program has locked


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A study at one moment."""

    study: Study
    """The study."""

    over: tuple[Trial, ...]
    """Trials that are over, in that order."""

    open: tuple[Trial, ...]
    """Trials that are waiting or running."""

    leading: tuple[Trial, ...] = ()
    """Trials that are over, without some that others of them dominate: what the front is among."""

    @property
    def mark(self) -> str:
        """Differs from that of another moment where something has happened in between."""
        running = sum(trial.state == "running" for trial in self.open)
        return f"{len(self.over)}-{len(self.open)}-{running}-{int(self.running)}"

    @property
    def running(self) -> bool:
        """Whether an evaluation is under way whose process gave a sign of life within the last minute."""
        alive = [trial.heartbeat or 0.0 for trial in self.open if trial.state == "running"]
        return bool(alive) and max(alive) > time.time() - SILENCE

    @property
    def last(self) -> float | None:
        """When it was last known to be at work, in seconds since 1970."""
        moments = [trial.heartbeat or trial.asked for trial in self.open]
        moments += [trial.finished for trial in self.over[-1:] if trial.finished is not None]
        return max(moments, default=None)

    @cached_property
    def counts(self) -> Counter[str]:
        """Trials by state."""
        return Counter(trial.state for trial in (*self.over, *self.open))

    @cached_property
    def result(self) -> Result:
        """The study with its best trial and its front."""
        trials = sorted((*self.over, *self.open), key=lambda trial: trial.number)
        ahead = Result.of(self.study, tuple(sorted(self.leading, key=lambda trial: trial.number)))
        return replace(ahead, trials=tuple(trials))

    def later(self, fresh: list[Trial], waiting: list[Trial]) -> Snapshot:
        """The same study once more trials are over: what was dominated stays so, and is not compared again."""
        known = self.result.front if "result" in vars(self) else self.leading
        return Snapshot(self.study, (*self.over, *fresh), tuple(waiting), (*known, *fresh))

    @cached_property
    def cost(self) -> float:
        """Seconds that the evaluations cost, as far as that is recorded."""
        return sum(trial.evaluation.total_cost for trial in self.over)

    @cached_property
    def failures(self) -> tuple[tuple[str, int, Trial], ...]:
        """Reasons of failed evaluations, how often each, and the last trial with it; the most frequent first."""
        counts: Counter[str] = Counter()
        last: dict[str, Trial] = {}
        for trial in self.over:
            if trial.state == "failed":
                reason = trial.evaluation.failure or "no reason is recorded"
                counts[reason] += 1
                last[reason] = trial
        return tuple((reason, count, last[reason]) for reason, count in counts.most_common())


@dataclass(eq=False)
class _Watched:
    lock: threading.Lock = field(default_factory=threading.Lock)
    found: Snapshot | None = None
    looked: float = -1e9


class Studies:
    """The studies that were asked for last.

    Args:
        most: how many are kept.
        most_trials: how many trials all of them have together, but for the one asked for last.
    """

    def __init__(self, most: int = MOST_STUDIES, most_trials: int = MOST_TRIALS) -> None:
        self._most, self._most_trials = most, most_trials
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, str], _Watched] = OrderedDict()

    def now(self, store: Path, name: str) -> Snapshot:
        """A study as it is now; trials that were over before are not read again.

        Raises:
            StoreError: there is none, or its store can't be read.
        """
        with self._lock:
            watched = self._kept.setdefault((store, name), _Watched())
            self._kept.move_to_end((store, name))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        with watched.lock, open_existing(store, patience=_PATIENCE) as opened:
            study = opened.study(name)
            before = watched.found
            known = before.over if before is not None and before.study == study else ()
            fresh = opened.finished(name, len(known))
            if known and not fresh and not _still(opened.finished(name, len(known) - 1), known[-1]):
                known, fresh = (), opened.finished(name)  # it was deleted, and another one has its name
            waiting = opened.unfinished(name)
            if before is None or not known:
                if before is None or before.over or fresh or study != before.study or waiting != [*before.open]:
                    watched.found = Snapshot(study, tuple(fresh), tuple(waiting), tuple(fresh))
            elif fresh or waiting != [*before.open]:
                watched.found = before.later(fresh, waiting)
            assert watched.found is not None
            found = watched.found
            watched.looked = time.monotonic()
        self._make_room((store, name))
        return found

    def lately(self, store: Path, name: str) -> Snapshot:
        """The same, or as it was within the last second: many who watch a study look at it once.

        Raises:
            StoreError: there is none, or its store can't be read.
        """
        with self._lock:
            watched = self._kept.get((store, name))
        if watched is not None:
            with watched.lock:
                if watched.found is not None and time.monotonic() - watched.looked < _FRESH:
                    return watched.found
        return self.now(store, name)

    def _make_room(self, asked: tuple[Path, str]) -> None:
        """Forgets the studies that nobody has asked for lately where all have too many trials."""
        with self._lock:
            sizes = {key: len(each.found.over) for key, each in self._kept.items() if each.found is not None}
            for key in list(self._kept):
                if sum(sizes.values()) <= self._most_trials or key == asked:
                    return
                sizes.pop(key, None)
                del self._kept[key]

    def study(self, store: Path, name: str) -> Study:
        """A study without its trials.

        Raises:
            StoreError: there is none, or its store can't be read.
        """
        with open_existing(store, patience=_PATIENCE) as opened:
            return opened.study(name)


def _still(found: list[Trial], known: Trial) -> bool:
    return bool(found) and found[0].key == known.key and found[0].finished == known.finished


def names(store: Path) -> list[Study]:
    """The studies of a store, the latest first; none of a file that can't be read as one."""
    try:
        with open_existing(store, patience=_PATIENCE) as opened:
            return opened.studies()[::-1]
    except StoreError:
        return []
