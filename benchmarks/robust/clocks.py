"""Clocks that are set back, processes that are suspended, machines that are too small: nothing is lost or doubled."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable
from functools import partial, partialmethod

from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.searching import PACE, Ground, Search, evaluated_twice, left_behind, orderly

_BUDGET = 60
_HOUR = 3_600.0
_LATEST = 900.0  # seconds after which a search is told not to end

HUNGRY = '''\
"""An objective that asks for more memory than there is; the first architecture is spared."""
import os


def score(arch):
    if not os.path.exists("spared"):
        open("spared", "w").close()
        return 1.0
    return float(len(bytearray(8 << 30)))
'''


def beside_each_other(ground: Ground, *prepare: Callable[[], object] | None) -> list[Search]:
    """As many searches in one study, each prepared in its own way."""
    searches = [ground.search(_BUDGET, prepare=prepare[0])]
    while not ground.begun() and searches[0].poll() is None:
        time.sleep(0.02)
    return searches + [ground.search(_BUDGET, "--resume", prepare=each) for each in prepare[1:]]


def counted(ground: Ground, searches: list[Search]) -> dict[str, int]:
    """What of the study gave way."""
    ended = [search.wait(_LATEST) for search in searches]
    rows = ground.rows()
    return {
        "trials lost": _BUDGET - sum(row.over for row in rows),
        "evaluated twice": evaluated_twice(ground.logged()),
        "trials failed": sum(row.state == "failed" for row in rows),
        "numbers or places with gaps": int(not orderly(rows)),
        "searches that did not end well": sum(code != 0 for code in ended),
        "processes left after 5 s": left_behind(ground.folder),
    }


def set_back(round_: Round, by: float) -> Found:
    """Two searches in one study; the clock of one of them jumps while it evaluates, again and again."""

    def jump() -> None:
        real, calls = time.time, [0]

        def told() -> float:
            calls[0] += 1
            return real() + (by if calls[0] // 40 % 2 else 0.0)

        time.time = told

    ground = Ground(round_.folder, str(round_.folder / "store.db"), workers="1", environment={PACE: "10"})
    wrong = counted(ground, beside_each_other(ground, jump, None))
    return Found(round_.count, wrong)


def suspended(round_: Round, seconds: float, silence: float | None = None) -> Found:
    """Two searches in one study, of which one is stopped in the middle of an evaluation, and goes on later."""

    def hear_less() -> None:
        from archllm.study.loop import LoopOptions

        if silence is not None:
            patient = partialmethod(LoopOptions.__init__, silence=silence, beat=silence / 10)
            LoopOptions.__init__ = patient  # type: ignore[method-assign, assignment]

    ground = Ground(round_.folder, str(round_.folder / "store.db"), environment={PACE: "25"})
    searches = beside_each_other(ground, hear_less, hear_less)
    for turn in range(round_.count):
        logged = len(ground.logged())
        while len(ground.logged()) < logged + 5 and searches[turn % 2].poll() is None:
            time.sleep(0.02)
        searches[turn % 2].send(signal.SIGSTOP)
        time.sleep(seconds)
        searches[turn % 2].send(signal.SIGCONT)
    return Found(round_.count, counted(ground, searches), {"seconds suspended": seconds})


def too_small(round_: Round) -> Found:
    """A search whose objective asks for more memory than it may have."""
    limit = 4 << 30

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    ground = Ground(round_.folder, str(round_.folder / "store.db"), workers="1", module=HUNGRY)
    search = ground.search(3, prepare=shrink)
    code, rows = search.wait(_LATEST), ground.rows()
    reasons = [row.failure or "" for row in rows if row.state == "failed"]
    wrong = {
        "did not complete": int(code != 0 or sum(row.over for row in rows) != 3),
        "failed without the cause": 2 - sum("MemoryError" in reason for reason in reasons),
        "processes left after 5 s": left_behind(ground.folder),
    }
    return Found(round_.count, wrong, notes=tuple(sorted(set(reasons))[:1]))


def _attack(about: str, run: Callable[[Round], Found], count: int = 1, brief: int = 1) -> Attack:
    return Attack("machines", about, run, count, 1, brief)


ATTACKS = {
    "clock-set-back": _attack("the clock of a search goes back an hour, and forth again", partial(set_back, by=-_HOUR)),
    "clock-set-forth": _attack("the clock of a search goes forth an hour, and back again", partial(set_back, by=_HOUR)),
    "suspended-long": _attack("a search is suspended for 130 s", partial(suspended, seconds=130.0), brief=0),
    "suspended-often": _attack(
        "a search is suspended for 4 s, where silence counts from 1 s on",
        partial(suspended, seconds=4.0, silence=1.0),
        count=4,
    ),
    "memory-limit": _attack("an objective asks for twice the memory that there is", too_small),
}
