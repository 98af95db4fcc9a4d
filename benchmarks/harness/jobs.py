"""Jobs of a benchmark: each in a process of its own, on one thread, unless its result is there already."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archllm.files import write_text
from benchmarks.harness import RESULTS, ROOT
from benchmarks.harness import results as files
from benchmarks.harness.provenance import provenance
from benchmarks.harness.results import Result

Job = dict[str, Any]
"""What tells a job from all others: values that JSON can hold."""

Work = Callable[[], Result]
"""The long part of a job, with all its inputs at hand."""

_OWN = {"--workers", "--folder", "--only", "--job"}  # arguments that change nothing about a result


@dataclass(frozen=True)
class Benchmark:
    """A set of jobs whose results make one page."""

    name: str
    """Name of its module and of its files of results."""

    about: str
    """What `--help` says."""

    jobs: Callable[[argparse.Namespace], dict[str, Job]]
    """All jobs by name, the telling ones first."""

    prepare: Callable[[Job, argparse.Namespace], Work]
    """Builds the inputs of a job, which takes seconds, and returns its work, which takes long."""

    arguments: Callable[[argparse.ArgumentParser], None] = field(default=lambda parser: None)
    """Adds arguments of its own."""

    before: Callable[[argparse.Namespace], dict[str, Job]] = field(default=lambda arguments: {})
    """Jobs whose files in the folder other jobs need."""

    after: Callable[[argparse.Namespace], dict[str, Job]] = field(default=lambda arguments: {})
    """Jobs that compare what others wrote, as far as it is there: run last, one at a time."""

    module: str = ""
    """Name of its module, where that is another."""

    def parser(self) -> argparse.ArgumentParser:
        """The arguments of its command line."""
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.module or self.name}",
            description=self.about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.arguments(parser)
        parser.add_argument("--workers", type=int, default=1, help="jobs at a time, one thread each")
        parser.add_argument("--only", nargs="*", default=[""], metavar="PREFIX", help="only jobs whose name starts so")
        parser.add_argument("--jobs", action="store_true", help="run nothing; list the jobs, and which have a result")
        folder = ROOT / "runs" / f"benchmark-{self.name}"
        parser.add_argument("--folder", type=Path, default=folder, help="where jobs write")
        parser.add_argument("--job", help="run this one job and write its file")
        parser.add_argument("--page", action="store_true", help="run nothing; write the page from what is there")
        return parser

    def parse(self, words: Sequence[str] | None = None) -> argparse.Namespace:
        """The arguments of a command line."""
        return self.parser().parse_args(words)

    def main(self) -> None:
        """Runs one job, or all that have no result yet, and writes results and page."""
        os.environ.setdefault("ARCHLLM_DATA", str(ROOT.parent / "shared" / "data"))
        arguments = self.parse()
        before, jobs = self.before(arguments), self.jobs(arguments)
        if arguments.job:
            self.run(arguments.job, (before | jobs | self.after(arguments))[arguments.job], arguments)
            return
        chosen = {name: job for name, job in jobs.items() if name.startswith(tuple(arguments.only))}
        if arguments.jobs:
            for name, job in (before | chosen | self.after(arguments)).items():
                print("done" if read_job(arguments.folder, name, job) else "    ", name)
            return
        if not arguments.page:
            self._run_all(before, arguments, arguments.workers)
            self._run_all(chosen, arguments, arguments.workers)
            self._run_all(self.after(arguments), arguments, 1)
        jobs |= self.after(arguments)
        done = [read_job(arguments.folder, name, job) for name, job in jobs.items()]
        path = RESULTS / f"{self.name}.json"
        files.write(path, files.merged(files.read(path), [result for result in done if result is not None]))
        from benchmarks.pages import write_pages

        write_pages([self.name])

    def run(self, name: str, job: Job, arguments: argparse.Namespace) -> Result:
        """Runs one job in this process and writes its file."""
        import torch

        torch.set_num_threads(1)
        load, start, cpu = os.getloadavg()[0], time.time(), time.process_time()
        work = self.prepare(job, arguments)
        result = {"name": name, **job, **work()}
        result |= {"wall": time.time() - start, "cpu": time.process_time() - cpu, "peak_bytes": peak()}
        result |= {"load": max(load, os.getloadavg()[0]), "about": provenance(self._command())}
        path = arguments.folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({"job": job, "result": result}) + "\n")
        return result

    def _run_all(self, jobs: dict[str, Job], arguments: argparse.Namespace, workers: int) -> None:
        """Runs jobs in processes of their own, so many at a time."""
        folder: Path = arguments.folder
        folder.mkdir(parents=True, exist_ok=True)
        waiting = deque(name for name, job in jobs.items() if read_job(folder, name, job) is None)
        total = len(waiting)
        running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
        while waiting or running:
            while waiting and len(running) < workers:
                name = waiting.popleft()
                words = ["-m", f"benchmarks.{self.module or self.name}", *sys.argv[1:], "--job", name]
                with (folder / f"{name}.log").open("w") as log:
                    process = subprocess.Popen(
                        [sys.executable, *words], cwd=ROOT, stdout=log, stderr=log, env=environment
                    )
                running[name] = (process, time.time())
            for name, (process, start) in list(running.items()):
                if process.poll() is not None:
                    del running[name]
                    state = "done" if process.returncode == 0 else f"FAILED ({process.returncode}), see {name}.log"
                    left = f"{len(waiting) + len(running)} of {total} left"
                    now = time.strftime("%H:%M:%S")
                    print(f"{now} {name}: {state} in {time.time() - start:.0f} s, {left}", flush=True)
            time.sleep(0.5)

    def _command(self) -> str:
        """The command line of the whole benchmark, without what changes nothing about a result."""
        words: list[str] = []
        given = deque(sys.argv[1:])
        while given:
            word = given.popleft()
            if word.partition("=")[0] not in _OWN:
                words.append(Path(word).name if "/" in word else word)
            elif "=" not in word:
                while given and not given[0].startswith("--"):
                    given.popleft()
        return " ".join(["python", "-m", f"benchmarks.{self.module or self.name}", *words])


def read_job(folder: Path, name: str, job: Job) -> Result | None:
    """The result of a job; `None` if it was not run yet, or under other settings."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    result: Result = document["result"]
    return result if document["job"] == json.loads(json.dumps(job)) else None


def peak() -> int:
    """Most bytes of memory that this process had so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else 1024 * usage


def seeds(parser: argparse.ArgumentParser, default: Sequence[int], what: str) -> None:
    """Adds `--seeds`, a list."""
    parser.add_argument("--seeds", type=int, nargs="+", default=list(default), help=what)
