"""What a store holds: its studies, how far they are, and their trials as a file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from archllm.errors import InvalidInput, StoreError
from archllm.study.export import check_ending, trial_rows, write_rows
from archllm.study.loop import SILENCE
from archllm.study.result import Result, result
from archllm.study.store import State, Store, open_existing


@dataclass(frozen=True)
class Exported:
    """A file of trials.

    Example:
        >>> Exported(Path("trials.csv"), ("mine",), 20).to_json()
        {'out': 'trials.csv', 'studies': ['mine'], 'trials': 20}
    """

    path: Path
    """The file."""

    studies: tuple[str, ...]
    """Studies whose trials it holds."""

    trials: int
    """How many rows it has."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm trials --json`."""
        return {"out": str(self.path), "studies": list(self.studies), "trials": self.trials}


@dataclass(frozen=True)
class StudyFacts:
    """A study and how far it is."""

    result: Result
    """The study and its trials."""

    last: float | None
    """When it was last known to be at work, in seconds since 1970; `None` if no evaluation has begun."""

    running: bool
    """Whether an evaluation is under way whose process gave a sign of life within the last minute."""

    @property
    def counts(self) -> dict[str, int]:
        """Trials by state."""
        found = Counter(trial.state for trial in self.result.trials)
        return {state: found[state] for state in get_args(State)}

    @property
    def cost(self) -> float:
        """Seconds that the evaluations cost, as far as that is recorded."""
        return float(self.result.costs.sum())

    def to_json(self) -> dict[str, Any]:
        """One study of `archllm studies --json`."""
        study, best = self.result.study, self.result.best
        return {
            "study": study.name,
            "space": study.space,
            "objectives": list(study.objectives),
            "directions": list(study.directions),
            "method": study.method,
            "seed": study.seed,
            "trials": self.counts,
            "running": self.running,
            "best": None
            if best is None
            else {"text": best.text, "value": best.evaluation.value, "values": list(best.values or ())},
            "cost": self.cost,
            "reused": self.result.reused,
            "network": study.network,
            "last": self.last,
        }


def export_trials(store: str | Path, out: str | Path, study: str | Sequence[str] | None = None) -> Exported:
    """Writes the trials of a store to a file, one row each; see `archllm.study.export` for the columns.

    Args:
        store: a run folder, the folder of a comparison, an SQLite file, or the URL of a database.
        out: the file, which ends in `.csv`, `.parquet` or `.jsonl`; an existing one is replaced.
        study: names of the studies to write; by default all.

    Raises:
        InvalidInput: the file is of no known kind.
        StoreError: there is no such store or study, or it can't be read.
        RunFolderError: the file can't be written.
        MissingExtra: a library for it is not installed.

    Example:
        >>> export_trials("runs/mine", "trials.csv")  # doctest: +SKIP
    """
    path = Path(out)
    check_ending(path)
    with open_existing(store) as opened:
        wanted = [study] if isinstance(study, str) else study
        known = opened.studies() if wanted is None else [opened.study(name) for name in dict.fromkeys(wanted)]
        if not known:
            raise StoreError(f"{opened.where} holds no search yet; make one with `archllm search`")
        rows = [row for each in known for row in trial_rows(each, opened.trials(each.name))]
    write_rows(path, rows)
    return Exported(path, tuple(each.name for each in known), len(rows))


def list_studies(store: str | Path) -> list[StudyFacts]:
    """The studies of a store, oldest first, and how far each is.

    Args:
        store: as in `export_trials`.

    Raises:
        StoreError: there is no such store, or it can't be read.
        MissingExtra: the library for it is not installed.
    """
    with open_existing(store) as opened:
        return [_facts(opened, study.name) for study in opened.studies()]


def delete_study(store: str | Path, study: str, sure: bool = False) -> StudyFacts:
    """Deletes a study with all its trials, for good.

    Args:
        store: as in `export_trials`.
        study: its name.
        sure: whether what is lost is known; without it nothing is deleted, and the error names it.

    Returns:
        What the study held.

    Raises:
        InvalidInput: it is not sure.
        StoreError: there is no such store or study, it can't be written, or a process is at work on the study.
        MissingExtra: the library for it is not installed.
    """
    with open_existing(store) as opened:
        found = _facts(opened, study)
        if found.running:
            raise StoreError(f"study {study!r} in {opened.where} is at work; stop its search before deleting it")
        if not sure:
            raise InvalidInput(f"{lost(found)} would be lost for good; nothing was deleted. To delete it, add --yes")
        opened.delete(study)
    return found


def lost(found: StudyFacts) -> str:
    """What a study holds, in words, for whoever is about to delete it."""
    study, best = found.result.study, found.result.best
    parts = [f"{count} {state}" for state, count in found.counts.items() if count]
    words = f"study {study.name!r} ({study.method} on {study.space}, {', '.join(study.objectives)}) with "
    words += f"{len(found.result.trials)} trials" + (f" ({', '.join(parts)})" if parts else "")
    if best is not None and best.values is not None:
        words += f", the best of them {', '.join(f'{value:.6g}' for value in best.values)}"
    return words + (f", and {found.cost:,.0f} s of evaluations" if found.cost >= 1 else "")


def _facts(store: Store, study: str) -> StudyFacts:
    found = result(store, study)
    moments = [at for trial in found.trials for at in (trial.heartbeat, trial.finished) if at is not None]
    alive = [trial.heartbeat or 0.0 for trial in found.trials if trial.state == "running"]
    running = bool(alive) and max(alive) > time.time() - SILENCE
    return StudyFacts(found, max(moments, default=None), running)
