"""SQLStore: trials in a database, by SQLAlchemy."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from archllm.errors import StoreError
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.store.base import OVER, Store, Study, Trial
from archllm.study.store.rows import LARGEST, LONGEST_COST, columns, damaged, study_of, trials_of
from archllm.study.store.schema import STUDIES, TRIALS

KEPT = "what was stored before is kept"

_SQLITE = {
    "SQLITE_FULL": f"the disk is full; {KEPT}: make room and go on with --resume",
    "SQLITE_IOERR": f"reading or writing failed, as when the disk or a limit on file size is full; {KEPT}: make room "
    "and go on with --resume",
    "SQLITE_BUSY": "another program keeps it locked; close that, or wait, and try again",
    "SQLITE_LOCKED": "another program keeps it locked; close that, or wait, and try again",
    "SQLITE_READONLY": "it may not be written; change its permissions or choose another store",
    "SQLITE_PERM": "it may not be opened; change its permissions or choose another store",
    "SQLITE_CANTOPEN": "it can't be opened; look whether it is a file in a folder that you may write to",
    "SQLITE_TOOBIG": f"a cell of it holds more than {LARGEST >> 20} MB, which no search writes; restore it from a copy",
    "SQLITE_NOTADB": "it is not an SQLite file; choose another name, or a store that ArchLLM wrote",
    "SQLITE_CORRUPT": "it is damaged; restore it from a copy",
}
_POSTGRES = {
    "53100": f"the disk of the server is full; {KEPT}: make room and go on with --resume",
    "55P03": "another program keeps it locked; close that, or wait, and try again",
    "42501": "this user may not create or write tables in it",
}
_CONNECTING = {  # when no connection comes about, the words are all there is
    '" does not exist': "there is no such database, or no such user; create it with createdb or createuser",
    "password authentication failed": "the password is wrong",
    "refused": "no server answers there; is it running?",
}


def explained(where: str, error: SQLAlchemyError | sqlite3.Error) -> str:
    """The message for a user; it names the store and never shows the statement or the data."""
    original = error.orig if isinstance(error, DBAPIError) else error if isinstance(error, sqlite3.Error) else None
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorname", "")
        for name, words in _SQLITE.items():
            if code.startswith(name):
                return f"can't use the store {where}: {words}"
    state = getattr(original, "sqlstate", None)
    if state in _POSTGRES:
        return f"can't use the store {where}: {_POSTGRES[state]}"
    for words, meaning in _CONNECTING.items():
        if original is not None and state is None and words in str(original):
            return f"can't use the store {where}: {meaning}"
    lines = str(original or error).strip().splitlines() or [type(error).__name__]
    return f"can't use the store {where}: {lines[0]}"


READS = "archllm_reads"
"""Execution option of a connection that only reads: SQLite then need not wait for who writes."""


class SQLStore(Store):
    """Trials in an SQLite file or a PostgreSQL database; `open_store` makes one.

    Args:
        engine: a database that holds the tables already.
        where: what it is called in messages.
    """

    shared = True

    def __init__(self, engine: Engine, where: str) -> None:
        self.engine, self.where = engine, where
        self.folder: TemporaryDirectory[str] | None = None
        """A folder that ends with the store."""
        self._server = engine.dialect.name != "sqlite"
        self._ids: dict[str, int] = {}
        self._goals: dict[str, int] = {}  # objectives of each study

    def create(self, study: Study) -> None:
        with self._writing() as connection:
            self._begin(connection, study)

    def adopt(self, study: Study, trials: Sequence[Trial]) -> None:
        with self._writing() as connection:
            number = self._begin(connection, study)
            if trials:
                connection.execute(insert(TRIALS), [{"study": number, **_row(trial)} for trial in trials])

    def _begin(self, connection: Connection, study: Study) -> int:
        """Stores a study; its number."""
        taken = select(STUDIES.c.id).where(STUDIES.c.name == study.name)
        if self._server:  # of two processes that begin it at once, the second is to be told
            connection.execute(text("LOCK TABLE archllm_studies IN SHARE ROW EXCLUSIVE MODE"))
        if connection.execute(taken).first() is not None:
            raise StoreError(
                f"there is a study {study.name!r} in {self.where} already; go on with it (--resume), or choose "
                "another name or another store"
            )
        row = {
            "name": study.name,
            "space": study.space,
            "objectives": list(study.objectives),
            "directions": list(study.directions),
            "method": study.method,
            "seed": study.seed,
            "settings": study.settings,
            "network": study.network,
            "identities": [each.to_json() for each in study.identities],
            "scores": study.scores,
            "created": self._now(connection),
        }
        connection.execute(insert(STUDIES).values(row))
        return int(connection.execute(taken).scalar_one())

    def studies(self) -> list[Study]:
        with self._reading() as connection:
            return self._studies(connection)

    def delete(self, study: str) -> None:
        with self._writing() as connection:
            own = self._locked(connection, study)
            connection.execute(delete(TRIALS).where(own))
            connection.execute(delete(STUDIES).where(STUDIES.c.id == self._ids.pop(study)))

    def add(self, study: str, architectures: Sequence[Architecture], budget: int) -> list[Trial]:
        with self._writing() as connection:
            own = self._locked(connection, study)
            count = connection.execute(select(func.coalesce(func.max(TRIALS.c.number) + 1, 0)).where(own)).scalar_one()
            keys = [arch.key for arch in architectures]
            known = set(connection.execute(select(TRIALS.c.key).where(own, TRIALS.c.key.in_(keys))).scalars())
            fresh = {arch.key: arch for arch in architectures if arch.key not in known}
            chosen = list(fresh.values())[: max(budget - count, 0)]
            now = self._now(connection)
            rows: list[dict[str, Any]] = [
                {"number": number, "text": arch.text, "key": arch.key, "state": "waiting", "asked": now}
                for number, arch in enumerate(chosen, start=count)
            ]
            if rows:
                connection.execute(insert(TRIALS), [{"study": self._ids[study], **row} for row in rows])
        return [Trial(**row) for row in rows]

    def claim(self, study: str, worker: str) -> Trial | None:
        with self._writing() as connection:
            own = self._own(connection, study)
            while True:
                waiting = select(func.min(TRIALS.c.number)).where(own, TRIALS.c.state == "waiting")
                number = connection.execute(waiting).scalar()
                if number is None:
                    return None
                now = self._now(connection)
                taken = connection.execute(
                    update(TRIALS)
                    .where(own, TRIALS.c.number == number, TRIALS.c.state == "waiting")
                    .values(state="running", worker=worker, started=now, heartbeat=now, attempts=TRIALS.c.attempts + 1)
                )
                if taken.rowcount:  # else another worker took it since it was looked up
                    return self._trials(connection, study, TRIALS.c.number == number)[0]

    def beat(self, study: str, worker: str) -> None:
        with self._writing() as connection:
            mine = (self._own(connection, study), TRIALS.c.worker == worker, TRIALS.c.state == "running")
            connection.execute(update(TRIALS).where(*mine).values(heartbeat=self._now(connection)))

    def release(self, study: str, worker: str) -> None:
        with self._writing() as connection:
            mine = (self._own(connection, study), TRIALS.c.worker == worker, TRIALS.c.state == "running")
            connection.execute(update(TRIALS).where(*mine).values(state="waiting", attempts=TRIALS.c.attempts - 1))

    def take_back(self, study: str, trial: Trial) -> bool:
        with self._writing() as connection:
            unchanged = (
                self._own(connection, study),
                TRIALS.c.number == trial.number,
                TRIALS.c.state == "running",
                TRIALS.c.worker == trial.worker,
                TRIALS.c.heartbeat == trial.heartbeat,
            )
            return bool(connection.execute(update(TRIALS).where(*unchanged).values(state="waiting")).rowcount)

    def finish(self, study: str, number: int, evaluation: Evaluation) -> bool:
        with self._writing() as connection:
            own = self._locked(connection, study)
            change = {
                "state": "failed" if evaluation.values is None else "complete",
                **_columns(evaluation),
                **self._end(connection, own),
            }
            open_ = (own, TRIALS.c.number == number, TRIALS.c.state.not_in(OVER))
            return bool(connection.execute(update(TRIALS).where(*open_).values(change)).rowcount)

    def evaluated(self, study: str, key: int) -> tuple[Study, Evaluation] | None:
        with self._reading() as connection:
            self._own(connection, study)
            own = select(STUDIES.c.scores).where(STUDIES.c.id == self._ids[study]).scalar_subquery()
            found = (
                select(STUDIES.c.id)
                .join(TRIALS, TRIALS.c.study == STUDIES.c.id)
                .where(STUDIES.c.scores == own, STUDIES.c.id != self._ids[study])
                .where(TRIALS.c.key == key, TRIALS.c.state == "complete")
                .order_by(STUDIES.c.id)
                .limit(1)
            )
            number = connection.execute(found).scalar()
            if number is None:
                return None
            other = self._studies(connection, STUDIES.c.id == number)[0]
            rows = self._rows(connection, TRIALS, (TRIALS.c.study == number, TRIALS.c.key == key), TRIALS.c.number)
            return other, trials_of(rows, len(other.objectives), self.where)[0].evaluation

    def trials(self, study: str) -> list[Trial]:
        with self._reading() as connection:
            return self._trials(connection, study)

    def finished(self, study: str, after: int = 0) -> list[Trial]:
        with self._reading() as connection:
            return self._trials(connection, study, TRIALS.c.place > after, order=TRIALS.c.place)

    def unfinished(self, study: str) -> list[Trial]:
        with self._reading() as connection:
            return self._trials(connection, study, TRIALS.c.place.is_(None))

    def close(self) -> None:
        self.engine.dispose()
        if self.folder is not None:
            self.folder.cleanup()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with named(self.where), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with named(self.where), self.engine.connect() as connection:
            yield connection.execution_options(**{READS: True})

    def _own(self, connection: Connection, study: str) -> Any:
        """The condition that a trial is of the study."""
        if study not in self._ids:
            found = connection.execute(select(STUDIES.c.id).where(STUDIES.c.name == study)).scalar()
            if found is None:
                raise StoreError(f"there is no study {study!r} in {self.where}")
            self._goals[study] = len(self._studies(connection, STUDIES.c.id == found)[0].objectives)
            self._ids[study] = found
        return TRIALS.c.study == self._ids[study]

    def _locked(self, connection: Connection, study: str) -> Any:
        """The same, and others who number or place trials of the study wait for this transaction."""
        own = self._own(connection, study)
        if self._server:  # in SQLite, only one process writes at a time
            connection.execute(select(STUDIES.c.id).where(STUDIES.c.id == self._ids[study]).with_for_update())
        return own

    def _end(self, connection: Connection, own: Any) -> dict[str, Any]:
        last = connection.execute(select(func.coalesce(func.max(TRIALS.c.place), 0)).where(own)).scalar_one()
        return {"place": last + 1, "finished": self._now(connection)}

    def _now(self, connection: Connection) -> float:
        """Seconds since 1970: by the server's clock where there is one, as those of its clients may differ."""
        if not self._server:
            return time.time()
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def _studies(self, connection: Connection, *conditions: Any) -> list[Study]:
        """The studies that fulfil the conditions, oldest first."""
        found = self._rows(connection, STUDIES, conditions, STUDIES.c.id)
        return [study_of(row, self.where) for row in found]

    def _trials(
        self, connection: Connection, study: str, *conditions: Any, order: Any = TRIALS.c.number
    ) -> list[Trial]:
        """The trials of a study that fulfil the conditions."""
        found = self._rows(connection, TRIALS, (self._own(connection, study), *conditions), order)
        return trials_of(found, self._goals[study], self.where)

    def _rows(self, connection: Connection, table: Table, conditions: Sequence[Any], order: Any) -> list[RowMapping]:
        """Rows with all their cells.

        Raises:
            StoreError: a cell can't be read; the message names it where the database can tell.
        """
        statement = select(*columns(table)).where(*conditions).order_by(order)
        try:
            return list(connection.execute(statement).mappings())
        except DBAPIError as error:
            if not self._server and (place := _unreadable(connection, table)):
                what = f"a text in UTF-8 of no more than {LARGEST >> 20} MB"
                raise damaged(self.where, table, *place, what, "something else") from error
            raise


