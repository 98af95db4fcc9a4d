"""Stores of searches with one cell tampered with: it is named, in bounded time and memory, and nothing runs."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from archllm.errors import StoreError
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.objectives.identity import Identity
from archllm.reporting.searching import collect
from archllm.spaces import load_space
from archllm.study.result import result
from archllm.study.store import Study, architecture_of, open_existing, open_store
from archllm.study.store.schema import STUDIES, TRIALS
from archllm.workflows.trials import export_trials, list_studies
from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.texts import tally

SPACE = "nasbench201"

CELLS: tuple[object, ...] = (
    *(
        None,
        "",
        "x",
        " ",
        "\0",
        "é\u202e\x1b[2J",
        "=1+1",
        "'; DROP TABLE archllm_trials; --",
        "9" * 5_000,
        "x" * 100_000,
    ),
    *(-1, 0, 1, 7, 2**31, 2**62, 1.5, 1e308, -1e308, 1e-300, "1e308", "1", b"", b"\xff\xfe", b"[1.0]"),
    *(
        "[]",
        "{}",
        "[[]]",
        "[1e308]",
        "[1e999]",
        "[NaN]",
        "[Infinity]",
        '["1"]',
        "[true]",
        "[null]",
        "[1, 2, 3]",
        "null",
    ),
    *("{", "[" * 100_000, '{"a":' * 50_000, '{"a": 1e999}', '{"a": {"b": [1]}}', '{"a": "nan"}', '{"": null}', "[1] 2"),
    *('{"a": [1, "x"]}', '["\\ud800"]', '{"a": 1, "a": "x"}', f"[{'9' * 5_000}]", f"[1.{'0' * 100_000}1]"),
    *(
        '["params", "macs"]',
        '["minimise"]',
        '["sideways"]',
        '[[1, "x", 1, 1]]',
        '[["x", 1, [], {}]]',
        "running",
        "lost",
    ),
    *("[layer1=identity]", "darts", "1234", "|none~0|", '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'),
)
"""What somebody may have put into a cell."""


def seed(path: Path) -> None:
    """A store with a study of one complete, one failed, one running and one waiting trial."""
    space = load_space(SPACE)
    identity = Identity.of("params", {"a": 1})
    study = Study("s", SPACE, ("params",), ("minimise",), "random", 0, {"batch": 1}, None, (identity,))
    with open_store(path) as store:
        store.create(study)
        store.add("s", [space.parse(str(index)) for index in range(4)], 4)
        for _ in range(3):
            store.claim("s", "host/boot/ns/1/1/token")
        cheap = LowerFidelity(5, "proxy:synflow", 1.0, 0.5)
        found = Evaluation(3.0, {"epochs": 2}, {"t": 1.0}, 1.0, {"c": [1, 2]}, lower_fidelity=[cheap])
        store.finish("s", 0, found)
        store.finish("s", 1, Evaluation(None, failure="too large", cost=1.0))


def read(path: Path) -> None:
    """Reads all that a store holds, as lists, exports, reports and searches that go on do."""
    space = load_space(SPACE)
    list_studies(path)
    export_trials(path, path.with_suffix(".csv"))
    with open_existing(path) as store:
        for study in store.studies():
            found = result(store, study.name)
            for trial in found.trials:
                architecture_of(space, trial, store.where)
            store.unfinished(study.name)
            store.finished(study.name)
            store.evaluated(study.name, 0)
            repr(found)
            collect(found)


def tamper(path: Path, table: str, column: str, value: object, row: int) -> None:
    """Puts a value into a cell of a table that has lost its rules."""
    database = sqlite3.connect(path)
    database.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
    database.execute(f"DROP TABLE {table}")
    database.execute(f"ALTER TABLE loose RENAME TO {table}")
    database.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (value, row + 1))
    database.commit()
    database.close()


def tampered() -> Iterator[tuple[str, str, object, int]]:
    """All that may be done: table, column, value and row."""
    for table in (STUDIES, TRIALS):
        for column in table.c:
            for value in CELLS:
                for row in range(1 if table is STUDIES else 4):
                    yield table.name, column.name, value, row


def opened(folder: Path, change: tuple[str, str, object, int]) -> None:
    """Tampers with a copy of the store in a folder and reads it; what is refused has to be named."""
    path = folder / "tampered.db"
    shutil.copyfile(folder / "seed.db", path)
    tamper(path, *change)
    try:
        read(path)
    except StoreError as error:
        if f"{change[0]}, row" not in str(error) and "there is no study" not in str(error):
            raise AssertionError(f"{change[:2]} {change[2]!r:.40}: {error}") from error
        raise


def cells(round_: Round) -> Found:
    """Tampers with so many cells, another one each time."""
    seed(round_.folder / "seed.db")
    changes = list(tampered())
    random.Random(round_.seed).shuffle(changes)
    return tally("stores", (partial(opened, round_.folder, change) for change in changes[: round_.count]))


def _structures() -> dict[str, Callable[[sqlite3.Connection], object]]:
    """Changes of a whole store, by what they are."""

    def script(text: str) -> Callable[[sqlite3.Connection], object]:
        return lambda database: database.executescript(text)

    huge = f"""UPDATE archllm_studies SET settings = '{{"a": "' || hex(zeroblob({50 << 20})) || '"}}'"""
    endless = "WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n) SELECT k FROM n"
    copied = "CREATE TABLE loose AS SELECT * FROM archllm_trials; DROP TABLE archllm_trials;"
    back = "ALTER TABLE loose RENAME TO archllm_trials; UPDATE archllm_trials SET"
    return {
        "settings of 100 MB": script(huge),
        "a text of 100 MB": script("UPDATE archllm_trials SET text = hex(zeroblob(52428800)) WHERE number = 2"),
        "a number twice": script(f"{copied} {back} number = 0"),
        "a place twice": script(f"{copied} {back} place = 1"),
        "a view without end": script(f"{copied} CREATE VIEW archllm_trials AS SELECT l.* FROM loose l, ({endless})"),
        "a trigger": script("CREATE TRIGGER t AFTER UPDATE ON archllm_trials BEGIN DELETE FROM archllm_trials; END"),
        "no trials": script("DROP TABLE archllm_trials"),
        "no column": script("ALTER TABLE archllm_trials DROP COLUMN failure"),
        "another version": script("UPDATE archllm_store SET version = 'x'"),
        "no version": script("DELETE FROM archllm_store"),
    }


STRUCTURES = _structures()


def changed(folder: Path, name: str) -> Path:
    """A copy of the store in a folder, changed as a whole."""
    path = folder / "changed.db"
    shutil.copyfile(folder / "seed.db", path)
    database = sqlite3.connect(path)
    STRUCTURES[name](database)
    database.commit()
    database.close()
    return path


def structures(round_: Round) -> Found:
    """Changes whole stores."""
    seed(round_.folder / "seed.db")
    names = list(STRUCTURES)[: round_.count]
    return tally("stores", (partial(read, changed(round_.folder, name)) for name in names))


ATTACKS = {
    "store-cells": Attack("hostile", "stores with one cell tampered with", cells, 600, brief=60),
    "store-structures": Attack(
        "hostile", "stores with tables tampered with", structures, len(STRUCTURES), brief=len(STRUCTURES)
    ),
}
