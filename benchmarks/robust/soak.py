"""A long search in two processes: memory stays flat, and the last trial takes about as long as the first."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from benchmarks.robust.attack import Attack, Found, Round, Unavailable
from benchmarks.robust.searching import Ground, left_behind, orderly

SPACE = 'kind = "choices"\n[slots]\n"c{i=1..6}" = [1, 2, 3, 4, 5, 6, 7]\n'
"""117,649 members."""

_SETTLED = 0.1  # share of the evaluations after which memory has to be flat
_GROWTH = 1.1  # times the memory then that is still called flat
_SLOWER = 2.0  # times the seconds of a trial that may be needed at the end


def soaked(round_: Round) -> Found:
    """Evaluates so many members of a table, and looks at both processes all the while."""
    if not Path("/proc/self/statm").exists():
        raise Unavailable("memory is measured by /proc, which this system has not")
    from archllm import load_space

    (round_.folder / "six.toml").write_text(SPACE, encoding="utf-8")
    space = load_space(round_.folder / "six.toml")
    chance = random.Random(round_.seed)
    lines = [f"{text},{chance.random():.6f}\n" for text in space.format(space.enumerate())]
    (round_.folder / "six.csv").write_text("arch,accuracy\n" + "".join(lines), encoding="utf-8")
    store = str(round_.folder / "store.db")
    ground = Ground(round_.folder, store, "table:six.csv/accuracy", space="six.toml")
    searches = [ground.search(round_.count)]
    while not ground.begun() and searches[0].poll() is None:
        time.sleep(0.1)
    searches.append(ground.search(round_.count, "--resume"))
    looks: list[tuple[int, float, float]] = []  # trials that are over, seconds, bytes of the larger process
    start = time.monotonic()
    while all(search.poll() is None for search in searches):
        memory = max(_resident(search.pid) for search in searches)
        looks.append((_over(store), time.monotonic() - start, memory))
        time.sleep(1.0)
    codes = [search.wait() for search in searches]
    rows = ground.rows()
    settled, early, late = _measured(looks, round_.count)
    evaluating = [look for look in looks if look[0] < round_.count] or looks  # then it reads all trials, to print them
    last, most = evaluating[-1][2], max(look[2] for look in looks)
    wrong = {
        "trials lost": round_.count - sum(row.over for row in rows),
        "architectures twice": len(rows) - len({row.key for row in rows}),
        "numbers or places with gaps": int(not orderly(rows)),
        "did not end well": sum(code != 0 for code in codes),
        "memory grew by more than a tenth": int(last > _GROWTH * settled),
        "trials took more than twice as long": int(late > _SLOWER * early),
        "processes left after 5 s": left_behind(ground.folder),
    }
    figures = {
        "MB after a tenth": settled / 1e6,
        "MB at the last evaluations": last / 1e6,
        "MB at most, once all trials are read to be printed": most / 1e6,
        "ms a trial early": 1e3 * early,
        "ms a trial late": 1e3 * late,
    }
    return Found(round_.count, wrong, figures)


def _measured(looks: list[tuple[int, float, float]], count: int) -> tuple[float, float, float]:
    """Bytes after a tenth of the trials, seconds of a trial in the second tenth, and in the last tenth."""

    def at(share: float) -> tuple[int, float, float]:
        return next((look for look in looks if look[0] >= share * count), looks[-1])

    def pace(low: float, high: float) -> float:
        one, other = at(low), at(high)
        return (other[1] - one[1]) / max(other[0] - one[0], 1)

    return at(_SETTLED)[2], pace(_SETTLED, 2 * _SETTLED), pace(1 - _SETTLED, 1.0)


def _over(store: str) -> int:
    """Trials that are over, read beside the searches."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT coalesce(max(place), 0) FROM archllm_trials").fetchone()[0])


def _resident(pid: int) -> float:
    """Bytes of memory of a process."""
    try:
        return float(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0.0


ATTACKS = {
    "soak": Attack("soak", "117,649 random scores, SQLite", soaked, 100_000, 1, 0),
    "soak-short": Attack("soak", "the same, a part", soaked, 10_000, 1, 600),
}
