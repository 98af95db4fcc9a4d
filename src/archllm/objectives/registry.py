"""What stands for an objective -> the objective: a spec such as `table:nasbench201/cifar10`, or a Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

from archllm.config import did_you_mean
from archllm.errors import InvalidInput, shown
from archllm.guard import marked_as_ours
from archllm.objectives.base import Objective
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.evaluation import Direction, Evaluation
from archllm.objectives.latency.specs import is_latency
from archllm.plugins import is_reference, load_plugin, plugin_names
from archllm.spaces import Architecture, SearchSpace

FORMS = (
    "table:TABLE/METRIC",
    "train:DATA",
    "proxy:NAME",
    "python:MODULE:FUNCTION",
    "command:PROGRAM ARGS",
    "params",
    "macs",
    "latency",
    "latency:DEVICE",
)
"""Forms of a spec; installed packages may add names of their own, see `archllm.plugins`."""

Score = Callable[[Architecture], "float | Evaluation | dict[str, Any]"]
"""A user's function: the score of an architecture, with more about it or without."""


_KINDS = ("params", "macs", *get_args(Direction), *(form.partition(":")[0] for form in FORMS))


def as_objective(
    what: str | Objective | Score,
    space: SearchSpace,
    time_limit: float | None = None,
    *,
    direction: Direction | None = None,
    name: str | None = None,
    training: CandidateTraining | None = None,
) -> Objective:
    """The objective that a spec, a function or an objective itself stands for.

    Args:
        what: a spec as in `load_objective`, a Python function or lambda of an `Architecture`, a subclass of `Objective`
            that is made with the space alone, or an objective, which comes back as it is.
        space: the space whose architectures are to be scored.
        time_limit: seconds that one evaluation may take, for objectives that take time; by default an hour.
        direction: which scores are better; by default what the spec says, and more for functions.
        name: of a function, in stores and reports; by default `python:MODULE:NAME`.
        training: how `train:` trains, where the spec does not say it.

    Raises:
        InvalidInput: it stands for no objective, or for one with another direction.
        DataMissing: its data is not there.
        DataError: its data can't be used, or is of another space.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> as_objective(lambda arch: arch.params, space, direction="minimise", name="size").spec
        'size'
        >>> as_objective("params", space).direction
        'minimise'
    """
    if isinstance(what, str):
        return load_objective(what if direction is None else f"{direction}:{what}", space, time_limit, training)
    if isinstance(what, type) and issubclass(what, Objective):
        what = what(space)  # type: ignore[call-arg]
    if isinstance(what, Objective):
        if direction not in (None, what.direction):
            raise InvalidInput(f"{what.spec} is to be {what.direction}d; its direction can't be changed to {direction}")
        return what
    if not callable(what):
        raise InvalidInput(
            f"an objective is a spec ({', '.join(FORMS)}), an Objective or a function, got {shown(what)}"
        )
    from archllm.objectives.callable import TIME_LIMIT, CallableObjective

    limit = TIME_LIMIT if time_limit is None else time_limit
    return CallableObjective(space, what, direction or "maximise", limit, name)


def load_objective(
    spec: str, space: SearchSpace, time_limit: float | None = None, training: CandidateTraining | None = None
) -> Objective:
    """The objective that a spec stands for; what it does not set is at its default.

    Settings of `train:` are written behind the data, `train:photos?epochs=20&image_size=48&channels=8`; see
    `TrainingSpec`.

    `minimise:SPEC` and `maximise:SPEC` say which scores are better. Without them it follows from the objective: sizes,
    and columns of a table that are called after a cost or a loss, are minimised; all else is maximised, functions and
    commands of users included.

    Args:
        spec: one of `FORMS`.
        space: the space whose architectures are to be scored.
        time_limit: seconds that one evaluation may take, for objectives that take time; by default an hour.
        training: how `train:` trains, where the spec does not say it.

    Raises:
        InvalidInput: the spec can't be read.
        DataMissing: its data is not there.
        DataError: its data can't be used, or is of another space.
    """
    direction: Direction
    for direction in get_args(Direction):
        if spec.startswith(f"{direction}:"):
            objective = _load(spec.partition(":")[2], space, time_limit, training)
            objective.spec, objective.direction = spec, direction
            return objective
    return _load(spec, space, time_limit, training)


def _load(spec: str, space: SearchSpace, time_limit: float | None, training: CandidateTraining | None) -> Objective:
    kind, _, rest = spec.partition(":")
    limited: dict[str, Any] = {} if time_limit is None else {"time_limit": time_limit}
    if spec in ("params", "macs"):
        from archllm.objectives.complexity import Complexity

        return Complexity(space, "params" if spec == "params" else "macs")
    if is_latency(spec):
        from archllm.objectives.latency.objective import load_latency

        return load_latency(spec, space)
    if rest and kind == "table":
        from archllm.objectives.table import TableObjective

        return TableObjective.of(rest, space)
    if rest and kind == "train":
        from archllm.objectives.train import TrainObjective

        return TrainObjective.of(rest, space, replace(training or CandidateTraining(), **limited))
    if rest and kind == "proxy":
        from archllm.objectives.proxies import ProxyObjective

        return ProxyObjective(space, rest)
    if rest and kind == "command":
        from archllm.objectives.command import CommandObjective

        return CommandObjective(space, rest, **limited)
    if (rest and is_reference(spec)) or kind in plugin_names("objectives"):
        return _plugged_in(spec, space, limited)
    parts = [part.strip() for part in spec.split(",")]
    if len(parts) > 1 and all(part.partition(":")[0] in _KINDS for part in parts):
        told = " ".join(f"--objective {part}" for part in parts)
        raise InvalidInput(f"{spec!r} are several objectives; name each on its own: {told}")
    known = [*dict.fromkeys(form.partition(":")[0] for form in FORMS), *plugin_names("objectives")]
    hint, own = did_you_mean(kind, known), ", ".join([*FORMS, *plugin_names("objectives")])
    raise InvalidInput(f"unknown objective {spec!r}; {hint + ' ' if hint else ''}objectives are written {own}")


def _plugged_in(spec: str, space: SearchSpace, limited: dict[str, Any]) -> Objective:
    """A user's function or subclass of `Objective`: `python:MODULE:NAME`, or an announced name, perhaps with `:REST`.

    A class is made with the space, and with REST where there is some.
    """
    from archllm.objectives.callable import CallableObjective

    name, _, rest = (spec, "", "") if is_reference(spec) else spec.partition(":")
    with marked_as_ours():
        found = load_plugin(name, "objectives")
    if inspect.isclass(found) and issubclass(found, Objective):
        objective: Objective = found(space, rest) if rest else found(space)  # type: ignore[call-arg]
        objective.time_limit = limited.get("time_limit", objective.time_limit)
    elif is_reference(spec):
        objective = CallableObjective(space, spec.partition(":")[2], **limited)
    else:
        objective = CallableObjective(space, found, **limited)
    objective.spec, objective.foreign = spec, True
    return objective
