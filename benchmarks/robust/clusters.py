"""A Ray cluster of two nodes, one of which is lost in the middle of a search: its evaluations begin again elsewhere."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from typing import Any

from benchmarks.harness import ROOT
from benchmarks.robust.attack import Attack, Found, Round, Unavailable
from benchmarks.robust.searching import LOG, PACE, Ground, orderly

_BUDGET = 12
_MEMORY_OF_NODE = 80_000_000  # bytes
_QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
_LATEST = 300.0


def lost(round_: Round) -> Found:
    """Loses so many nodes, each in a search of its own."""
    if find_spec("ray") is None:
        raise Unavailable("Ray is not installed (extra `ray`)")
    from ray.cluster_utils import Cluster

    wrong = {"budget not complete": 0, "trials failed": 0, "numbers or places with gaps": 0, "did not end well": 0}
    notes: list[str] = []
    options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": _MEMORY_OF_NODE}
    before = dict(os.environ)  # nodes and their processes get what stands there when they are started
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(round_.folder)])
    os.environ |= {PACE: "25", LOG: str(round_.folder / "probe.log")}
    (round_.folder / "searches").mkdir()
    cluster = Cluster(
        initialize_head=True, head_node_args={**options, "include_dashboard": False, "_system_config": _QUICK}
    )
    try:
        for turn in range(round_.count):
            node = cluster.add_node(**options)
            ground = Ground(
                round_.folder,
                str(round_.folder / "searches" / f"{turn}.db"),
                workers="ray",
                environment={"RAY_ADDRESS": cluster.address},
                forks=False,
            )
            search = ground.search(_BUDGET)
            until = time.monotonic() + _LATEST
            while (not ground.begun() or sum(row.over for row in ground.rows()) < 3) and time.monotonic() < until:
                time.sleep(0.2)
            cluster.remove_node(node, allow_graceful=False)
            code, rows = search.wait(_LATEST), ground.rows()
            wrong["did not end well"] += int(code != 0)
            notes += [search.said()[-300:]] if code else []
            search.kill()
            wrong["budget not complete"] += int(sum(row.over for row in rows) != _BUDGET)
            wrong["trials failed"] += sum(row.state == "failed" for row in rows)
            wrong["numbers or places with gaps"] += int(not orderly(rows))
            notes += [row.failure[:200] for row in rows if row.failure][:1]
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]
        os.environ.clear()
        os.environ |= before
    return Found(round_.count, wrong, notes=tuple(notes[:5]))


ATTACKS = {"ray-node": Attack("ray", "one of two nodes", lost, 5, 4, 1)}
