"""Spaces of ConfigSpace (Lindauer et al., 2019) as space files of choices, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archllm.errors import FormatError, InvalidInput, MissingExtra
from archllm.files import write_text
from archllm.searchers.peers.configuration_space import combinations, configuration_space
from archllm.spaces import SearchSpace
from archllm.spaces.constraints import Constraint
from archllm.spaces.definition import Value
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.parameters import Parameters
from archllm.spaces.registry import space_of_text

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

_MOST_VALUES = 100  # of an integer that becomes a list of choices
_COMPARED = {"Equals": "==", "LessThan": "<", "LessThanEquals": "<=", "GreaterThan": ">", "GreaterThanEquals": ">="}
_MOST_BYTES = 10_000_000  # of a file that is read


def read_configspace(source: str | Path | ConfigurationSpace, out: str | Path | None = None) -> SearchSpace:
    """A space of ConfigSpace as a space of choices.

    Categorical and ordinal hyperparameters, integers of at most 100 values and constants become slots; conditions
    become `[when]`, forbidden clauses constraints.

    Args:
        source: a `ConfigurationSpace`, or a JSON file of one.
        out: a space file to write, which every command takes in place of a name.

    Returns:
        The space; `file` is the text of its space file.

    Raises:
        FormatError: the file holds no ConfigSpace.
        InvalidInput: a hyperparameter, condition or clause has no counterpart; the message names it.
        MissingExtra: ConfigSpace is not installed.

    Example:
        >>> from ConfigSpace import ConfigurationSpace
        >>> read_configspace(ConfigurationSpace(name="tiny", space={"act": ["relu", "gelu"], "depth": (1, 4)})).size
        8
    """
    found = _loaded(Path(source)) if isinstance(source, str | Path) else source
    lines = [f"name = {json.dumps(found.name)}"] if found.name else []
    lines.append('kind = "choices"')
    values = {name: _values(each) for name, each in found.items()}
    constraints = [f"not ({_forbidden(clause, values)})" for clause in found.forbidden_clauses]
    if constraints:
        lines.append(f"constraints = {_listed(constraints)}")
    conditions: dict[str, list[str]] = {}
    for condition in found.conditions:
        conditions.setdefault(_child(condition), []).append(_condition(condition, values))
    ordered = _parents_first(values, conditions, found)
    lines += ["", "[slots]", *(f"{json.dumps(name)} = {_listed(values[name])}" for name in ordered)]
    if conditions:
        joined = {name: " and ".join(f"({text})" for text in texts) for name, texts in conditions.items()}
        lines += ["", "[when]", *(f"{json.dumps(name)} = {json.dumps(text)}" for name, text in joined.items())]
    text = "\n".join(lines) + "\n"
    space = space_of_text(text, str(source) if isinstance(source, str | Path) else "ConfigSpace", "configspace")
    if out is not None:
        write_text(Path(out), text)
    return space


def write_configspace(space: SearchSpace, out: str | Path | None = None) -> ConfigurationSpace:
    """A space as a `ConfigurationSpace`; constraints of choices become forbidden clauses.

    Args:
        space: one whose members are choices of parameters. Where edges or inputs are parameters, not every
            configuration is a member.
        out: a JSON file to write.

    Raises:
        InvalidInput: its members have no form of parameters, or a condition or constraint speaks of too many
            combinations.
        MissingExtra: ConfigSpace is not installed.

    Example:
        >>> from archllm.spaces import load_space
        >>> len(write_configspace(load_space("mobilenetv3")))
        45
    """
    if space.parameters is None:
        raise InvalidInput(f"members of {space.name} ({space.kind}) are no choices of parameters")
    made = configuration_space(space.parameters, name=space.name)
    if isinstance(space, Choices):
        for constraint in space.assignments.constraints:
            for clause in _clauses(space.parameters, constraint, made):
                made.add(clause)
    if out is not None:
        made.to_json(str(out))
    return made


def _loaded(path: Path) -> ConfigurationSpace:
    try:
        from ConfigSpace import ConfigurationSpace
    except ImportError as error:
        raise MissingExtra("ConfigSpace", "peers") from error
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidInput(f"{path} has more than {_MOST_BYTES:,} bytes; a ConfigSpace of that size is no space")
        return ConfigurationSpace.from_json(str(path))
    except OSError as error:
        raise InvalidInput(f"can't read {path}: {error.strerror}") from error
    except InvalidInput:
        raise
    except Exception as error:  # whatever its reader meets in a file of others
        raise FormatError(f"{path} holds no ConfigSpace ({type(error).__name__}: {error})", "", 0) from error


def _values(hyperparameter: Any) -> tuple[Value, ...]:
    """All values that a hyperparameter can have."""
    kind = type(hyperparameter).__name__
    if kind == "CategoricalHyperparameter":
        return tuple(map(_plain, hyperparameter.choices))
    if kind == "OrdinalHyperparameter":
        return tuple(map(_plain, hyperparameter.sequence))
    if kind == "Constant":
        return (_plain(hyperparameter.value),)
    if kind == "UniformIntegerHyperparameter":
        low, high = int(hyperparameter.lower), int(hyperparameter.upper)
        if high - low < _MOST_VALUES:
            return tuple(range(low, high + 1))
        raise InvalidInput(
            f"the hyperparameter {hyperparameter.name} has {high - low + 1:,} values, and a slot at most "
            f"{_MOST_VALUES}; list those to choose from as an OrdinalHyperparameter"
        )
    raise InvalidInput(
        f"the hyperparameter {hyperparameter.name} is a {kind}, which has no list of values; make it an "
        "OrdinalHyperparameter of those to choose from"
    )


def _plain(value: Any) -> Value:
    found: Value = value.item() if isinstance(value, np.generic) else value
    return found


def _child(condition: Any) -> str:
    return str(condition.child.name)


def _condition(condition: Any, values: Mapping[str, Sequence[Value]]) -> str:
    """A condition in the language of constraints."""
    kind = type(condition).__name__
    if kind in ("AndConjunction", "OrConjunction"):
        word = " and " if kind == "AndConjunction" else " or "
        return word.join(f"({_condition(each, values)})" for each in condition.components)
    parent = condition.parent.name
    wanted = [_plain(each) for each in condition.values] if kind == "InCondition" else [_plain(condition.value)]
    return _among(parent, values[parent], kind, "Condition", wanted)


def _forbidden(clause: Any, values: Mapping[str, Sequence[Value]]) -> str:
    """A forbidden clause in that language, without its `not`."""
    kind = type(clause).__name__
    if kind in ("ForbiddenAndConjunction", "ForbiddenOrConjunction"):
        word = " and " if kind == "ForbiddenAndConjunction" else " or "
        return word.join(f"({_forbidden(each, values)})" for each in clause.components)
    if kind.endswith("Relation"):
        word = _COMPARED[kind.removeprefix("Forbidden").removesuffix("Relation")]
        return f"slot.{clause.left.name} {word} slot.{clause.right.name}"
    name = clause.hyperparameter.name
    wanted = [_plain(each) for each in clause.values] if kind == "ForbiddenInClause" else [_plain(clause.value)]
    return _among(name, values[name], kind.removeprefix("Forbidden"), "Clause", wanted)


def _among(name: str, values: Sequence[Value], kind: str, suffix: str, wanted: Sequence[Value]) -> str:
    """`slot.NAME in [...]`: the values of which a comparison holds, by their order."""
    word = kind.removesuffix(suffix)
    places = {value: place for place, value in enumerate(values)}
    at = places.get(wanted[0], -1)
    holds: dict[str, Callable[[int], bool]] = {
        "Equals": lambda place: place == at,
        "NotEquals": lambda place: place != at,
        "In": lambda place: values[place] in wanted,
        "LessThan": lambda place: place < at,
        "LessThanEquals": lambda place: place <= at,
        "GreaterThan": lambda place: place > at,
        "GreaterThanEquals": lambda place: place >= at,
    }
    if word not in holds:
        raise InvalidInput(f"{kind} of the hyperparameter {name} has no counterpart in a space file")
    return f"slot.{name} in {_listed([value for place, value in enumerate(values) if holds[word](place)])}"


def _parents_first(values: Mapping[str, Any], conditions: Mapping[str, Any], found: ConfigurationSpace) -> list[str]:
    """Names such that parents stand before what their values switch on, which is how a space file has them."""
    ordered: list[str] = []
    waiting = list(values)
    while waiting:
        ready = [name for name in waiting if all(each.name in ordered for each in found.parents_of[name])]
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
        if not ready:  # ConfigSpace lets no circle pass
            raise InvalidInput(f"the conditions of {', '.join(conditions)} depend on one another in a circle")
    return ordered


def _listed(values: Iterable[Value]) -> str:
    return f"[{', '.join(json.dumps(value) for value in values)}]"


def _clauses(parameters: Parameters, constraint: Constraint, space: ConfigurationSpace) -> list[Any]:
    """Each combination of values that a constraint forbids."""
    from ConfigSpace import ForbiddenAndConjunction, ForbiddenEqualsClause

    read = sorted(constraint.term.reads)
    cases = combinations(parameters, constraint, f"the constraint `{constraint.text}`")
    clauses = []
    for case in cases[~constraint.holds(cases)]:
        each = [
            ForbiddenEqualsClause(space[parameters.each[at].name], parameters.each[at].values[case[at]]) for at in read
        ]
        clauses.append(each[0] if len(each) == 1 else ForbiddenAndConjunction(*each))
    return clauses
