"""A user's own function as an objective.

# mine.py
def score(arch):
    network = arch.build(num_classes=10)
    ...
    return accuracy

archllm search --space nasbench201 --objective python:mine:score --budget 100
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, SupportsFloat, cast

from archllm.config import Positive, checked_value, unknown
from archllm.errors import EvaluationFailed, raised_at, shown
from archllm.guard import marked_as_ours
from archllm.objectives.base import Objective
from archllm.objectives.code import code_fingerprint
from archllm.objectives.evaluation import Direction, Evaluation
from archllm.objectives.identity import Identity
from archllm.plugins import PREFIX, resolve
from archllm.spaces import Architecture, SearchSpace

TIME_LIMIT = 3_600.0
"""Seconds that code of a user's may take for one architecture, unless told otherwise."""

_KEYS = ("value", "metrics", "test", "cost", "curves", "failure")
"""Keys of a dictionary that a function may return; they mean what the fields of `Evaluation` mean."""


class CallableObjective(Objective):
    """What a user's function returns for an `Architecture`: a number, an `Evaluation`, or a dictionary.

    A number can be anything that stands for one, an array or tensor of one number, too; a text or a truth value, in
    whatever form, does not. A dictionary has a `value`, and any of `metrics`, `test`, `cost`, `curves` and `failure`.
    Whatever the function raises, and a result that is no finite number, is a failed evaluation with that reason.

    Args:
        space: the space.
        function: `MODULE:NAME`, looked up as in `archllm.plugins.resolve`, or the function itself. A function in hand
            runs in the process that searches; for other processes to run it, they have to find it by its module and
            name, which a lambda has not.
        direction: which values are better.
        time_limit: seconds that one call may take, where it runs in a process of its own.
        name: what reports and stores call it instead of `python:MODULE:NAME`.

    Raises:
        InvalidInput: there is no such module or function, or its module can't be imported.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> few_edges = CallableObjective(space, lambda arch: arch.text.count("none"))
        >>> few_edges.evaluate(space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|")).value
        5.0
    """

    def __init__(
        self,
        space: SearchSpace,
        function: str | Callable[[Architecture], Any],
        direction: Direction = "maximise",
        time_limit: float = TIME_LIMIT,
        name: str | None = None,
    ) -> None:
        self.space, self.direction, self.time_limit = space, direction, check_limit(time_limit)
        self.name = function if isinstance(function, str) else _name(function)
        self.spec: str = name or f"{PREFIX}{self.name}"
        self.function = _imported(function) if isinstance(function, str) else function
        self.foreign = isinstance(function, str)  # a function in hand may be known in this process alone
        self._source = function

    def __reduce__(self) -> Any:
        kept = {"spec": self.spec, "foreign": self.foreign}
        return CallableObjective, (self.space, self._source, self.direction, self.time_limit), kept

    @cached_property
    def identity(self) -> Identity:
        """Its spec and its code, see `code_fingerprint`; what it reads while it runs is not known."""
        code, complete = code_fingerprint(self.function)
        return Identity.of(self.spec, data={"code": code}, only_here="" if complete else self._mark)

    def _evaluate(self, arch: Architecture) -> Evaluation:
        start = time.monotonic()
        try:
            found = self.function(arch)
        except EvaluationFailed as error:
            raise EvaluationFailed(str(error), error.cost or time.monotonic() - start) from error
        except (Exception, SystemExit) as error:
            reason = f"{self.name} raised {type(error).__name__}: {error}{raised_at(error)}"
            raise EvaluationFailed(reason, time.monotonic() - start) from error
        seconds = time.monotonic() - start
        if isinstance(found, Mapping):
            found = self._of_dictionary(found, seconds)
        if isinstance(found, Evaluation):
            return self._checked(found, seconds)
        return Evaluation(self._number(found, seconds), cost=seconds)

    def _of_dictionary(self, found: Mapping[str, Any], seconds: float) -> Evaluation:
        for key in found:
            if key not in _KEYS:
                raise EvaluationFailed(unknown("key", key, _KEYS, f"what {self.name} returned"), seconds)
        if "value" not in found and "failure" not in found:
            raise EvaluationFailed(f"{self.name} returned a dictionary without a value: {shown(found)}", seconds)
        rest = {key: value for key, value in found.items() if key != "value"}
        try:
            return Evaluation(found.get("value"), **rest)
        except (TypeError, ValueError, AttributeError) as error:
            raise EvaluationFailed(f"{self.name} returned {shown(found)}: {error}", seconds) from error

    def _checked(self, found: Evaluation, seconds: float) -> Evaluation:
        """With plain numbers alone; where no cost is given, it is the time that the function took."""

        def plain(figures: Mapping[str, float]) -> dict[str, float]:
            return {str(name): self._number(value, seconds) for name, value in figures.items()}

        return Evaluation(
            None if found.values is None else [self._number(value, seconds) for value in found.values],
            metrics=plain(found.metrics),
            test=plain(found.test),
            cost=self._number(found.cost, seconds) or seconds,
            curves={
                str(name): [self._number(value, seconds) for value in curve] for name, curve in found.curves.items()
            },
            failure=None if found.failure is None else str(found.failure),
        )

    def _number(self, found: object, seconds: float) -> float:
        try:
            one = found.item() if hasattr(found, "item") else found  # of an array that holds one
            if isinstance(one, str | bytes | bytearray | bool):
                raise TypeError
            return float(cast(SupportsFloat, one))
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise EvaluationFailed(f"{self.name} returned {shown(found)}, which is no number", seconds) from error


def _imported(name: str) -> Callable[[Architecture], Any]:
    """The function that `MODULE:NAME` stands for; what it imports when it is called is looked for here, too."""
    with marked_as_ours():  # a module may start processes while it is imported
        found = resolve(name)
    here = str(Path.cwd())
    if here not in sys.path:  # as with `python -m`
        sys.path.append(here)
    return cast(Callable[[Architecture], Any], found)


def check_limit(seconds: float) -> float:
    """The time limit itself.

    Raises:
        InvalidInput: it is not a positive number.
    """
    return cast(float, checked_value(seconds, Annotated[float, Positive], "the time limit in seconds"))


def _name(function: Callable[..., Any]) -> str:
    kind = function if hasattr(function, "__qualname__") else type(function)
    return f"{kind.__module__}:{kind.__qualname__}"
