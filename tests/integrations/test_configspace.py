"""Spaces of ConfigSpace become space files of choices, and spaces become ConfigSpaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from ConfigSpace import (
    AndConjunction,
    CategoricalHyperparameter,
    ConfigurationSpace,
    Constant,
    EqualsCondition,
    Float,
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    ForbiddenInClause,
    GreaterThanCondition,
    InCondition,
    OrdinalHyperparameter,
    UniformIntegerHyperparameter,
)

from archllm.errors import FormatError, InvalidInput
from archllm.integrations.configspace import read_configspace, write_configspace
from archllm.spaces import load_space
from archllm.spaces.registry import space_of_text


def example() -> ConfigurationSpace:
    """Slots of every kind, of which some are conditional and some combinations forbidden."""
    space = ConfigurationSpace(name="example", seed=1)
    act = CategoricalHyperparameter("act", ["relu", "gelu", "silu"])
    depth = UniformIntegerHyperparameter("depth", 1, 3)
    width = OrdinalHyperparameter("width", [8, 16, 32])
    gate = CategoricalHyperparameter("gate", ["open", "shut"])
    kernel = OrdinalHyperparameter("kernel", [3, 5])
    space.add(kernel, act, depth, width, gate, Constant("classes", 10))
    space.add(AndConjunction(GreaterThanCondition(kernel, width, 8), EqualsCondition(kernel, gate, "open")))
    space.add(InCondition(gate, act, ["relu", "gelu"]))
    space.add(ForbiddenAndConjunction(ForbiddenEqualsClause(act, "silu"), ForbiddenInClause(depth, [2, 3])))
    return space


def legal(space: ConfigurationSpace) -> int:
    """How many configurations there are, by trying all combinations."""
    total = 0
    for act in ("relu", "gelu", "silu"):
        for depth in (1, 2, 3):
            for width in (8, 16, 32):
                if act == "silu" and depth > 1:
                    continue
                total += 1 if act == "silu" else 1 + (2 if width > 8 else 1)  # shut; open, with a kernel or without
    return total


def test_a_configspace_becomes_a_space_with_as_many_members(tmp_path: Path) -> None:
    space = read_configspace(example(), tmp_path / "example.toml")
    assert space.size == legal(example())
    assert load_space(tmp_path / "example.toml").size == space.size


def test_a_file_is_read_and_a_space_comes_back_as_it_was(tmp_path: Path) -> None:
    example().to_json(tmp_path / "example.json")
    space = read_configspace(tmp_path / "example.json")
    back = read_configspace(write_configspace(space, tmp_path / "back.json"))
    assert back.size == space.size == read_configspace(tmp_path / "back.json").size
    assert {tuple(sorted(back.values_of(graph).items())) for graph in back.enumerate()} == {
        tuple(sorted(space.values_of(graph).items())) for graph in space.enumerate()
    }


def test_constraints_become_forbidden_clauses() -> None:
    text = 'kind = "choices"\nconstraints = ["slot.a <= slot.b"]\n[slots]\na = [1, 2, 3]\nb = [1, 2, 3]\n'
    made = write_configspace(space_of_text(text, "two.toml", "two"))
    drawn = [dict(each) for each in made.sample_configuration(60)]
    assert {(each["a"], each["b"]) for each in drawn} == {(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)}


@pytest.mark.parametrize(
    ("hyperparameter", "message"),
    [
        (Float("rate", (0.0, 1.0)), "rate is a UniformFloatHyperparameter"),
        (UniformIntegerHyperparameter("units", 1, 4096), "units has 4,096 values"),
        (CategoricalHyperparameter("act fn", ["a", "b"]), "named by a word"),
        (CategoricalHyperparameter("mixed", [1, "a"]), "one type"),
    ],
)
def test_what_has_no_counterpart_is_named(hyperparameter: object, message: str) -> None:
    space = ConfigurationSpace()
    space.add(hyperparameter)
    with pytest.raises(InvalidInput, match=message):
        read_configspace(space)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("[1, 2")
    with pytest.raises(FormatError, match=r"no\.json"):
        read_configspace(tmp_path / "no.json")
    with pytest.raises(InvalidInput, match="can't read"):
        read_configspace(tmp_path / "missing.json")
