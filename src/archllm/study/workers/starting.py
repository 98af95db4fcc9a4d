"""`own`, a number, `ray` or `ray://…` -> workers."""

from __future__ import annotations

from collections.abc import Sequence

from archllm.errors import InvalidInput
from archllm.objectives.base import Objective, evaluate_all
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.workers.base import Workers


class OwnProcess(Workers):
    """Nothing to start and nothing to send, but an evaluation that hangs or crashes takes the search with it.

    Args:
        objectives: the objectives.
    """

    size = 1

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self.objectives = tuple(objectives)
        self._waiting: list[tuple[int, Architecture]] = []

    def submit(self, number: int, arch: Architecture) -> None:
        self._waiting.append((number, arch))

    def wait(self, seconds: float) -> list[tuple[int, Evaluation]]:
        if not self._waiting:
            return []
        number, arch = self._waiting.pop(0)
        return [(number, evaluate_all(self.objectives, arch))]

    def close(self) -> None:
        self._waiting.clear()


OWN = "own"
"""Evaluations run in the process that searches."""

FORMS = "own, a number of processes, ray, or ray://HOST:PORT"
"""What can be asked for."""


def start_workers(kind: str | int | None, objectives: Sequence[Objective], most: int | None = None) -> Workers:
    """Starts what evaluations run in.

    Args:
        kind: one of the `FORMS`; `None` for the own process, or one of its own if an objective runs code of a user's.
        objectives: the objectives.
        most: evaluations that are wanted; no more processes are started.

    Raises:
        InvalidInput: the kind can't be read.
        WorkersError: it can't be started.
        MissingExtra: Ray is not installed.
    """
    if kind is None:
        kind = "1" if any(objective.foreign for objective in objectives) else OWN
    kind = check_workers(kind)
    if kind == OWN:
        from archllm.study.workers.starting import OwnProcess

        return OwnProcess(objectives)
    if kind.isdecimal():
        from archllm.study.workers.local import LocalProcesses

        return LocalProcesses(objectives, int(kind) if most is None else min(int(kind), max(most, 1)))
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
