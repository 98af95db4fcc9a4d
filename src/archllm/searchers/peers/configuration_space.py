"""Parameters of a space as a ConfigSpace (Lindauer et al., 2019), the form in which SMAC knows them."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput, MissingExtra
from archllm.spaces.constraints import Constraint
from archllm.spaces.parameters import INACTIVE, Parameter, Parameters, holds

if TYPE_CHECKING:
    from ConfigSpace import Configuration, ConfigurationSpace

MOST_CASES = 1_024
"""Combinations of values that a condition may speak of."""


def configuration_space(parameters: Parameters, seed: int = 0, name: str | None = None) -> ConfigurationSpace:
    """The parameters as hyperparameters, categorical or, where values are ascending numbers, ordinal.

    Constraints have no counterpart here; conditions become ConfigSpace's own.

    Args:
        parameters: of the space.
        seed: of its draws.
        name: what it is called.

    Raises:
        InvalidInput: a condition speaks of too many combinations.
        MissingExtra: ConfigSpace is not installed.
    """
    try:
        from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, OrdinalHyperparameter
    except ImportError as error:
        raise MissingExtra("ConfigSpace", "peers") from error

    space = ConfigurationSpace(name=name, seed=seed)
    made = [
        OrdinalHyperparameter(each.name, each.values)
        if each.ordered
        else CategoricalHyperparameter(each.name, each.values)
        for each in parameters.each
    ]
    space.add(*made)
    for at, condition in parameters.conditions.items():
        space.add(_condition(parameters, made, at, condition))
    return space


def values_of(parameters: Parameters, choices: NDArray[np.int64]) -> dict[str, Any]:
    """The values of active parameters, by name."""
    chosen = zip(parameters.each, choices.tolist(), strict=True)
    return {each.name: each.values[choice] for each, choice in chosen if choice != INACTIVE}


def choices_of(parameters: Parameters, configuration: Configuration) -> NDArray[np.int64]:
    """The `d` choices of a configuration."""
    values = dict(configuration)
    return np.array([_choice(each, values) for each in parameters.each], dtype=np.int64)


def _choice(parameter: Parameter, values: dict[str, Any]) -> int:
    if parameter.name not in values:
        return INACTIVE
    value = values[parameter.name]
    return parameter.values.index(value.item() if isinstance(value, np.generic) else value)


def combinations(parameters: Parameters, constraint: Constraint, name: str) -> NDArray[np.int64]:
    """`n x d` choices: every combination of what a constraint reads, and 0 for all other parameters.

    Args:
        parameters: the `d` parameters.
        constraint: the constraint.
        name: what it is called, for the message.

    Raises:
        InvalidInput: there are too many to be written one by one, as ConfigSpace has them.
    """
    read = sorted(constraint.term.reads)
    radices = [len(parameters.each[at].values) for at in read]
    number = math.prod(radices)
    if number > MOST_CASES:
        raise InvalidInput(
            f"{name} speaks of {number:,} combinations, and at most {MOST_CASES:,} can be written one by one, as "
            "ConfigSpace has them"
        )
    cases = np.zeros((number, len(parameters.each)), dtype=np.int64)
    cases[:, read] = list(product(*map(range, radices)))
    return cases


def _condition(parameters: Parameters, made: list[Any], at: int, condition: Constraint) -> Any:
    """A condition as the combinations of its parents' values that fulfil it."""
    from ConfigSpace import AndConjunction, EqualsCondition, InCondition, OrConjunction

    parents = sorted(condition.term.reads)
    cases = combinations(parameters, condition, f"the condition of {parameters.each[at].name}")
    cases = cases[holds(condition, cases)]
    if len(parents) == 1:
        values = parameters.each[parents[0]].values
        return InCondition(made[at], made[parents[0]], [values[choice] for choice in cases[:, parents[0]]])
    rows = [
        AndConjunction(
            *(EqualsCondition(made[at], made[each], parameters.each[each].values[case[each]]) for each in parents)
        )
        for case in cases
    ]
    return rows[0] if len(rows) == 1 else OrConjunction(*rows)
