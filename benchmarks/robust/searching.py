"""What attacks on searches share: starting them, looking into their stores from outside, finding what they left."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from benchmarks.robust.attack import Unavailable
from benchmarks.robust.servers import postgres_server

STUDY = "attacked"
LOG = "ARCHLLM_ATTACK_LOG"
PACE = "ARCHLLM_ATTACK_PACE"
"""Environment variable: what the objective's times are multiplied by; an evaluation takes up to 40 ms."""

LEFT_AFTER = 5.0
"""Seconds after which nothing of a search that is gone may run."""

PROBE = f'''\
"""An objective that writes down when it begins and ends, independently of any store."""
import hashlib
import os
import time


def score(arch):
    note("begin", arch)
    number = int(hashlib.sha256(arch.text.encode()).hexdigest()[:8], 16)
    time.sleep(number % 40 / 1000 * float(os.environ.get("{PACE}", "1")))
    note("end", arch)
    return number / 2**32


def note(what, arch):
    file = os.open(os.environ["{LOG}"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{{what}} {{arch.text}}\\n".encode())
    os.close(file)
'''


class Row(NamedTuple):
    """A trial as its store has it, read without ArchLLM."""

    number: int
    text: str
    key: int
    state: str
    values: str | None
    place: int | None
    attempts: int
    failure: str | None

    @property
    def over(self) -> bool:
        return self.state in ("complete", "failed")


