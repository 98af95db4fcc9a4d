"""Evaluations that are not in their store yet, kept in files until it takes them.

A store may have no room for one, as when the disk is full; and a search may be killed between the end of an evaluation
and its transaction.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from archllm.errors import RunFolderError, StoreError
from archllm.files import LARGEST_JSON, read_text, write_text
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.study.store.base import Store


@dataclass(frozen=True)
class Rescue:
    """Where evaluations of a study are kept: beside the file of its store, or in the user's own folder."""

    where: str
    """What the store calls its place."""

    study: str
    """Name of the study."""

    owner: str
    """Who evaluates; a trial takes what its own last owner found, so nothing of an older study of that name."""

    def keep(self, number: int, evaluation: Evaluation) -> Path | None:
        """Writes the evaluation of a trial to a file.

        Returns:
            The file; `None` if no place takes it.
        """
        record = {"store": self.where, "study": self.study, "number": number, "owner": self.owner}
        record["evaluation"] = asdict(evaluation)
        for folder in _folders(self.where):
            path = folder / f"{_prefix(self.where, self.study)}{number}.json"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_text(path, json.dumps(record, indent=2) + "\n")
            except (OSError, RunFolderError):
                continue
            return path
        return None


def restore(store: Store, study: str) -> int:
    """Puts kept evaluations of a study into its store, and removes their files; several processes may do so at once.

    Returns:
        How many there were that the store did not have.

    Raises:
        StoreError: the store still does not take them, or a file is damaged.
    """
    restored = 0
    for folder in _folders(store.where):
        for path in sorted(folder.glob(f"{_prefix(store.where, study)}*.json")):
            with suppress(FileNotFoundError):  # another process has put it in
                number, owner, evaluation = _read(path)
                if any(trial.number == number and trial.worker == owner for trial in store.unfinished(study)):
                    restored += store.finish(study, number, evaluation)
                path.unlink()
    return restored


def _folders(where: str) -> list[Path]:
    own = Path.home() / ".local" / "share" / "archllm" / "rescued"
    file = Path(where).absolute()
    return [file.parent, own] if file.is_file() else [own]


def _prefix(where: str, study: str) -> str:
    """Of the names of files: other studies and stores have others."""
    file = Path(where).absolute()
    where = str(file.resolve()) if file.is_file() else where
    return f".rescued-{sha256(f'{where} {study}'.encode(errors='backslashreplace')).hexdigest()[:16]}-"


def _read(path: Path) -> tuple[int, str, Evaluation]:
    try:
        record = json.loads(read_text(path, LARGEST_JSON))
        return int(record["number"]), str(record["owner"]), _evaluation(record["evaluation"])
    except (RunFolderError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if not path.exists():
            raise FileNotFoundError from error
        raise StoreError(f"{path} holds no result of a search: {error}; remove it to go on") from error


def _evaluation(fields: Any) -> Evaluation:
    """What was kept; the file may be damaged, or lie beside a store of others."""
    values, failure, reused = fields["values"], fields["failure"], fields["reused_from"]
    return Evaluation(
        None if values is None else [float(value) for value in values],
        metrics=_numbers(fields["metrics"]),
        test=_numbers(fields["test"]),
        cost=float(fields["cost"]),
        curves={str(name): [float(value) for value in curve] for name, curve in fields["curves"].items()},
        failure=None if failure is None else str(failure),
        lower_fidelity=[_lower(LowerFidelity(*each)) for each in fields["lower_fidelity"]],
        reused_from=None if reused is None else str(reused),
    )


def _lower(found: LowerFidelity) -> LowerFidelity:
    return found._replace(
        key=int(found.key),
        spec=str(found.spec),
        value=None if found.value is None else float(found.value),
        cost=None if found.cost is None else float(found.cost),
    )


def _numbers(fields: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in fields.items()}
