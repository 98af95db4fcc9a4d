"""The run folder of a fit: begun once, gone on with only as what it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archllm.classifier.config import FitRequest
from archllm.classifier.folder import RECORD, FitFolder
from archllm.errors import InvalidInput, RunFolderError

REQUEST = FitRequest(data="digits", minutes=2, max_params="30k")


def test_a_fit_goes_on_with_what_was_noted(tmp_path: Path) -> None:
    FitFolder.begin(tmp_path / "run", REQUEST).note(spent=12.5, plan={"epochs": 3})
    again = FitFolder.resume(tmp_path / "run", FitRequest(data="digits", minutes=9, max_params=30_000))
    assert again.get("spent") == 12.5 and again.get("plan") == {"epochs": 3} and again.get("result") is None


def test_another_request_is_refused_by_what_differs(tmp_path: Path) -> None:
    FitFolder.begin(tmp_path, REQUEST)
    with pytest.raises(RunFolderError, match=r"max_params is 30000\.0, asked for 40000\.0; seed is 0, asked for 1"):
        FitFolder.resume(tmp_path, FitRequest(data="digits", minutes=2, max_params="40k", seed=1))


def test_a_folder_with_anything_in_it_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="no run of `archllm fit`"):
        FitFolder.begin(tmp_path, REQUEST)
    FitFolder.begin(tmp_path / "run", REQUEST)
    with pytest.raises(RunFolderError, match="--resume"):
        FitFolder.begin(tmp_path / "run", REQUEST)
    with pytest.raises(RunFolderError, match="is no run"):
        FitFolder.resume(tmp_path, REQUEST)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 99, "asked": {}, "spent": 0}', '{"spent": "x"}'])
def test_a_damaged_record_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD).write_text(content)
    with pytest.raises(RunFolderError, match=RECORD):
        FitFolder.open(tmp_path)


def test_a_record_that_is_a_pipe_or_endlessly_deep_is_named(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text("[" * 200_000)
    with pytest.raises(RunFolderError, match=rf"{RECORD} is damaged"):
        FitFolder.open(tmp_path)
    (tmp_path / RECORD).unlink()
    os.mkfifo(tmp_path / RECORD)
    with pytest.raises(RunFolderError, match="no ordinary file"):
        FitFolder.open(tmp_path)


def test_a_moment_is_too_short() -> None:
    with pytest.raises(InvalidInput, match="minutes must be a number of at least 1"):
        FitRequest(data="digits", minutes=0.1)
