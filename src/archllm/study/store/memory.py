"""MemoryStore: trials that end with the process; for short searches, and for comparing many of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from archllm.errors import StoreError
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.store.base import Store, Study, Trial


class MemoryStore(Store):
    """Trials in the memory of one process: nothing survives it, no other process sees them, and access takes no time.

    Example:
        >>> store = MemoryStore()
        >>> store.create(Study("mine", "nasbench201", ("params",), ("minimise",), "random", 0))
        >>> [study.name for study in store.studies()], store.trials("mine")
        (['mine'], [])
    """

    where = "memory"
    shared = False

    def __init__(self) -> None:
        self._studies: dict[str, Study] = {}
        self._trials: dict[str, list[Trial]] = {}
        self._keys: dict[str, dict[int, int]] = {}  # key -> number of the trial
        self._over: dict[str, list[int]] = {}  # numbers of trials that are over, in that order
        self._open: dict[str, set[int]] = {}

    def create(self, study: Study) -> None:
        if study.name in self._studies:
            raise StoreError(f"there is a study {study.name!r} in {self.where} already; choose another name")
        self._studies[study.name] = study
        self._trials[study.name], self._over[study.name] = [], []
        self._keys[study.name], self._open[study.name] = {}, set()

    def adopt(self, study: Study, trials: Sequence[Trial]) -> None:
        self.create(study)
        self._trials[study.name] = sorted(trials, key=lambda trial: trial.number)
        self._keys[study.name] = {trial.key: trial.number for trial in trials}
        over = sorted((trial.place, trial.number) for trial in trials if trial.place is not None)
        self._over[study.name] = [number for _, number in over]
        self._open[study.name] = {trial.number for trial in trials if trial.place is None}

    def studies(self) -> list[Study]:
        return list(self._studies.values())

    def delete(self, study: str) -> None:
        self._of(study)
        for kept in (self._studies, self._trials, self._keys, self._over, self._open):
            del kept[study]

    def add(self, study: str, architectures: Sequence[Architecture], budget: int) -> list[Trial]:
        trials, keys = self._of(study), self._keys[study]
        before = len(trials)
        for arch in architectures:
            if arch.key not in keys and len(trials) < budget:
                self._open[study].add(len(trials))
                keys[arch.key] = len(trials)
                trials.append(Trial(len(trials), arch.text, arch.key, "waiting", asked=time.time()))
        return trials[before:]

    def claim(self, study: str, worker: str) -> Trial | None:
        waiting = [trial for trial in self.unfinished(study) if trial.state == "waiting"]
        if not waiting:
            return None
        now, trial = time.time(), waiting[0]
        claimed = replace(
            trial, state="running", worker=worker, started=now, heartbeat=now, attempts=trial.attempts + 1
        )
        self._trials[study][trial.number] = claimed
        return claimed

    def beat(self, study: str, worker: str) -> None:
        for trial in self._running(study):
            if trial.worker == worker:
                self._trials[study][trial.number] = replace(trial, heartbeat=time.time())

    def release(self, study: str, worker: str) -> None:
        for trial in self._running(study):
            if trial.worker == worker:
                self._trials[study][trial.number] = replace(trial, state="waiting", attempts=trial.attempts - 1)

    def take_back(self, study: str, trial: Trial) -> bool:
        now = self._of(study)[trial.number]
        unchanged = now.state == "running" and (now.worker, now.heartbeat) == (trial.worker, trial.heartbeat)
        if unchanged:
            self._trials[study][trial.number] = replace(now, state="waiting")
        return unchanged

    def finish(self, study: str, number: int, evaluation: Evaluation) -> bool:
        trial = self._of(study)[number]
        if trial.place is not None:
            return False
        self._over[study].append(number)
        self._open[study].discard(number)
        self._trials[study][number] = replace(
            trial,
            evaluation=evaluation,
            state="failed" if evaluation.values is None else "complete",
            place=len(self._over[study]),
            finished=time.time(),
        )
        return True

    def evaluated(self, study: str, key: int) -> tuple[Study, Evaluation] | None:
        self._of(study)
        scores = self._studies[study].scores
        for name, other in self._studies.items():
            number = self._keys[name].get(key)
            if scores is None or name == study or number is None or other.scores != scores:
                continue
            trial = self._trials[name][number]
            if trial.state == "complete":
                return other, trial.evaluation
        return None

    def trials(self, study: str) -> list[Trial]:
        return list(self._of(study))

    def finished(self, study: str, after: int = 0) -> list[Trial]:
        trials = self._of(study)
        return [trials[number] for number in self._over[study][after:]]

    def unfinished(self, study: str) -> list[Trial]:
        trials = self._of(study)
        return [trials[number] for number in sorted(self._open[study])]

    def close(self) -> None:
        pass

    def _of(self, study: str) -> list[Trial]:
        if study not in self._trials:
            raise StoreError(f"there is no study {study!r} in {self.where}")
        return self._trials[study]

    def _running(self, study: str) -> list[Trial]:
        return [trial for trial in self.unfinished(study) if trial.state == "running"]
