"""Mutated texts and damaged files are taken, or refused in words of ours: a small part of the attacks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from benchmarks.robust import files, hostile, languages, texts
from benchmarks.robust.attack import Round, Unavailable

from archllm.errors import DataError


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


def test_hostile_pickles_execute_nothing_and_take_neither_time_nor_memory(tmp_path: Path) -> None:
    found = hostile.read_pickles(Round(20, 1, tmp_path), ["alone", "pth-first"])
    assert found.gave_way == {}, found.notes
    assert found.done > 2 * len(hostile.pickles("true")) and found.figures["most memory, MB"] < 100


@pytest.mark.parametrize(
    "name",
    [
        "images of 2^96 bytes",
        "images of 2^96 bytes in gzip",
        "an array of 1 TB in an archive",
        "an array head without end",
        "an array head of signs",
        "a line without end",
        "a checkpoint in bzip2",
        "a checkpoint in LZMA",
        "a checkpoint by an unknown method",
        "a record of 2^60 bytes",
    ],
)
def test_a_file_that_promises_what_it_does_not_hold_is_refused(name: str, tmp_path: Path) -> None:
    file = hostile.FILES[name]
    (tmp_path / file.name).write_bytes(file.content())
    with pytest.raises(DataError):
        file.read(tmp_path / file.name)


@pytest.mark.slow
def test_language_models_that_ask_for_much_are_taken_or_refused(tmp_path: Path) -> None:
    found = languages.demanding(Round(20, 1, tmp_path))
    assert found.gave_way == {}, found.notes
    assert found.done == 20 and found.figures["taken"] >= 1
