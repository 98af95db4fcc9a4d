"""A PostgreSQL server of its own, on loopback, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.robust.attack import Unavailable

STARTED_WITHIN = 60.0


def binaries() -> Path | None:
    """The folder of the newest server that is installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("postgres")
    folders += [Path(found).parent] if found else []
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def user() -> dict[str, Any]:
    """How to run the server, which refuses to run as root, as somebody else.

    Raises:
        Unavailable: there is nobody else.
    """
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Unavailable("the PostgreSQL server does not run as root, and there is no user postgres or nobody")


@contextmanager
def postgres_server() -> Iterator[str]:
    """Starts a server; gives the start of its URLs, to which the name of a database is to be added.

    Raises:
        Unavailable: none is installed here.
    """
    folder = binaries()
    if folder is None:
        raise Unavailable("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    if find_spec("psycopg") is None:
        raise Unavailable("psycopg is not installed (extra `search`)")
    who = user()
    home = Path(tempfile.mkdtemp(prefix="archllm-postgres-"))
    try:
        if who:
            os.chown(home, who["user"], who["group"])
        quiet = {"cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **who}
        initialise: list[str | Path] = [
            folder / "initdb",
            "-D",
            home / "data",
            "-U",
            "archllm",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
        ]
        subprocess.run([*initialise, "--locale=C"], check=True, **quiet)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(home), "port": port, "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = subprocess.Popen([folder / "postgres", "-D", home / "data", *options], **quiet)
        try:
            url = f"postgresql+psycopg://archllm@127.0.0.1:{port}/"
            _wait(server, url)
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def sql(url: str, statement: str) -> list[Any]:
    """Runs one statement, outside of any transaction."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    import psycopg

    until = time.monotonic() + STARTED_WITHIN
    while True:
        try:
            sql(url + "postgres", "SELECT 1")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
