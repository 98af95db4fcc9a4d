"""A path or URL -> a store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archllm.errors import InvalidInput, MissingExtra, StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

    from archllm.study.store.base import Store
    from archllm.study.store.sql import SQLStore

PATIENCE = 30.0
"""Seconds that are waited for another program to unlock the store."""

MEMORY = "memory:"
"""Stands for a store in memory, which ends with the process."""

IN_FOLDERS = ("search.db", "trials.db")
"""Files of the stores in a run folder, and in the folder of a comparison."""

_LOCK = 712_503_22063  # any number that no other program uses for its advisory locks


def open_store(url: str | Path, *, patience: float = PATIENCE) -> Store:
    """Opens a store of trials; creates it if there is none.

    Args:
        url: an SQLite file (`runs/mine/search.db`, `sqlite:///search.db`), a PostgreSQL database
            (`postgresql+psycopg://user@host/database`), or `memory:` for one that ends with the process.
        patience: seconds to wait for another program to unlock it.

    Raises:
        InvalidInput: the URL can't be read, or is of another kind of database.
        StoreError: the store can't be opened, is of another program, or of another version.
        MissingExtra: the library for it is not installed.
    """
    if os.fspath(url) == MEMORY:
        from archllm.study.store.memory import MemoryStore

        return MemoryStore()
    try:
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise MissingExtra("a store of trials", "search") from error
    from archllm.study.store.sql import SQLStore, named

    parsed = _parsed(url)
    where = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        where = str(parsed.database)
        if not Path(where).absolute().parent.is_dir():
            raise StoreError(f"can't make the store {where}: there is no folder {Path(where).absolute().parent}")
    store = SQLStore(_engine(parsed, patience), where)
    try:
        with named(where):
            _prepare(store)
    except BaseException:
        store.close()
        raise
    return store


def open_existing(source: str | Path, *, patience: float = PATIENCE) -> Store:
    """Opens a store that is there; none is made.

    Args:
        source: a run folder with a search in it, the folder of a comparison, or a path or URL as in `open_store`.
        patience: seconds to wait for another program to unlock it.

    Raises:
        InvalidInput: it is a store in memory, or of another kind of database.
        StoreError: there is none, or it can't be opened.
        MissingExtra: the library for it is not installed.
    """
    if os.fspath(source) == MEMORY:
        raise InvalidInput("a store in memory ends with its process; name a run folder or a store that lasts")
    if "://" not in str(source) and Path(source).is_dir():
        files = [Path(source, name) for name in IN_FOLDERS]
        there = [file for file in files if file.is_file()]
        if not there:
            raise StoreError(f"no search was made with {source} yet: it holds no {' or '.join(IN_FOLDERS)}")
        source = there[0]
    try:
        file = sqlite_file(source)
    except ImportError as error:
        raise MissingExtra("a store of trials", "search") from error
    if file is not None and not file.is_file():
        raise StoreError(f"there is no run folder or store {file}")
    return open_store(source, patience=patience)


def sqlite_file(url: str | Path) -> Path | None:
    """The file of a store, if it is one."""
    if os.fspath(url) == MEMORY:
        return None
    parsed = _parsed(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def _parsed(text_or_path: str | Path) -> URL:
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    text = os.fspath(text_or_path)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    scheme, rest = text.split("://", 1)
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise InvalidInput(
            f"a store is an SQLite file (its path, or sqlite:///PATH) or a PostgreSQL database "
            f"(postgresql+psycopg://USER@HOST/DATABASE), got one of kind {scheme!r}"
        )
    try:
        url = make_url(f"{scheme}://{rest}")
    except (ArgumentError, ValueError):  # which may show a password
        raise InvalidInput(f"the URL of the store can't be read; it starts with {scheme}://") from None
    if scheme == "sqlite" and url.database in (None, "", ":memory:"):
        raise InvalidInput(f"the URL of the store names no file; a store in memory is written {MEMORY}")
    return url


def _engine(url: URL, patience: float) -> Engine:
    from sqlalchemy import create_engine, event

    from archllm.study.store.sql import READS

    if url.get_backend_name() == "postgresql":
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise MissingExtra("a PostgreSQL store", "search") from error
        options = {"connect_timeout": 10, "options": f"-c lock_timeout={int(patience * 1000)}"}
        return create_engine(url, pool_pre_ping=True, connect_args=options)
    engine = create_engine(url, connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not at the first change
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # what is finished survives a power cut, too

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _prepare(store: SQLStore) -> None:
    """Makes sure that the database is a store of this version; one without tables becomes a store."""
    from sqlalchemy import inspect, text

    from archllm.study.store import schema

    sqlite = store.engine.dialect.name == "sqlite"
    with store._reading() as connection:
        tables = inspect(connection).get_table_names()
        if schema.STORES.name in tables:
            return _check_version(connection, store.where)
    if sqlite and tables:
        raise StoreError(f"{store.where} is an SQLite file of another program; choose another name for the store")
    if sqlite:  # readers and the one writer don't wait for each other, and a commit is one write to the disk
        with store.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
    with store._writing() as connection:
        if not sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        if schema.STORES.name in inspect(connection).get_table_names():  # another process was faster
            return _check_version(connection, store.where)
        schema.METADATA.create_all(connection)
        connection.execute(schema.STORES.insert().values(version=schema.VERSION))
    return None


def _check_version(connection: Connection, where: str) -> None:
    from sqlalchemy import select

    from archllm.study.store import schema

    found = connection.execute(select(schema.STORES.c.version)).scalars().all()
    if found != [schema.VERSION]:
        version = found[0] if found else "unknown"
        raise StoreError(
            f"{where} is a store of version {version}, this ArchLLM uses version {schema.VERSION}; go on with the "
            "ArchLLM that wrote it, or choose another store"
        )
