"""`own`, a number, `ray` or `ray://…` -> workers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from archllm.errors import InvalidInput, WorkersError
from archllm.guard import marked_as_ours
from archllm.objectives.base import Objective, evaluate_all
from archllm.objectives.callable import CallableObjective
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.store.rescue import Rescue
from archllm.study.workers.base import Workers

TOGETHER = 3
"""How often an evaluation may end together with its search before it is begun in a process apart."""


class OwnProcess(Workers):
    """Nothing to start and nothing to send, but an evaluation that hangs or crashes takes the search with it.

    Nobody can tell afterwards whether that was the fault of the evaluation or of who killed the search. So one that was
    begun `TOGETHER` times is then begun in a process apart, where a crash is seen and fails that one trial.

    Args:
        objectives: the objectives.
    """

    size = 1

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self.objectives = tuple(objectives)
        self._watched = any(isinstance(objective, CallableObjective) for objective in objectives)
        self._waiting: list[tuple[int, Architecture, int]] = []

    def submit(self, number: int, arch: Architecture, attempt: int = 1) -> None:
        self._waiting.append((number, arch, attempt))

    def wait(self, seconds: float) -> list[tuple[int, Evaluation]]:
        if not self._waiting:
            return []
        number, arch, attempt = self._waiting.pop(0)
        if attempt > TOGETHER and (found := self._apart(arch)) is not None:
            return [(number, found)]
        with marked_as_ours() if self._watched else nullcontext():
            return [(number, evaluate_all(self.objectives, arch))]

    def close(self) -> None:
        self._waiting.clear()

    def _apart(self, arch: Architecture) -> Evaluation | None:
        """The evaluation by a process of its own; `None` if the objectives can't be sent to one."""
        from archllm.study.workers.local import LocalProcesses

        try:
            workers = LocalProcesses(self.objectives, 1)
        except WorkersError:
            return None
        with workers:
            workers.submit(0, arch)
            while not (done := workers.wait(60.0)):
                pass
            return done[0][1]


OWN = "own"
"""Evaluations run in the process that searches."""

FORMS = "own, a number of processes, ray, or ray://HOST:PORT"
"""What can be asked for."""


def start_workers(
    kind: str | int | None, objectives: Sequence[Objective], most: int | None = None, rescue: Rescue | None = None
) -> Workers:
    """Starts what evaluations run in.

    Args:
        kind: one of the `FORMS`; `None` for the own process, or one of its own if an objective runs code of a user's.
        objectives: the objectives.
        most: evaluations that are wanted; no more processes are started.
        rescue: where processes of this machine keep an evaluation if the search ends before it has stored it.

    Raises:
        InvalidInput: the kind can't be read.
        WorkersError: it can't be started.
        MissingExtra: Ray is not installed.
    """
    if kind is None:
        kind = "1" if any(objective.foreign for objective in objectives) else OWN
    kind = check_workers(kind)
    if kind == OWN:
        return OwnProcess(objectives)
    if kind.isdecimal():
        from archllm.study.workers.local import LocalProcesses

        return LocalProcesses(objectives, int(kind) if most is None else min(int(kind), max(most, 1)), rescue)
    from archllm.study.workers.ray_cluster import RayCluster

    return RayCluster(objectives, kind)


def check_workers(kind: str | int) -> str:
    """The kind as a text.

    Raises:
        InvalidInput: it can't be read.
    """
    text = str(kind)
    if text in (OWN, "ray") or (text.startswith("ray://") and len(text) > len("ray://")):
        return text
    if text.isascii() and text.isdecimal() and int(text) >= 1:
        return text
    raise InvalidInput(f"workers must be {FORMS}, got {text!r}")
