"""Mutated texts and damaged files are taken, or refused in words of ours: a small part of the attacks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from benchmarks.robust import files, texts
from benchmarks.robust.attack import Round, Unavailable


@pytest.mark.parametrize("name", [name.removeprefix("texts-") for name in texts.ATTACKS])
def test_mutated_texts_are_taken_or_refused(name: str) -> None:
    parser = texts.parsers()[name]
    found = texts.tally(name, (partial(parser.read, text) for text in parser.mutated(60, 1)))
    assert found.gave_way == {}, found.notes
    assert found.figures["taken"] >= len(parser.seeds)


@pytest.mark.parametrize("name", [name.removeprefix("files-") for name in files.ATTACKS])
def test_damaged_files_are_taken_or_refused(name: str, tmp_path: Path) -> None:
    try:
        found = files.read_all(name, Round(15, 1, tmp_path))
    except Unavailable as error:
        pytest.skip(str(error))
    assert found.gave_way == {}, found.notes
    assert found.figures["taken"] >= 1
