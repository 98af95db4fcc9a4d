"""What went wrong with a database, in words that tell what to do."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

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


def explained(where: str, error: SQLAlchemyError) -> str:
    """The message for a user; it names the store and never shows the statement or the data."""
    original = error.orig if isinstance(error, DBAPIError) else None
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
