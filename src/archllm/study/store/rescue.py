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

from archllm.errors import RunFolderError, StoreError
from archllm.files import write_text
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
        record = json.loads(path.read_text(encoding="utf-8"))
        fields = record["evaluation"]
        fields["lower_fidelity"] = [LowerFidelity(*each) for each in fields["lower_fidelity"]]
        return int(record["number"]), str(record["owner"]), Evaluation(**fields)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} holds no result of a search: {error}; remove it to go on") from error
