"""`kill -9` of a search at random moments: what is stored stays, and the search goes on as if nothing had happened."""

from __future__ import annotations

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.searching import Ground, Row, Search, left_behind, orderly, store_at

_FURTHER = 40  # evaluations that finish a study after the last kill
_WRONG = (
    "outcomes lost",
    "outcomes changed",
    "evaluated again after it was stored",
    "trials failed",
    "not resumable",
    "processes left after 5 s",
    "damaged stores",
    "tracebacks",
)
_TRACEBACK = re.compile(r'Traceback.*File "[^<"]', re.DOTALL)
"""One through a file. Python's own start, frozen modules and the words after `-c`, is interrupted before anything of
ours could be asked."""

_PATIENCE = 120.0  # seconds that a search has to end; it hardly ever needs one
_MANY = 10_000  # a budget that no search reaches before it is killed


def killed(
    round_: Round,
    workers: str,
    store: str,
    number: int = signal.SIGKILL,
    *,
    twice: bool = False,
    left: Callable[[Path], int] = left_behind,
    **ground_options: Any,
) -> Found:
    """Kills one study's search again and again, goes on with it, and compares with a search that nobody killed.

    Args:
        round_: how often, and where.
        workers: where the search evaluates.
        store: `sqlite` or `postgresql`.
        number: the signal.
        twice: whether a second signal follows before the search has answered the first.
        left: ends what a search in a folder left behind, and counts it.
        ground_options: further fields of `Ground`.
    """
    chance = random.Random(round_.seed)
    wrong = dict.fromkeys(_WRONG, 0)
    notes: list[str] = []
    with store_at(store, round_.folder) as url:
        ground = Ground(round_.folder, url, workers=workers, **ground_options)
        before: list[Row] = []
        logged = 0
        for _ in range(round_.count):
            search = ground.resumed(_MANY)
            _wait_for_a_moment(ground, search, chance)
            if search.poll() is not None:
                wrong["not resumable"] += 1
                notes.append(search.said()[-300:])
            search.send(number)
            if twice:
                time.sleep(chance.choice([0.0, chance.uniform(0.0, 0.05), chance.uniform(0.0, 1.0)]))
                search.send(number)
            if search.wait(_PATIENCE) is None:
                wrong["does not end"] = wrong.get("does not end", 0) + 1
                search.kill()
            wrong["processes left after 5 s"] += left(ground.folder)
            said = search.said()
            if _TRACEBACK.search(said) or "internal error" in said:
                wrong["tracebacks"] += 1
                notes.append(said[-600:])
            if not ground.begun():
                continue
            wrong["damaged stores"] += not ground.sound()
            now = ground.rows()
            _compare(before, now, wrong)
            log = ground.logged()
            wrong["evaluated again after it was stored"] += _again(before, islice(log, logged, None))
            before, logged = now, len(log)
        over = sum(row.over for row in before)
        last = ground.resumed(max(over + _FURTHER, len(before)))
        if last.wait():
            wrong["not resumable"] += 1
            notes.append(last.said()[-300:])
        final = ground.rows()
        _compare(before, final, wrong)
        wrong["trials failed"] += sum(row.state == "failed" for row in final)
        notes += sorted({row.failure for row in final if row.failure})[:3]
        wrong["numbers or places with gaps"] = int(not orderly(final))
        wrong["architectures twice"] = len(final) - len({row.key for row in final})
        if workers in ("own", "1") and number == signal.SIGKILL:
            wrong["trials unlike uninterrupted"] = _unlike(ground, final)
    figures: dict[str, float] = {"trials": len(final), "most attempts": max(row.attempts for row in final)}
    return Found(round_.count, wrong, figures, tuple(notes[:5]))


def _wait_for_a_moment(ground: Ground, search: Search, chance: random.Random) -> None:
    """Waits for a moment to kill: one in five while it starts, else once it evaluates."""
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0.0, 1.5))
        return
    begun, until = len(ground.logged()), time.monotonic() + 120.0
    while len(ground.logged()) == begun and search.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(chance.uniform(0.0, 0.5))


def _compare(before: list[Row], now: list[Row], wrong: dict[str, int]) -> None:
    """Counts trials that were over and now are not there, or are different."""
    found = {row.number: row for row in now}
    for row in before:
        if row.over and row.number not in found:
            wrong["outcomes lost"] += 1
        elif row.over and found[row.number][:6] != row[:6]:
            wrong["outcomes changed"] += 1


def _again(before: list[Row], log: islice[tuple[str, str]]) -> int:
    """How many architectures were begun again although the store had their outcome."""
    done = {row.text for row in before if row.over}
    return sum(times for text, times in Counter(text for what, text in log if what == "begin").items() if text in done)


def _unlike(ground: Ground, final: list[Row]) -> int:
    """How many trials differ from those of a search that is not interrupted."""
    straight = str(ground.folder / "straight.db")
    ground.search(len(final), store=straight, log=ground.folder / "straight.log").wait()
    rows = ground.rows(straight)
    return sum(one[:5] != other[:5] for one, other in zip(rows, final, strict=False)) + abs(len(rows) - len(final))


def _attack(workers: str, store: str, rounds: int, count: int, number: int = signal.SIGKILL, brief: int = 3) -> Attack:
    where = {"own": "in its own process", "1": "in one process"}.get(workers, f"in {workers} processes")
    about = f"{signal.Signals(number).name}, evaluates {where}, {'SQLite' if store == 'sqlite' else 'PostgreSQL'}"
    run = partial(killed, workers=workers, store=store, number=number)
    return Attack("kills", about, run, count, rounds, brief)


def _twice(workers: str) -> Attack:
    """Ctrl-C twice, of searches that are processes of their own: copies of this one would end in code of its."""
    run = partial(killed, workers=workers, store="sqlite", number=signal.SIGINT, twice=True, forks=False)
    where = "in its own process" if workers == "own" else f"in {workers} processes"
    return Attack("kills", f"Ctrl-C twice, evaluates {where}, SQLite", run, 25, 1, 2)


ATTACKS = {
    "kill-own-sqlite": _attack("own", "sqlite", 12, 25, brief=5),
    "kill-1-sqlite": _attack("1", "sqlite", 4, 25),
    "kill-2-sqlite": _attack("2", "sqlite", 12, 25, brief=5),
    "kill-own-postgresql": _attack("own", "postgresql", 4, 25),
    "kill-2-postgresql": _attack("2", "postgresql", 4, 25),
    "terminate-2-sqlite": _attack("2", "sqlite", 4, 25, signal.SIGTERM),
    "interrupt-twice-own-sqlite": _twice("own"),
    "interrupt-twice-2-sqlite": _twice("2"),
}