def _unreadable(connection: Connection, table: Table) -> tuple[object, str] | None:
    """Row and column of the first cell of an SQLite table that can't be read, if there is one."""
    cursor = connection.connection.cursor()
    name = "id" if table is STUDIES else "number"
    for column, found_as in zip(table.c.keys(), columns(table), strict=True):
        row: object = "?"
        try:
            cursor.execute(f'SELECT "{name}" FROM "{table.name}" ORDER BY rowid')
            names = [found for (found,) in cursor.fetchall()]
            row = names[0] if names else row  # asking for the first row reads it already
            cursor.execute(f'SELECT {found_as.compile(dialect=connection.dialect)} FROM "{table.name}" ORDER BY rowid')
            for name_of_row in names:
                row = name_of_row
                cursor.fetchone()
        except sqlite3.Error:
            return row, column
    return None


@contextmanager
def named(where: str) -> Iterator[None]:
    """Turns errors of the database into ours.

    Raises:
        StoreError: with what went wrong, and what to do.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:  # the latter where a statement of SQLite's own is made
        raise StoreError(explained(where, error)) from error


def _columns(found: Evaluation) -> dict[str, Any]:
    """An evaluation as columns."""
    return {
        "values": None if found.values is None else list(found.values),
        "metrics": _metrics(found.metrics),
        "test": _metrics(found.test),
        "cost": found.cost if 0 <= found.cost <= LONGEST_COST else 0.0,
        "curves": {_text(name): list(map(_plain, curve)) for name, curve in found.curves.items()},
        "failure": None if found.failure is None else _text(found.failure),
        "lower_fidelity": [list(each) for each in found.lower_fidelity],
        "reused_from": found.reused_from,
    }


def _row(trial: Trial) -> dict[str, Any]:
    """A trial as columns."""
    own = {name: value for name, value in vars(trial).items() if name != "evaluation"}
    return own | _columns(trial.evaluation)


def _metrics(metrics: Mapping[str, float]) -> dict[str, float | str]:
    return {_text(name): _plain(value) for name, value in metrics.items()}


def _plain(value: float) -> float | str:
    """A number as JSON has it; it has no word for those that are not finite."""
    return float(value) if math.isfinite(value) else str(float(value))


def _text(words: str) -> str:
    """A text that any database takes: no zero characters, no halves of characters, not endless."""
    clean = words.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    return clean if len(clean) <= _LONGEST else f"{clean[:_LONGEST]} …"


_LONGEST = 2_000
