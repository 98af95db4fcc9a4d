"""How many codes suit a space."""

from __future__ import annotations

import pytest
from tests.spaces.test_making import PLUGIN

from archllm.spaces import load_space
from archllm.spaces.definition import ChoicesDefinition, GenotypeDefinition
from archllm.spaces.registry import space_of
from archllm.tokenizer.hints import CodeLayout, code_layout


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("nasbench101", CodeLayout(6, largest=96)),  # a code for each vertex but the first
        ("darts", CodeLayout(8, largest=490, independent=True)),  # a code for each inner node
        ("nasnet", CodeLayout(22, largest=3081)),  # a code for each operation and output
        ("nasbench201", CodeLayout(3, 75, 25, independent=True)),  # two of six edges each: 25 contents
        ("nats-size", CodeLayout(5, 40, 8, independent=True)),  # one of five widths each
    ],
)
def test_the_layout_of_known_spaces(name: str, layout: CodeLayout) -> None:
    assert code_layout(load_space(name)) == layout


def test_constraints_between_nodes_make_codes_dependent() -> None:
    constrained = GenotypeDefinition(name="g", ops=("a", "b"), nodes=2, constraints=('count("a") <= 3',))
    assert not code_layout(space_of(constrained)).independent


def test_slots_that_belong_together_share_a_code() -> None:
    slots = {"a": (1, 2, 3), "b": (1, 2, 3), "c": (1, 2, 3, 4, 5, 6), "d": (1, 2, 3, 4, 5, 6)}
    joined = ChoicesDefinition(name="j", slots=slots, constraints=("slot.a <= slot.b",))
    layout = code_layout(space_of(joined))
    assert layout.independent


def test_a_space_of_no_known_kind_has_a_code_for_each_node_that_varies(tmp_path, monkeypatch) -> None:
    (tmp_path / "own_bits_hints.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    assert code_layout(load_space("python:own_bits_hints:Bits")) == CodeLayout(3)
