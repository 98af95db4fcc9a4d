"""Several processes that search in one study: each architecture is evaluated by one of them, once."""

from __future__ import annotations

import random
import time
from functools import partial

from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.searching import PACE, Ground, evaluated_twice, left_behind, orderly, store_at

_LATEST = 1_800.0  # seconds after which a crowd is told not to end


def crowded(round_: Round, processes: int, store: str, kills: bool = False) -> Found:
    """Lets so many searches with one seed share a study, so that all want the same architectures."""
    chance = random.Random(round_.seed)
    with store_at(store, round_.folder) as url:
        ground = Ground(round_.folder, url, environment={PACE: "0.1"})
        first = ground.search(round_.count)
        while not ground.begun() and first.poll() is None:
            time.sleep(0.02)
        searches = [first] + [ground.resumed(round_.count) for _ in range(processes - 1)]
        start, killed = time.monotonic(), 0
        while any(search.poll() is None for search in searches) and time.monotonic() < start + _LATEST:
            time.sleep(0.05)
            if kills and chance.random() < 0.02:
                victim = chance.randrange(processes)
                if searches[victim].poll() is None:
                    searches[victim].kill()
                    searches[victim] = ground.resumed(round_.count)
                    killed += 1
        rows = ground.rows()
        said = [search.said() for search in searches]
        wrong = {
            "trials lost": round_.count - sum(row.over for row in rows),
            "evaluated twice": 0 if kills else evaluated_twice(ground.logged()),
            "architectures twice": len(rows) - len({row.key for row in rows}),
            "numbers or places with gaps": int(not orderly(rows)),
            "trials failed": sum(row.state == "failed" for row in rows),
            "searches that did not end well": sum(search.wait(5.0) != 0 for search in searches),
            "errors of locks": sum("lock" in words for words in said),
            "processes left after 5 s": left_behind(ground.folder),
        }
    figures: dict[str, float] = {"seconds": time.monotonic() - start}
    if kills:
        figures |= {"processes killed": killed, "attempts at a trial": max(row.attempts for row in rows)}
    return Found(len(rows), wrong, figures, tuple(words[-300:] for words in said if "archllm:" in words)[:3])


def _attack(processes: int, store: str, rounds: int, kills: bool = False) -> Attack:
    about = f"{processes} processes, {'SQLite' if store == 'sqlite' else 'PostgreSQL'}"
    about += ", one of them killed now and then" if kills else ""
    run = partial(crowded, processes=processes, store=store, kills=kills)
    return Attack("processes", about, run, 420, rounds, 60 if processes < 8 else 0)


ATTACKS = {
    **{f"crowd-{n}-{store}": _attack(n, store, 4) for n in (2, 4, 8) for store in ("sqlite", "postgresql")},
    "crowd-killed-4-sqlite": _attack(4, "sqlite", 2, kills=True),
    "crowd-killed-4-postgresql": _attack(4, "postgresql", 2, kills=True),
}
