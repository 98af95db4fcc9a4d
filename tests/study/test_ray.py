"""A Ray cluster of two nodes on this machine, one of which is lost in the middle of a search."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.searchers.searchers import Blind

from archllm.errors import WorkersError
from archllm.objectives import load_objective
from archllm.spaces import SearchSpace
from archllm.study.loop import LoopOptions, run_search
from archllm.study.store import MEMORY, Study, open_store
from archllm.study.workers import start_workers
from archllm.study.workers.ray_cluster import RayCluster
from archllm.training.progress import Event

ray = pytest.importorskip("ray", reason="Ray is not installed (extra `ray`)")

MEMORY_OF_NODE = 80_000_000
QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": MEMORY_OF_NODE, "_system_config": QUICK}
    root = Path(__file__).parents[2]
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(root / "src"), str(root)])  # of the nodes
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster
    finally:
        cluster.shutdown()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def searched(space: SearchSpace, workers: Any, budget: int, listener: Any = None) -> Any:
    objective = load_objective("python:archllm.testing.functions:crooked", space, time_limit=2.0)
    with open_store(MEMORY) as store:
        store.create(Study("s", space.name, (objective.spec,), ("maximise",), "blind", 0))
        options = LoopOptions(budget=budget, workers=workers, listener=listener)
        return run_search(Blind(space), [objective], store, "s", options)


def right(trial: Any) -> bool:
    told = {1: "no luck", 2: "no number", 3: "is nan", 4: "exit code 3", 5: "signal 9", 6: "no answer within 2 s"}
    if trial.key % 8 in told:
        return trial.values is None and told[trial.key % 8] in trial.evaluation.failure
    return trial.values == (float(trial.key),)


def test_a_node_that_is_lost_costs_no_trial(cluster, monkeypatch, nasbench201):
    node = cluster.add_node(num_cpus=1, object_store_memory=MEMORY_OF_NODE)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)

    def lose(event: Event) -> None:
        if event.step == 3:
            cluster.remove_node(node, allow_graceful=False)

    objective = load_objective("python:archllm.testing.functions:crooked", nasbench201, time_limit=2.0)
    with start_workers("ray", [objective]) as workers:
        assert workers.size == 2
        result = searched(nasbench201, workers, 10, lose)
    assert result.queries == 10 and all(right(trial) for trial in result.trials)
    assert not ray.is_initialized()


def test_a_cluster_elsewhere_is_reached_by_its_url(cluster, nasbench201):
    pytest.importorskip("grpc", reason="the client of Ray is not installed (extra `ray`)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--address", cluster.address, "--host", "127.0.0.1", "--port", str(port)]
    patient = os.environ | {"RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "45"}  # the machine may be busy
    nowhere: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([sys.executable, "-m", "ray.util.client.server", *words], env=patient, **nowhere)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        result = searched(nasbench201, f"ray://127.0.0.1:{port}", 4)
    finally:
        server.terminate()
        server.wait()
    assert result.queries == 4 and all(right(trial) for trial in result.trials)


@pytest.mark.parametrize("failures", [2, 3])
def test_a_cluster_whose_server_does_not_start_is_asked_three_times(monkeypatch, failures):
    calls: list[dict[str, Any]] = []

    def init(**options: Any) -> None:
        calls.append(options)
        if len(calls) <= failures:
            raise ConnectionAbortedError("Initialization failure from server:\nno server")

    stand_in = SimpleNamespace(
        is_initialized=lambda: False, init=init, put=tuple, remote=lambda **_: lambda function: function, shutdown=list
    )
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    if failures == 3:
        with pytest.raises(WorkersError, match="can't reach a Ray cluster at ray: Initialization failure"):
            RayCluster([])
    else:
        RayCluster([]).close()
    assert len(calls) == 3


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_told(monkeypatch, nasbench201, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    for kind in {"ray", address} - {"127.0.0.1:1"}:
        with pytest.raises(WorkersError, match=f"can't reach a Ray cluster at {address}: .*is it running"):
            start_workers(kind, [load_objective("params", nasbench201)])
