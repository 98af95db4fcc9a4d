"""A user's own function as an objective.

# mine.py
def score(arch):
    network = arch.build(num_classes=10)
    ...
    return accuracy

archllm search --space nasbench201 --objective python:mine:score --budget 100
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, SupportsFloat, cast

from archllm.errors import EvaluationFailed, InvalidInput, shown
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture, SearchSpace

TIME_LIMIT = 3_600.0
"""Seconds that code of a user's may take for one architecture, unless told otherwise."""


class CallableObjective(Objective):
    """What a function of the user's returns for an `Architecture`: a number, or an `Evaluation`.

    A number can be anything that `float` takes except text and truth values: a scalar of numpy or torch, too. Whatever
    the function raises, and a result that is no finite number, is a failed evaluation with that reason.

    Args:
        space: the space.
        function: `module:name`, which is looked for in the working directory first, or the function itself, which other
            processes have to find by its module and name.
        direction: which values are better.
        time_limit: seconds that one call may take, where it runs in a process of its own.

    Raises:
        InvalidInput: there is no such module or function, or its module can't be imported.
    """

    def __init__(
        self,
        space: SearchSpace,
        function: str | Callable[[Architecture], Any],
        direction: Literal["maximise", "minimise"] = "maximise",
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self.space, self.direction, self.time_limit = space, direction, check_limit(time_limit)
        self.name = function if isinstance(function, str) else _name(function)
        self.spec: str = f"python:{self.name}"
        self.function = imported(function) if isinstance(function, str) else function
        self.foreign = isinstance(function, str)  # a function in hand may be known in this process alone
        self._source = function

    def __reduce__(self) -> Any:
        kept = {"spec": self.spec}
        return CallableObjective, (self.space, self._source, self.direction, self.time_limit), kept

    def _evaluate(self, arch: Architecture) -> Evaluation:
        start = time.monotonic()
        try:
            found = self.function(arch)
        except EvaluationFailed as error:
            raise EvaluationFailed(str(error), error.cost or time.monotonic() - start) from error
        except (Exception, SystemExit) as error:
            reason = f"{self.name} raised {type(error).__name__}: {error}"
            raise EvaluationFailed(reason, time.monotonic() - start) from error
        seconds = time.monotonic() - start
        if isinstance(found, Evaluation):
            return replace(
                found,
                values=None if found.values is None else tuple(self._number(each, seconds) for each in found.values),
                metrics={str(name): self._number(value, seconds) for name, value in found.metrics.items()},
                test={str(name): self._number(value, seconds) for name, value in found.test.items()},
                curves={
                    str(name): tuple(self._number(value, seconds) for value in curve)
                    for name, curve in found.curves.items()
                },
                cost=self._number(found.cost, seconds) or seconds,
            )
        return Evaluation(self._number(found, seconds), cost=seconds)

    def _number(self, found: object, seconds: float) -> float:
        try:
            if isinstance(found, str | bytes | bytearray | bool):
                raise TypeError
            return float(cast(SupportsFloat, found))
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise EvaluationFailed(f"{self.name} returned {shown(found)}, which is no number", seconds) from error


def imported(name: str) -> Callable[[Architecture], Any]:
    """The function that `module:name` stands for, the working directory included, as with `python -m`.

    Raises:
        InvalidInput: there is none.
    """
    module, colon, attribute = name.partition(":")
    if not colon or not module or not attribute:
        raise InvalidInput(f"a function is written module:function, such as mine:score, got {name!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise InvalidInput(f"{module} can't be imported: {error}") from error
        raise InvalidInput(f"there is no module {module} in {here} or among installed packages") from error
    except (Exception, SystemExit) as error:
        raise InvalidInput(f"{module} can't be imported: {type(error).__name__}: {error}") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InvalidInput(f"there is no {attribute} in {module} ({getattr(found, '__file__', module)})")
        found = getattr(found, part)
    if not callable(found):
        raise InvalidInput(f"{name} is not a function but {shown(found)}")
    return cast(Callable[[Architecture], Any], found)


def check_limit(seconds: float) -> float:
    """The time limit itself.

    Raises:
        InvalidInput: it is not a positive number.
    """
    if not seconds > 0:
        raise InvalidInput(f"a time limit must be a positive number of seconds, got {seconds}")
    return seconds


def _name(function: Callable[..., Any]) -> str:
    kind = function if hasattr(function, "__qualname__") else type(function)
    return f"{kind.__module__}:{kind.__qualname__}"
