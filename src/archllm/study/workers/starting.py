"""`own`, a number, `ray` or `ray://…` -> workers."""

from __future__ import annotations

from collections.abc import Sequence

from archllm.errors import InvalidInput
from archllm.objectives.base import Objective
from archllm.study.workers.base import Workers

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
        from archllm.study.workers.own import OwnProcess

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
