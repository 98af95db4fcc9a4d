"""Workers: the contract of where evaluations run."""

from __future__ import annotations

from abc import ABC, abstractmethod

from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture


class Workers(ABC):
    """Evaluate architectures, several at a time where they can; each is handed back as soon as it is done.

    An evaluation that raises, crashes its process or hangs gives a failed evaluation with the reason.

    Example:
        >>> from archllm.objectives import load_objective
        >>> from archllm.spaces import load_space
        >>> from archllm.study.workers import start_workers
        >>> space = load_space("nasbench201")
        >>> workers = start_workers("own", [load_objective("params", space)])
        >>> workers.submit(0, space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"))
        >>> [number for number, evaluation in workers.wait(1.0)]
        [0]
        >>> workers.close()
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """Evaluations that can run at the same time, now; it may change."""

    @abstractmethod
    def submit(self, number: int, arch: Architecture, attempt: int = 1) -> None:
        """Begins an evaluation.

        Args:
            number: what it is called in `wait`; different from those under way.
            arch: the architecture.
            attempt: how often it was begun, this time included; more than once after its search was killed.

        Raises:
            WorkersError: evaluations can't be run.
        """

    @abstractmethod
    def wait(self, seconds: float) -> list[tuple[int, Evaluation]]:
        """Evaluations that are done; waits for the first one, but not much longer than so many seconds.

        Raises:
            WorkersError: evaluations can't be run.
            ArchLLMError: an objective can't work at all.
        """

    def done(self) -> list[tuple[int, Evaluation]]:
        """Those evaluations that are done already, without waiting and without beginning any."""
        return []

    def confirm(self, number: int) -> None:  # noqa: B027 - there may be nobody to tell
        """Tells that the evaluation is stored, so that nobody need keep it any longer."""

    @abstractmethod
    def close(self) -> None:
        """Stops everything, evaluations under way included."""

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
