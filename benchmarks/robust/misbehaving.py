"""Objectives that hang, fork, leak, kill and babble: the search completes, says why, and leaves nothing behind."""

from __future__ import annotations

import os
import time
from functools import partial

from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.searching import Ground, left_behind

_LATEST = 300.0  # seconds after which a search is told not to end
_BUDGET = 3

FUNCTIONS = '''\
"""Objectives that misbehave; the first architecture that one of them meets is spared, so that there is a best."""
import os
import resource
import signal
import subprocess
import sys
import time

SPARED = os.path.join(os.path.dirname(__file__), "spared")


def spared():
    try:
        os.close(os.open(SPARED, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def hang(arch):
    while not spared():
        pass
    return 1.0


def hang_in_c(arch):
    return 1.0 if spared() else float(len(str(3 ** 30_000_000)))


def fork(arch):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    return 1.0


def leak(arch):
    if not spared():
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
        kept = []
        while True:
            kept.append(bytearray(64 << 20))
    return 1.0


def kill_parent(arch):
    if not spared():
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return 1.0


def kill_itself(arch):
    if not spared():
        os.kill(os.getpid(), signal.SIGSEGV)
    return 1.0


def print_much(arch):
    for _ in range(1024 if not spared() else 0):
        os.write(1, b"x" * (1 << 20))
    return 1.0


def garbage(arch):
    return 1.0 if spared() else {"value": object(), 3: "x" * 100_000}


def interrupt(arch):
    if not spared():
        raise KeyboardInterrupt
    return 1.0


def leave(arch):
    if not spared():
        sys.exit("gone")
    return 1.0
'''

PROGRAMS = {
    "hang": "sleep 600",
    "fork": "setsid sh -c 'sleep 600 & sleep 600' & echo 1",
    "kill-parent": "kill -9 $PPID; sleep 600",
    "print-much": "head -c 1073741824 /dev/zero; echo; echo 1",
    "garbage": "head -c 100000 /dev/urandom",
    "fill-error-stream": "head -c 100000000 /dev/zero >&2; echo 1",
}
"""Name -> what a shell does."""

SUCCEED = {"fork", "print_much", "print-much", "fill-error-stream"}
"""Those that give a score all the same."""


def misbehaved(round_: Round, objective: str, name: str, workers: str) -> Found:
    """One search with an objective that misbehaves."""
    started = time.monotonic()
    wrong = {"did not complete": 0, "failed without a reason": 0, "scored what has no score": 0}
    wrong |= {"score missing": 0, "processes left after 5 s": 0, "tracebacks": 0}
    notes: list[str] = []
    for turn in range(round_.count):
        folder = round_.folder / str(turn)
        folder.mkdir()
        ground = Ground(folder, str(folder / "store.db"), objective, workers, module=FUNCTIONS)
        errors = os.devnull if "print" in name else None
        search = ground.search(_BUDGET, "--time-limit", "2" if "hang" in name else "60", errors=errors)
        if search.wait(_LATEST) is None:
            wrong["did not complete"] += 1
            search.kill()
        wrong["processes left after 5 s"] += left_behind(folder)
        rows = ground.rows()
        wrong["did not complete"] += int(sum(row.over for row in rows) != _BUDGET)
        failed = [row for row in rows if row.state == "failed"]
        wrong["failed without a reason"] += sum(not row.failure for row in failed)
        most = 0 if name in SUCCEED else (_BUDGET if objective.startswith("command") else _BUDGET - 1)
        wrong["scored what has no score"] += max(most - len(failed), 0)
        wrong["score missing"] += max(len(failed) - most, 0)
        said = "" if errors else search.said()
        wrong["tracebacks"] += "Traceback" in said
        notes += sorted({f"{name}: {row.failure[:120]}" for row in failed if row.failure})[:1]
    return Found(round_.count, wrong, {"seconds": time.monotonic() - started}, tuple(notes))


def _attacks() -> dict[str, Attack]:
    found = {}
    names = [line[4:].partition("(")[0] for line in FUNCTIONS.splitlines() if line.startswith("def ")]
    for name in names[1:]:
        run = partial(misbehaved, objective=f"python:probe:{name}", name=name, workers="2")
        found[f"function-{name.replace('_', '-')}"] = Attack("objectives", f"function: {name}", run, 1, 1, 1)
    for name, code in PROGRAMS.items():
        objective = f'command:sh -c "{code}"'
        for workers in ("own", "2"):
            run = partial(misbehaved, objective=objective, name=name, workers=workers)
            where = "in the search's own process" if workers == "own" else "in two processes"
            brief = int(workers == "2" or name in ("hang", "fork", "kill-parent"))
            found[f"program-{name}-{workers}"] = Attack("objectives", f"program: {name}, {where}", run, 1, 1, brief)
    return found


ATTACKS = _attacks()
