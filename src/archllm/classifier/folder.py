"""FitFolder: the run folder of a fit, from its first minute on: what was decided and done, so that it can go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from archllm.classifier.config import FitRequest
from archllm.errors import RunFolderError
from archllm.files import LARGEST_JSON, read_text, write_text

RECORD = "fit.json"
VERSION = 1

STORE = "search.db"
"""Trials of the search."""

STUDY = "search"
"""Name of the study in that store."""

CHECKPOINTS = "checkpoints"
"""Trainings after the search, one file each, until the fit is complete."""

MODEL = "model.onnx"
"""What `predict` runs."""


class FitFolder:
    """A folder and its record, `fit.json`, which is written as a whole whenever something was decided or done.

    Args:
        path: the folder.
        record: what the file holds.

    Example:
        >>> import tempfile
        >>> request = FitRequest(data="digits", minutes=2)
        >>> folder = FitFolder.begin(Path(tempfile.mkdtemp()) / "run", request)
        >>> folder.note(spent=1.5)
        >>> FitFolder.resume(folder.path, request).record["spent"]
        1.5
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path, self.record = path, record

    @classmethod
    def begin(cls, path: Path, request: FitRequest) -> FitFolder:
        """A new folder.

        Raises:
            RunFolderError: something stands there, or it can't be made.
        """
        if (path / RECORD).is_file():
            raise RunFolderError(f"{path} holds a fit already: go on with it (--resume), or name another folder")
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunFolderError(f"{path} exists already and is no run of `archllm fit`; name another folder")
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"can't make the folder {path}: {error.strerror}") from error
        folder = cls(path, {})
        folder.note(
            version=VERSION,
            data=request.data,
            minutes=request.minutes,
            asked=request.to_json(),
            also=list(request.also),
            spent=0.0,
        )
        return folder

    @classmethod
    def resume(cls, path: Path, request: FitRequest) -> FitFolder:
        """The folder of a fit that goes on.

        Raises:
            RunFolderError: there is none, it is damaged, or something else was asked for then.
        """
        folder = cls.open(path)
        if folder.result is not None:
            raise RunFolderError(f"the fit in {path} is complete: there is nothing to go on with")
        then, now = folder.record["asked"], request.to_json()
        changed = [name for name in now if then.get(name) != now[name]]
        if changed:
            told = "; ".join(f"{name} is {then.get(name)!r}, asked for {now[name]!r}" for name in changed)
            raise RunFolderError(
                f"{path} is another fit: {told}; go on with the options it has, or name another folder"
            )
        folder.record |= {"minutes": request.minutes, "also": list(request.also)}  # written with the next note
        return folder

    @classmethod
    def open(cls, path: Path) -> FitFolder:
        """The folder of a fit.

        Raises:
            RunFolderError: there is none, or it is damaged.
        """
        file = path / RECORD
        try:
            if not file.exists():
                raise RunFolderError(f"{path} is no run of `archllm fit`: it has no {RECORD}")
            record = json.loads(read_text(file, LARGEST_JSON))
            right = isinstance(record, dict) and isinstance(record["asked"], dict) and float(record["spent"]) >= 0
            found = record["version"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunFolderError(f"{file} is damaged: {error}") from error
        if not right or found != VERSION:
            raise RunFolderError(
                f"{file} is damaged, or of another version: expected version {VERSION}, found {found!r}"
            )
        return cls(path, record)

    def note(self, **changes: Any) -> None:
        """Adds to the record and writes it.

        Raises:
            RunFolderError: it can't be written.
        """
        self.record |= changes
        write_text(self.path / RECORD, json.dumps(self.record, indent=2, ensure_ascii=True) + "\n")

    def get(self, name: str) -> Any:
        """An entry of the record; `None` where there is none yet."""
        return self.record.get(name)

    def complete(self, result: Mapping[str, Any]) -> None:
        """Notes what came out, and removes what was kept to go on with.

        Raises:
            RunFolderError: it can't be written.
        """
        self.note(result=dict(result))
        shutil.rmtree(self.path / CHECKPOINTS, ignore_errors=True)

    def forget(self) -> None:
        """Removes the record of a fit that did not come as far as a plan, so that it can be begun anew."""
        if self.get("plan") is None:
            with suppress(OSError):
                (self.path / RECORD).unlink()
                self.path.rmdir()  # fails where there is anything else in it

    @property
    def result(self) -> Mapping[str, Any] | None:
        """What came out; `None` while the fit is not complete."""
        found: Mapping[str, Any] | None = self.record.get("result")
        return found
