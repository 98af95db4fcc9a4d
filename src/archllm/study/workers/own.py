"""OwnProcess: evaluations one by one, in the process that searches."""

from __future__ import annotations

from collections.abc import Sequence

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
