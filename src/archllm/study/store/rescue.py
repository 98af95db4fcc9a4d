"""Evaluations that their store could not take, as when the disk is full, kept in files until it can."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from archllm.errors import RunFolderError, StoreError
from archllm.files import write_text
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.study.store.base import Store


def keep(store: Store, study: str, number: int, evaluation: Evaluation) -> Path | None:
    """Writes an evaluation to a file, beside the store or in the user's own folder.

    Returns:
        The file; `None` if no place takes it.
    """
    record = {"store": store.where, "study": study, "number": number, "evaluation": asdict(evaluation)}
    for folder in _folders(store):
        path = folder / f"{_prefix(store, study)}{number}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(record, indent=2) + "\n")
        except (OSError, RunFolderError):
            continue
        return path
    return None


def restore(store: Store, study: str) -> int:
    """Puts kept evaluations of a study into its store, and removes their files.

    Returns:
        How many there were.

    Raises:
        StoreError: the store still does not take them, or a file is damaged.
    """
    restored = 0
    for folder in _folders(store):
        for path in sorted(folder.glob(f"{_prefix(store, study)}*.json")):
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
                fields = record["evaluation"]
                fields["lower_fidelity"] = [LowerFidelity(*each) for each in fields["lower_fidelity"]]
                number, evaluation = int(record["number"]), Evaluation(**fields)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise StoreError(f"{path} holds no result of a search: {error}; remove it to go on") from error
            restored += store.finish(study, number, evaluation)
            path.unlink()
    return restored


def _folders(store: Store) -> list[Path]:
    own = Path.home() / ".local" / "share" / "archllm" / "rescued"
    file = Path(store.where).absolute()
    return [file.parent, own] if file.is_file() else [own]


def _prefix(store: Store, study: str) -> str:
    """Of the names of its files: other studies and stores have others."""
    file = Path(store.where).absolute()
    where = str(file.resolve()) if file.is_file() else store.where
    return f".rescued-{sha256(f'{where} {study}'.encode()).hexdigest()[:16]}-"
