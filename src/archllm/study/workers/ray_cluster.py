"""RayCluster: evaluations on the processors of a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from typing import Any

from archllm.errors import MissingExtra, WorkersError
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.workers.base import Workers
from archllm.study.workers.local import LocalProcesses

_RETRIES = 3
"""Times that an evaluation is begun again because its node was lost; that is not the architecture's fault."""

_KNOCK = 10.0  # seconds that a cluster has to answer

_CALLS = 3
"""Times that a cluster is asked for a connection. Behind `ray://` it starts a server for each client and gives that
half a minute, which a busy machine overruns; the next call finds the programs read already."""

_RUNNERS: dict[str, LocalProcesses] = {}
"""In a process of Ray's: where its evaluations run, by search. Ray calls functions again and again in one process."""


class RayCluster(Workers):
    """One evaluation on each processor that the cluster has, nodes that join or leave meanwhile included.

    Each runs in a process of its own on its node, so that one that hangs or crashes is treated as on a single machine.
    The evaluations of a node that is lost are begun again elsewhere. ArchLLM, and modules, programs and data of the
    objectives, must be there on every node.

    Args:
        objectives: the objectives.
        address: `ray` for the cluster of this machine (`RAY_ADDRESS`, or the one that was started last; one of this
            machine alone is started where there is none), or `ray://HOST:PORT` for a cluster elsewhere.

    Raises:
        MissingExtra: Ray is not installed.
        WorkersError: the cluster can't be reached, or an objective can't be sent there.
    """

    def __init__(self, objectives: Sequence[Objective], address: str = "ray") -> None:
        self._ray = _ray()
        self._own = not self._ray.is_initialized()
        self._under_way: dict[Any, int] = {}
        if self._own:
            _knock(address)
            self._connect(address)
        try:
            self._objectives = self._ray.put(tuple(objectives))
        except Exception as error:
            self.close()
            raise WorkersError(f"the objectives can't be sent to the cluster: {_first_line(error)}") from error
        self._search = self._objectives.hex() if hasattr(self._objectives, "hex") else str(id(self))
        self._remote = self._ray.remote(num_cpus=1, max_retries=_RETRIES)(_evaluate)

    def _connect(self, address: str) -> None:
        where = {} if address == "ray" else {"address": address}
        for call in range(1, _CALLS + 1):
            try:
                self._ray.init(**where, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
                return
            except ConnectionAbortedError as error:  # it is there, and its server for this client did not start
                if call == _CALLS:
                    raise WorkersError(f"can't reach a Ray cluster at {address}: {_first_line(error)}") from error
            except (ConnectionError, ValueError, RuntimeError, ImportError, TimeoutError) as error:
                raise WorkersError(f"can't reach a Ray cluster at {address}: {_first_line(error)}") from error

    @property
    def size(self) -> int:
        return max(int(self._ray.cluster_resources().get("CPU", 0)), 1)

    def submit(self, number: int, arch: Architecture, attempt: int = 1) -> None:
        reference = self._remote.remote(self._search, self._objectives, arch)
        self._under_way[reference] = number

    def wait(self, seconds: float) -> list[tuple[int, Evaluation]]:
        if not self._under_way:
            return []
        ready, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=seconds)
        return [(self._under_way.pop(reference), self._evaluation(reference)) for reference in ready]

    def done(self) -> list[tuple[int, Evaluation]]:
        found = []
        while self._under_way and (one := self.wait(0.0)):
            found += one
        return found

    def close(self) -> None:
        for reference in self._under_way:
            self._ray.cancel(reference, force=True)
        self._under_way.clear()
        if self._own:
            self._ray.shutdown()

    def _evaluation(self, reference: Any) -> Evaluation:
        errors = self._ray.exceptions
        try:
            evaluation: Evaluation = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise WorkersError(f"a node can't evaluate: {_first_line(error.cause or error)}") from error
        except errors.RayError as error:
            return Evaluation(None, failure=f"the process of Ray that evaluated it was lost: {_first_line(error)}")
        return evaluation


def _evaluate(search: str, objectives: tuple[Objective, ...], arch: Architecture) -> Evaluation:
    """Runs in a process of Ray's, on a node."""
    if search not in _RUNNERS:
        for other in list(_RUNNERS):
            _RUNNERS.pop(other).close()
        _RUNNERS[search] = LocalProcesses(objectives, 1)
    _RUNNERS[search].submit(0, arch)
    while not (done := _RUNNERS[search].wait(60.0)):
        pass
    return done[0][1]


def _knock(address: str) -> None:
    """Makes sure that somebody answers at an address that is named: Ray itself would try for many minutes."""
    named = os.environ.get("RAY_ADDRESS", "") if address == "ray" else address
    host, _, port = named.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK).close()
    except OSError as error:
        raise WorkersError(
            f"can't reach a Ray cluster at {named}: {error.strerror or error}; is it running?"
        ) from error


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("evaluating on a Ray cluster", "ray") from error
    return ray


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