@dataclass
class Search:
    """A search that runs in a process of its own, forked from this one, which has imported everything already."""

    pid: int
    errors: Path
    """Where its standard error goes."""

    code: int | None = None
    """Its exit code, or the negative number of the signal that ended it."""

    def poll(self) -> int | None:
        if self.code is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if done else None
        return self.code

    def wait(self, seconds: float = 600.0) -> int | None:
        """Its exit code; `None` if it does not end in time."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return self.code

    def send(self, number: int) -> None:
        """Sends a signal; Ctrl-C goes to all processes of its group, as from a terminal."""
        if self.poll() is None:
            (os.killpg if number == signal.SIGINT else os.kill)(self.pid, number)

    def kill(self) -> None:
        """Kills it, if it has not ended."""
        self.send(signal.SIGKILL)
        self.wait()

    def said(self) -> str:
        """What it wrote to standard error."""
        return self.errors.read_text(encoding="utf-8", errors="replace")


@dataclass
class Ground:
    """A folder with a store and an objective to attack."""

    folder: Path
    url: str
    objective: str = "python:probe:score"
    workers: str = "own"
    space: str = "nasbench201"
    method: str = "random"
    environment: dict[str, str] = field(default_factory=dict)
    forks: bool = True
    """Whether searches are copies of this process; where a library runs threads in it, they can't be."""
    module: str = PROBE
    """Source of the module `probe`, with the objective."""

    def __post_init__(self) -> None:
        (self.folder / "probe.py").write_text(self.module, encoding="utf-8")

    @property
    def log(self) -> Path:
        return self.folder / "probe.log"

    def search(
        self,
        budget: int,
        *more: str,
        store: str | None = None,
        log: Path | None = None,
        errors: str | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> Search:
        """Begins a search.

        Args:
            budget: of the search.
            more: further words of its command line.
            store: another store than that of the ground.
            log: another log of the objective.
            errors: where its standard error goes, instead of a file of its own.
            prepare: called in the process of the search before it begins, if that is a copy of this one.
        """
        words = ["search", "--space", self.space, "--objective", self.objective, "--method", self.method, "--seed", "0"]
        words += ["--workers", self.workers, "--study", STUDY, "--store", store or self.url, "--budget", str(budget)]
        own = {LOG: str(log or self.log), "HOME": str(self.folder), **self.environment}
        told = self.folder / f"errors-{token_hex(8)}" if errors is None else Path(errors)
        if self.forks:
            return Search(forked([*words, *more], self.folder, own, told, prepare), told)
        return Search(spawned([*words, *more], self.folder, own, told), told)

    def resumed(self, budget: int) -> Search:
        """Goes on with the search, or begins it if it never came to that."""
        return self.search(budget, *(["--resume"] if self.begun() else []))

    def begun(self) -> bool:
        """Whether the study is in the store."""
        with suppress(sqlite3.OperationalError):
            return bool(self._select("SELECT count(*) FROM archllm_studies")[0][0])
        return False

    def rows(self, store: str | None = None) -> list[Row]:
        """All trials, by number."""
        columns = 'number, text, key, state, "values", place, attempts, failure'
        return [
            Row._make([*each[:4], None if each[4] is None else str(each[4]), *each[5:]])
            for each in self._select(f"SELECT {columns} FROM archllm_trials ORDER BY number", store)
        ]

    def sound(self) -> bool:
        """Whether the file of the store is one that SQLite finds no fault with."""
        return "://" in self.url or self._select("PRAGMA integrity_check") == [("ok",)]

    def logged(self) -> list[tuple[str, str]]:
        """What the objective wrote down: pairs of `begin` or `end` and an architecture."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [(what, text) for what, _, text in (line.partition(" ") for line in lines)]

    def _select(self, statement: str, store: str | None = None) -> list[Any]:
        url = store or self.url
        if "://" in url:
            import psycopg

            with psycopg.connect(url.replace("+psycopg", "")) as connection:
                try:
                    return connection.execute(statement).fetchall()
                except psycopg.errors.UndefinedTable as error:
                    raise sqlite3.OperationalError(str(error)) from error
        copy = self.folder / "copy"  # so that nothing here locks or tidies the store
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for ending in ("", "-wal", "-shm"):
            if Path(url + ending).exists():
                shutil.copy(url + ending, copy / f"store{ending}")
        with closing(sqlite3.connect(copy / "store")) as database:
            return database.execute(statement).fetchall()


def orderly(rows: Sequence[Row]) -> bool:
    """Whether numbers and places have no gaps."""
    places = sorted(row.place for row in rows if row.place is not None)
    return [row.number for row in rows] == list(range(len(rows))) and places == list(range(1, len(places) + 1))


def evaluated_twice(log: Sequence[tuple[str, str]]) -> int:
    """How many evaluations of a log ended that had ended before."""
    ended = [text for what, text in log if what == "end"]
    return len(ended) - len(set(ended))


@contextmanager
def store_at(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty store: `sqlite`, or `postgresql` on a server of its own.

    Raises:
        Unavailable: there is no such server.
    """
    if kind == "sqlite":
        yield str(folder / "store.db")
        return
    with postgres_server() as server:
        yield f"{server}postgres"


def forked(
    words: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    errors: Path,
    prepare: Callable[[], object] | None = None,
) -> int:
    """Begins `archllm` in a copy of this process, which spares it the seconds of importing; the process's number."""
    import archllm.cli
    import archllm.workflows.search

    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
        os.setsid()
        os.chdir(folder)
        os.environ.update(environment)
        sys.path[:] = [str(folder), *sys.path]
        nowhere = os.open(os.devnull, os.O_RDWR)
        told = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for descriptor, place in ((0, nowhere), (1, nowhere), (2, told)):
            os.dup2(place, descriptor)
        if prepare is not None:
            prepare()
        code = archllm.cli.main(list(words))
    finally:
        os._exit(code)


def spawned(words: Sequence[str], folder: Path, environment: dict[str, str], errors: Path) -> int:
    """Begins `archllm` in a new process; its number."""
    code = f"import os, sys; os.chdir({str(folder)!r}); from archllm.__main__ import program; program()"
    opened = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
    ]
    everything = os.environ | environment
    options: dict[str, Any] = {"file_actions": opened, "setsid": True, "setsigdef": [signal.SIGINT, signal.SIGTERM]}
    return os.posix_spawn(sys.executable, [sys.executable, "-c", code, *words], everything, **options)


def running_in(folder: Path) -> list[int]:
    """Processes that still run in a folder: those of a search and all that they started, unless they went elsewhere."""
    if not Path("/proc/self/cwd").exists():
        raise Unavailable("what is left is found by /proc, which this system has not")
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                if (process / "cwd").readlink() == folder.resolve():
                    state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                    found += [int(process.name)] if state not in "ZX" else []
    return found


def left_behind(folder: Path, seconds: float = LEFT_AFTER) -> int:
    """How many processes of searches that are gone still run after so many seconds; they are ended."""
    until = time.monotonic() + seconds
    while (left := running_in(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(left)
