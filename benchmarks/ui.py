"""The local page under load: how soon it opens, many clients at once, a store of many trials.

`python -m benchmarks.ui` starts `archllm ui` as a user does, in a process of its own, and asks it over HTTP; the server
has one process, and clients are threads of another one beside it on the same machine. Writes `docs/results/ui.json` and
`.md`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np

from archllm.objectives.evaluation import Evaluation
from archllm.spaces import load_space
from archllm.study.store import Study, open_store
from benchmarks.harness import ROOT
from benchmarks.harness.jobs import Benchmark, Job, Work
from benchmarks.harness.results import Result

SPACE = "nasbench101"
"""Its 423,624 cells are enough for any number of trials, and their texts are long."""

STORE = "many.db"
"""The store of many trials."""

STUDIES: dict[str, tuple[str, ...]] = {"one": ("command:./score",), "two": ("command:./score", "params")}
"""Studies of many trials, and their objectives."""

STARTS = 5
"""Times that the page is started."""

REPEATS = 3
"""Times that each question about many trials is asked; the first answer may take reading the store."""

GLANCE = 5.0
"""Seconds between two looks at the memory of the server."""

SETTLED = 4.0
"""Seconds without work after which a server has nothing left to do."""

PAGES = (
    "/runs",
    "/run?at=runs/good",
    "/run/draws?at=runs/good&n=50&seed={seed}",
    "/cell/made?of=nasbench201&text={cell}",
    "/cell/about?of=nasbench201&text={cell}",
    "/searches",
    "/search?at=few.db&study=one",
    "/search/now?at=few.db&study=one",
    "/search/trials?at=few.db&study=one&sort=0&page={page}",
    "/search/csv?at=few.db&study=one",
    "/fits",
    "/static/page.js",
    "/static/ui.css",
)
"""What clients ask for, each from a place of its own on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clients", type=int, default=50, help="clients at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which they ask")
    parser.add_argument("--trials", type=int, default=100_000, help="trials of a study")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """The start, the clients, and a study of many trials for one objective and for two."""
    return {
        "start": {"part": "start", "times": STARTS},
        **{f"trials-{name}": {"part": "trials", "study": name, "trials": arguments.trials} for name in STUDIES},
        "clients": {"part": "clients", "clients": arguments.clients, "seconds": arguments.seconds},
    }


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Makes the folder that the page is about."""
    folder: Path = arguments.folder.resolve() / f"page-{job['part']}-{job.get('study', '')}".rstrip("-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if job["part"] == "trials":
        fill(folder / STORE, job["study"], job["trials"])
        return lambda: many_trials(folder, job)
    shutil.copytree(Path(str(files("archllm.classifier").joinpath("generators", "nasbench201"))), folder / "runs/good")
    if job["part"] == "start":
        return lambda: starts(folder, job["times"])
    fill(folder / "few.db", "one", 1_000)
    return lambda: clients(folder, job["clients"], job["seconds"])


def fill(file: Path, study: str, count: int) -> None:
    """A store with one study of so many trials that are over, one of a hundred failed, and of some that wait."""
    space, rng = load_space(SPACE), np.random.default_rng(0)
    members = space.enumerate()
    chosen = rng.permutation(len(members))[: count + REPEATS]
    objectives = STUDIES[study]
    archs = space.architectures(members[chosen])
    with open_store(file) as store:
        store.create(Study(study, SPACE, objectives, ("maximise", "minimise")[: len(objectives)], "evolution", 0))
        for start in range(0, len(archs), 5_000):
            store.add(study, archs[start : start + 5_000], len(archs))
    scores = 90 + 4 * rng.standard_normal(count)
    sizes = rng.integers(300_000, 30_000_000, count)
    rows = []
    for number, (score, size) in enumerate(zip(scores.tolist(), sizes.tolist(), strict=True)):
        failed = number % 100 == 99
        values = None if failed else json.dumps([score, size][: len(objectives)])
        metrics = None if failed else json.dumps({"params": size, "epochs": 12})
        failure = f"out of memory, try {number % 7}" if failed else None
        when = 1_700_000_000.0 + number
        rows.append(("failed" if failed else "complete", values, metrics, failure, number + 1, when, when + 9, number))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(
            'UPDATE archllm_trials SET state = ?, "values" = ?, metrics = ?, failure = ?, place = ?, cost = 9.0, '
            "attempts = 1, worker = 'benchmark', started = ?, finished = ? WHERE study = 1 AND number = ?",
            rows,
        )


@dataclass
class Server:
    """A page in a process of its own."""

    process: subprocess.Popen[str]
    """The process."""

    url: str
    """Its address, with the token."""

    opened: float
    """Seconds from the start of the process to the first page."""

    cookie: str = ""
    """What its browser would send."""

    def ask(self, path: str) -> tuple[int, bytes]:
        """Status and content of an answer."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=120)
        try:
            connection.request("GET", path, headers={"Cookie": self.cookie, "X-Part": "1"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def settle(self) -> None:
        """Waits until the libraries are there that it loads after its first page."""
        before = -1.0
        while self.cpu - before > 0.05:
            before = self.cpu
            time.sleep(SETTLED)

    @property
    def cpu(self) -> float:
        """Seconds of processor time that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> int:
        """Bytes of memory that it has now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Starts the page of a folder, and opens it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    words = [sys.executable, "-m", "archllm", "ui", str(folder), "--port", "0", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    try:
        assert process.stdout is not None
        text = ""
        while "}" not in text:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("archllm ui ended before it could be opened")
            text += line
        url = json.loads(text)["url"]
        server = Server(process, url, 0.0)
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        connection.request("GET", f"/?{urlsplit(url).query}")
        server.cookie = str(connection.getresponse().headers["set-cookie"]).partition(";")[0]
        connection.close()
        status, _ = server.ask("/runs")
        assert status == 200
        server.opened = time.perf_counter() - start
        yield server
    finally:
        process.terminate()
        process.wait(60)


def starts(folder: Path, times: int) -> Result:
    """Seconds from the command to the first page, and from a browser's question to its answer then."""
    opened, spent, answered = [], [], []
    for _ in range(times):
        with serving(folder) as server:
            opened.append(server.opened)
            spent.append(server.cpu)
            answered.append(timed(server, "/runs")[0])
    return {"opened": opened, "server_cpu": spent, "answered": answered}


def many_trials(folder: Path, job: Job) -> Result:
    """Seconds of everything that a reader does on the page of a study with many trials."""
    name = job["study"]
    about = urlencode({"at": STORE, "study": name})
    charts, table = f"/search/now?{about}", f"/search/trials?{about}"
    questions = {
        "the page": f"/search?{about}",
        "charts, best, failures": charts,
        "the table": f"{table}&sort=number",
        "sorted by value": f"{table}&sort=0&down=1",
        "sorted by text": f"{table}&sort=text",
        "its last page": f"{table}&sort=0&page=1000000",
        "filtered by words": f"{table}&sort=0&words=memory+try+3",
        "failed trials alone": f"{table}&sort=number&show=failed",
        "the list of searches": "/searches",
    }
    with serving(folder) as server:
        server.settle()
        memory = [server.memory]
        found = {title: [timed(server, path) for _ in range(REPEATS)] for title, path in questions.items()}
        found["all as CSV"] = [timed(server, f"/search/csv?{about}")]
        updates = []
        with open_store(folder / STORE) as store:
            for number in range(job["trials"], job["trials"] + REPEATS):
                store.claim(name, "benchmark")
                store.finish(name, number, Evaluation((99.0, 1.0)[: len(STUDIES[name])]))
                updates.append(timed(server, charts))
        memory.append(server.memory)
    return {"answers": found | {"charts with a new trial": updates}, "memory": memory}


def timed(server: Server, path: str) -> tuple[float, float]:
    """Seconds until an answer is there, and of the processor of the server meanwhile."""
    start, cpu = time.perf_counter(), server.cpu
    status, content = server.ask(path)
    if status != 200:
        raise SystemExit(f"{path}: {status} {content[:200]!r}")
    return time.perf_counter() - start, server.cpu - cpu


@dataclass
class Heard:
    """What one client got."""

    seconds: list[float] = field(default_factory=list)
    """Time of each answer."""

    wrong: list[str] = field(default_factory=list)
    """What went wrong."""

    events: int = 0
    """Messages of its stream."""


def clients(folder: Path, count: int, seconds: float) -> Result:
    """Many clients at once: half of them ask as fast as they are answered, half watch a search and ask now and then."""
    with serving(folder) as server:
        for path in PAGES:  # libraries are loaded, the generator is in memory
            server.ask(_address(path, 0, 0))
        heard = [Heard() for _ in range(count)]
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_client, args=(server, place, end, each)) for place, each in enumerate(heard)
        ]
        memory, cpu = [server.memory], server.cpu
        for thread in threads:
            thread.start()
        while time.monotonic() < end:
            time.sleep(min(GLANCE, max(0.0, end - time.monotonic())))
            memory.append(server.memory)
        for thread in threads:
            thread.join()
        memory.append(server.memory)
        spent = server.cpu - cpu
    times = np.array([each for client in heard for each in client.seconds])
    return {
        "answers": len(times),
        "errors": [each for client in heard for each in client.wrong][:20],
        "wrong": sum(len(client.wrong) for client in heard),
        "events": sum(client.events for client in heard),
        "quantiles": np.quantile(times, [0.5, 0.95, 1.0]).tolist(),
        "memory": memory,
        "server_cpu": spent,
    }


def _client(server: Server, place: int, end: float, heard: Heard) -> None:
    watches = place % 2 == 1
    stream = _Stream(server, end, heard) if watches else None
    turn = place
    while time.monotonic() < end:
        path = _address(PAGES[turn % len(PAGES)], place, turn)
        start = time.perf_counter()
        try:
            status, content = server.ask(path)
        except OSError as error:
            heard.wrong.append(f"{path}: {error!r}")
            continue
        heard.seconds.append(time.perf_counter() - start)
        if status != 200:
            heard.wrong.append(f"{path}: {status} {content[:100]!r}")
        turn += 1
        if watches:
            time.sleep(1.0)
    if stream is not None:
        stream.join()


class _Stream(threading.Thread):
    """Listens to a search."""

    def __init__(self, server: Server, end: float, heard: Heard) -> None:
        super().__init__()
        self.server, self.end, self.heard = server, end, heard
        self.start()

    def run(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=60)
        try:
            connection.request("GET", "/search/events?at=few.db&study=one", headers={"Cookie": self.server.cookie})
            answer = connection.getresponse()
            while time.monotonic() < self.end:
                self.heard.events += answer.readline().startswith(b"data: ")
        except OSError as error:
            self.heard.wrong.append(f"its stream: {error!r}")
        finally:
            connection.close()


def _address(path: str, place: int, turn: int) -> str:
    return path.format(seed=turn, cell=(97 * place + turn) % 15_625, page=1 + turn % 20)


BENCHMARK = Benchmark("ui", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
