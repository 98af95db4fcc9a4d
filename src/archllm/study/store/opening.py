"""A path or URL -> a store."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from archllm.errors import InvalidInput, MissingExtra, StoreError, shown

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

_FORMS = (
    "a store is an SQLite file (its path, or sqlite:///PATH) or a PostgreSQL database "
    "(postgresql+psycopg://USER@HOST/DATABASE)"
)
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
    from archllm.study.store.sql import SQLStore

    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        where = parsed.set(query={}).render_as_string(hide_password=True)  # a query may hold a password, too
    else:
        where = str(parsed.database)
        if not Path(where).absolute().parent.is_dir():
            raise StoreError(f"can't make the store {where}: there is no folder {Path(where).absolute().parent}")
    return _opened(SQLStore(_engine(parsed, patience), where))


def _opened(store: SQLStore) -> Store:
    from archllm.study.store.sql import named

    try:
        with named(store.where):
            _prepare(store)
    except BaseException:
        store.close()
        raise
    return store


def open_existing(source: str | Path, *, patience: float = PATIENCE) -> Store:
    """Opens a store that is there; none is made. A file that may not be written is opened for reading.

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
    if file is not None and not (os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK)):
        return _open_for_reading(file, patience)
    return open_store(source, patience=patience)


def _open_for_reading(file: Path, patience: float) -> Store:
    """A store on read-only media, or of somebody else: SQLite itself would write files beside it."""
    from archllm.study.store.sql import SQLStore

    folder = None
    source = file
    recent = file.with_name(f"{file.name}-wal")  # what was stored last, while it is not in the file itself yet
    try:
        if recent.is_file() and recent.stat().st_size:
            folder = TemporaryDirectory(prefix="archllm-store-")
            source = Path(folder.name, "copy.db")
            for each in (file, recent):
                shutil.copyfile(each, source.with_name(each.name.replace(file.name, source.name)))
            with closing(sqlite3.connect(source, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = DELETE")  # joins the two
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"can't use the store {file}: it may not be written, nor read: {error}") from error
    from sqlalchemy import URL

    options = {"mode": "ro", "immutable": "1", "uri": "true"}
    url = URL.create("sqlite", database=f"file:{quote(str(source.absolute()))}", query=options)
    store = SQLStore(_engine(url, patience), str(file))
    store.folder = folder
    return _opened(store)


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
        if text.startswith(("sqlite:", "postgres:", "postgresql:")):
            scheme = text.partition(":")[0]
            raise InvalidInput(f"the URL of a store begins with {scheme}://; {_FORMS}")
        return URL.create("sqlite", database=text)
    scheme, rest = text.split("://", 1)
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise InvalidInput(f"{_FORMS}, got one of kind {shown(scheme)}")
    if scheme == "sqlite" and rest and not rest.startswith("/"):
        raise InvalidInput(f"an SQLite file is written with three slashes, sqlite:///{rest}, or as its path, {rest}")
    if scheme != "sqlite" and "@" in _behind_user(rest):
        raise InvalidInput(
            "the URL of the store can't be read: in a user name or password, write @ as %40, / as %2F and ? as %3F"
        )
    try:
        url = make_url(f"{scheme}://{rest}")
    except (ArgumentError, ValueError):  # which may show a password
        raise InvalidInput(f"the URL of the store can't be read; it starts with {scheme}://") from None
    if scheme == "sqlite" and url.database in (None, "", ":memory:"):
        raise InvalidInput(f"the URL of the store names no file; a store in memory is written {MEMORY}")
    return url


def _behind_user(rest: str) -> str:
    """What of a URL stands behind its user and password: host and database, where no @ is left."""
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    user = f"{authority.partition('@')[0]}@" if "@" in authority else ""
    return rest[len(user) :]


def _engine(url: URL, patience: float) -> Engine:
    from sqlalchemy import create_engine, event

    from archllm.study.store.rows import LARGEST
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
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
        connection.execute("PRAGMA trusted_schema = OFF")  # a file of others may not call functions by itself
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
            _check_tables(connection, store.where)
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


def _check_tables(connection: Connection, where: str) -> None:
    """Makes sure that a store holds tables and indices alone: triggers and views would run what others wrote."""
    from sqlalchemy import inspect

    from archllm.study.store import schema

    if connection.dialect.name == "sqlite":
        others = (
            "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%'"
        )
        found = connection.exec_driver_sql(others).first()
        if found is not None:
            raise StoreError(f"{where} is no store of ArchLLM: it holds the {found[0]} {found[1]}, which none has")
    for table in schema.METADATA.sorted_tables:
        there = {each["name"] for each in inspect(connection).get_columns(table.name)}
        missing = [column.name for column in table.c if column.name not in there]
        if missing:
            raise StoreError(f"{where} is damaged: table {table.name} has no column {missing[0]}")


def _check_version(connection: Connection, where: str) -> None:
    from sqlalchemy import select

    from archllm.study.store import schema

    found = connection.execute(select(schema.STORES.c.version).limit(2)).scalars().all()
    if found != [schema.VERSION]:
        version = found[0] if found else "unknown"
        raise StoreError(
            f"{where} is a store of version {version}, this ArchLLM uses version {schema.VERSION}; go on with the "
            "ArchLLM that wrote it, or choose another store"
        )
