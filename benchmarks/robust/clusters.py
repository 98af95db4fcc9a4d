"""Searches on a Ray cluster: a node is lost in the middle, or the search itself is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT
from benchmarks.robust.attack import Attack, Found, Round, Unavailable
from benchmarks.robust.kills import killed
from benchmarks.robust.searching import LEFT_AFTER, LOG, PACE, Ground, orderly

_BUDGET = 12
_MEMORY_OF_NODE = 80_000_000  # bytes
_QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
_NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": _MEMORY_OF_NODE}
_LATEST = 300.0


@contextmanager
def cluster(round_: Round, pace: str, **head: Any) -> Iterator[Any]:
    """A cluster of this machine with one node, whose processes write down evaluations in the folder of the round.

    Raises:
        Unavailable: Ray is not installed.
    """
    if find_spec("ray") is None:
        raise Unavailable("Ray is not installed (extra `ray`)")
    from ray.cluster_utils import Cluster

    before = dict(os.environ)  # nodes and their processes get what stands there when they are started
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(round_.folder)])
    os.environ |= {PACE: pace, LOG: str(round_.folder / "probe.log")}
    options = {**_NODE, **head, "include_dashboard": False, "_system_config": _QUICK}
    found = Cluster(initialize_head=True, head_node_args=options)
    try:
        yield found
    finally:
        found.shutdown()  # type: ignore[no-untyped-call]
        os.environ.clear()
        os.environ |= before


def lost(round_: Round) -> Found:
    """Loses so many nodes, each in a search of its own."""
    wrong = {"budget not complete": 0, "trials failed": 0, "numbers or places with gaps": 0, "did not end well": 0}
    notes: list[str] = []
    (round_.folder / "searches").mkdir()
    with cluster(round_, "25") as nodes:
        for turn in range(round_.count):
            node = nodes.add_node(**_NODE)
            ground = Ground(
                round_.folder,
                str(round_.folder / "searches" / f"{turn}.db"),
                workers="ray",
                environment={"RAY_ADDRESS": nodes.address},
                forks=False,
            )
            search = ground.search(_BUDGET)
            until = time.monotonic() + _LATEST
            while (not ground.begun() or sum(row.over for row in ground.rows()) < 3) and time.monotonic() < until:
                time.sleep(0.2)
            nodes.remove_node(node, allow_graceful=False)
            code, rows = search.wait(_LATEST), ground.rows()
            wrong["did not end well"] += int(code != 0)
            notes += [search.said()[-300:]] if code else []
            search.kill()
            wrong["budget not complete"] += int(sum(row.over for row in rows) != _BUDGET)
            wrong["trials failed"] += sum(row.state == "failed" for row in rows)
            wrong["numbers or places with gaps"] += int(not orderly(rows))
            notes += [row.failure[:200] for row in rows if row.failure][:1]
    return Found(round_.count, wrong, notes=tuple(notes[:5]))


def killed_on_ray(round_: Round) -> Found:
    """Kills a search whose evaluations run on a cluster that stays."""
    with cluster(round_, "1", num_cpus=2) as nodes:
        environment = {"RAY_ADDRESS": nodes.address}
        return killed(round_, "ray", "sqlite", left=_evaluating, forks=False, environment=environment)


def _evaluating(folder: Path) -> int:
    """How many processes still evaluate for a search that is gone after 5 s; they are ended. Ray's own may stay."""
    until = time.monotonic() + LEFT_AFTER
    while (left := _serving(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(left)


def _serving(folder: Path) -> list[int]:
    """Processes that evaluate with an objective that writes down what it does in a folder."""
    if not Path("/proc/self/environ").exists():
        raise Unavailable("what is left is found by /proc, which this system has not")
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                ours = f"{LOG}={folder / 'probe.log'}".encode() in (process / "environ").read_bytes()
                if ours and b"archllm.study.workers.serving" in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
    return found


ATTACKS = {
    "ray-node": Attack("ray", "one of two nodes", lost, 5, 4, 1),
    "kill-ray-sqlite": Attack("kills", "SIGKILL, evaluates on Ray, SQLite", killed_on_ray, 25, 1, 2),
}
