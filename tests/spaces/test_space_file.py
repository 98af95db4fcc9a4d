"""Space files: what they say, and what is said about what is wrong with them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.spaces.space_files import KINDS

from archllm.errors import DefinitionError, InvalidInput
from archllm.spaces.definition import ChoicesDefinition, EdgeDagDefinition
from archllm.spaces.registry import space_of_text
from archllm.spaces.space_file import read_definition, read_text
from archllm.toml_lines import Places

EDGES = 'kind = "edge_dag"\nnodes = 3\nops = ["a", "b"]\n'
NODES = 'kind = "node_dag"\nmax_vertices = 4\nmax_edges = 5\nops = ["a", "b"]\n'
GENOTYPE = 'kind = "genotype"\nnodes = 2\nops = ["a", "b"]\n'
SLOTS = 'kind = "choices"\n\n[slots]\nwidth = [8, 16]\ndepth = [1, 2, 3]\nact = ["relu", "gelu"]\n'


def read(text: str) -> object:
    return read_definition(text, "my.toml", "my")


def test_a_file_gives_its_definition_and_its_name_unless_it_says_one() -> None:
    assert read(EDGES) == EdgeDagDefinition(name="my", nodes=3, ops=("a", "b"))
    assert read('name = "other"\n' + EDGES) == EdgeDagDefinition(name="other", nodes=3, ops=("a", "b"))


def test_operations_may_name_what_makes_them() -> None:
    found = read('kind = "edge_dag"\nnodes = 3\nops.a = "mine.blocks:a"\nops.b = "mine.blocks:Block.b"\n')
    assert found.ops == ("a", "b") and found.callables == {"a": "mine.blocks:a", "b": "mine.blocks:Block.b"}  # type: ignore[attr-defined]


def test_cells_and_inputs_may_be_counted_or_named() -> None:
    found = read(GENOTYPE + 'cells = 3\ncell_inputs = ["x", "y"]\n')
    assert found.cells == ("cell1", "cell2", "cell3") and found.cell_inputs == ("x", "y")  # type: ignore[attr-defined]


def test_a_range_in_a_key_stands_for_several_slots() -> None:
    text = 'kind = "choices"\n[slots]\ndepth = [1, 2]\n"w{i=1..2}_{j=0..1}" = [3]\n[when]\n'
    text += '"w{k=1..2}_0" = "slot.depth >= {k}"\n'
    found = read(text)
    assert isinstance(found, ChoicesDefinition)
    assert list(found.slots) == ["depth", "w1_0", "w1_1", "w2_0", "w2_1"]
    assert found.when == {"w1_0": "slot.depth >= 1", "w2_0": "slot.depth >= 2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = ", ["my.toml, line 1", "not TOML"]),
        (EDGES + "nodes = 4", ["my.toml, line 4", "the key nodes stands twice"]),
        ('kind = "edge_dag"\n[ops]\na = "x:y"\na = "x:z"', ["line 4", "the key a stands twice"]),
        ("nodes = 3", ["my.toml:", "'kind' is missing", "choices"]),
        ('kind = "edgedag"', ["line 1: kind", "did you mean 'edge_dag'"]),
        (EDGES + "node = 3", ["line 4: node", "unknown key", "did you mean 'nodes'"]),
        ('kind = "edge_dag"\nops = ["a"]', ["'nodes' is missing", "need ops, nodes"]),
        (EDGES.replace("3", '"3"'), ["line 2: nodes", "whole number", "'3'"]),
        (EDGES.replace("3", "12"), ["line 2: nodes", "2 to 8", "12"]),
        (EDGES.replace('"b"', "7"), ["line 3: ops[1]", "text in quotes", "7"]),
        (EDGES.replace('["a", "b"]', '[\n  "a",\n  "b", # twice\n  "a"\n]'), ["line 6: ops[2]", "'a' twice"]),
        (EDGES.replace('"b"', '"b c"'), ["line 3: ops[1]", "'b c'"]),
        (EDGES.replace('"b"', '"input"'), ["line 3: ops[1]", "'input'"]),
        (EDGES.replace('["a", "b"]', "[]"), ["line 3: ops", "1 to 100 operations"]),
        (EDGES + 'constraints = "count(1)"', ["line 4: constraints", "list of texts"]),
        (
            EDGES + "constraints = [\n \"count('a') <= 1\",\n \"count('c') <= 1\"]",
            ["line 6: constraints[1]", "'c'", "a, b"],
        ),
        (EDGES + "constraints = ['count(\"a\") > 3']", ["line 4: constraints[0]", "nothing fulfils"]),
        (EDGES + "constraints = ['count(\"a\") > 1', 'count(\"b\") > 1']", ["constraints[1]", "together"]),
        (EDGES + "constraints = ['1 < 2']", ["constraints[0]", "no choice"]),
        (EDGES + "constraints = ['edge(1, 0) == \"a\"']", ["constraints[0]", "no edge from 1 to 0"]),
        (EDGES + 'name = "a b"', ["line 4: name", "'a b'"]),
        (EDGES + 'name = "nasbench201"', ["line 4: name", "comes with archllm"]),
        ('kind = "edge_dag"\nnodes = 3\n[ops]\na = "m:f"\nb = "f"', ["line 5: ops.b", "module:function", "'f'"]),
        ('kind = "edge_dag"\nnodes = 3\n[ops]\na = "m:f"\nb = 3', ["line 5: ops.b", "in quotes", "3"]),
        (NODES.replace("= 4", "= 65"), ["line 2: max_vertices", "2 to 64"]),
        (NODES.replace("= 4", "= 64").replace("= 5", "= 900"), ["line 3: max_edges", "take too long to count"]),
        (NODES + "chain = 1", ["line 5: chain", "true or false"]),
        (NODES + "constraints = ['in_degree(\"a\") > 1']", ["constraints[0]", 'in_degree("output")']),
        (NODES.replace("= 4", "= 20").replace("= 5", "= 190") + "constraints = ['vertices > 20']", ["nothing fulfils"]),
        (NODES.replace("= 5", "= 0"), ["line 3: max_edges", "1 to"]),
        (NODES + "max_in_degree = 0", ["line 5: max_in_degree", "1 to 63"]),
        (NODES + "constraints = ['dept < 3']", ["constraints[0]", "did you mean 'depth'"]),
        (GENOTYPE + "inputs_per_node = 3", ["line 4: inputs_per_node", "1 to 2"]),
        (GENOTYPE + "cells = 0", ["line 4: cells", "1 to 6"]),
        (GENOTYPE + 'cells = ["a", "no word"]', ["line 4: cells[1]", "'no word'"]),
        (GENOTYPE + 'cells = ["a", "import"]', ["line 4: cells[1]", "'import'"]),
        (GENOTYPE + 'cell_inputs = ["a", "z"]', ["line 4: cell_inputs", "'a' names something else"]),
        (GENOTYPE.replace("= 2", "= 6") + "cells = 6", ["line 2: nodes", "more than 48"]),
        (GENOTYPE + 'constraints = [\'count("a", "norm") < 2\']', ["constraints[0]", "did you mean 'normal'"]),
        ('kind = "choices"\nslots = 3', ["line 2: slots", "[slots]"]),
        ('kind = "choices"\n[slots]', ["line 2: slots", "1 to 46"]),
        (SLOTS.replace("[8, 16]", "8"), ["line 4: slots.width", "list of values"]),
        (SLOTS.replace("[8, 16]", "[]"), ["line 4: slots.width", "at least one value"]),
        (SLOTS.replace("16", '"16"'), ["line 4: slots.width", "one type"]),
        (SLOTS.replace("16", "8.0"), ["line 4: slots.width[1]", "twice"]),
        (SLOTS.replace("16", "inf"), ["line 4: slots.width[1]", "between"]),
        (SLOTS.replace("16", "[1]"), ["line 4: slots.width[1]", "number, a text"]),
        (SLOTS.replace("gelu", "off"), ["line 6: slots.act[1]", "off"]),
        (SLOTS.replace("width", '"a-b"'), ["line 4: slots.a-b", "by a word"]),
        (SLOTS.replace("width", '"w{i=3..1}"'), ["line 4: slots.w{i=3..1}", "ranges are written"]),
        (SLOTS.replace("width", '"depth{i=1..2}"') + "depth2 = [1]", ["line 7: slots.depth2", "stands twice"]),
        (SLOTS.replace("width", '"w{i=1..2}"').replace("16", "8"), ["line 4: slots.w{i=1..2}[1]", "twice"]),
        (SLOTS + '[when]\nwidht = "slot.depth > 1"', ["line 8: when.widht", "did you mean 'width'"]),
        (SLOTS + "[when]\nact = 3", ["line 8: when.act", "in quotes"]),
        (SLOTS + '[when]\nwidth = "slot.depth > 1"', ["line 8: when.width", "above width only", "depth"]),
        (SLOTS + '[when]\nact = "slot.dept > 1"', ["line 8: when.act", "did you mean 'depth'"]),
        (SLOTS + '[when]\nact = "1 > 0"', ["line 8: when.act", "no slot"]),
        ("constraints = ['widht < 3']\n" + SLOTS, ["line 1: constraints[0]", "slot.NAME"]),
        (
            "constraints = ['slot.act < 3']\n" + SLOTS,
            ["line 1: constraints[0]", "text can't be compared with a number"],
        ),
        ("constraints = ['slot.act == \"elu\"']\n" + SLOTS, ["line 1: constraints[0]", "'elu'", "relu, gelu"]),
        ("constraints = ['slot.width <= ']\n" + SLOTS, ["line 1: constraints[0]", "found the end", "at character 14"]),
        ("constraints = ['slot.width + 1']\n" + SLOTS, ["line 1: constraints[0]", "yes or no"]),
        ("constraints = ['__import__(\"os\").x == 1']\n" + SLOTS, ["line 1: constraints[0]"]),
        ("constraints = ['slot.width * slot.depth > 100']\n" + SLOTS, ["line 1: constraints[0]", "nothing fulfils"]),
    ],
)
def test_a_message_names_the_line_the_key_and_what_would_be_right(text: str, said: list[str]) -> None:
    with pytest.raises(DefinitionError) as caught:
        space_of_text(text, "my.toml", "my")
    assert all(part in str(caught.value) for part in ("my.toml", *said)), str(caught.value)


def test_a_constraint_that_next_to_nothing_fulfils_is_refused_where_it_can_not_be_gone_through() -> None:
    sums = " + ".join(f"slot.s{k}" for k in range(20))
    text = f'kind = "choices"\nconstraints = ["{sums} <= 3"]\n[slots]\n"s{{k=0..19}}" = [0, 1, 2, 3]\n'
    with pytest.raises(DefinitionError, match=r"line 2: constraints\[0\]: (only|none of) .* loosen"):
        space_of_text(text, "my.toml")


def test_a_large_constrained_space_is_estimated_and_says_so() -> None:
    sums = ", ".join(f"slot.s{k}" for k in range(20))
    text = f'kind = "choices"\nconstraints = ["sum({sums}) % 2 == 0"]\n[slots]\n"s{{k=0..19}}" = [0, 1, 2, 3]\n'
    space = space_of_text(text, "my.toml")
    assert not space.exact_size and "about" in repr(space)
    assert space.size == pytest.approx(4**20 / 2, rel=0.1)


@examples(max_examples=60)
@given(st.one_of(*KINDS.values()))
def test_every_entry_is_found_on_its_line(text: str) -> None:
    places = Places(text)
    for key, value in tomllib.loads(text).items():
        line = places.line([key])
        assert line is not None and key in text.splitlines()[line - 1]
        for inner in value if isinstance(value, dict) else ():
            line = places.line([key, inner])
            assert line is not None and inner in text.splitlines()[line - 1]


def test_entries_are_found_past_comments_quotes_and_long_texts() -> None:
    text = '''# a = 1
"quoted key" = """
x = 2
""""  # the text ends with a quote
[table.inner]  # [other]
list = [ # y = 3
  "a#]",
  'b',
  { deep = [
      1, 2] },
]
dotted."k e y".z = 'c''
'''.replace("'c''", "'c'")
    tomllib.loads(text)
    places = Places(text)
    assert places.line(["quoted key"]) == 2
    assert places.line(["table", "inner"]) == 5
    assert [places.line(["table", "inner", "list", k]) for k in range(4)] == [7, 8, 9, 6]
    assert places.line(["table", "inner", "list", 2, "deep", 1]) == 10
    assert places.line(["table", "inner", "dotted", "k e y", "z"]) == 12
    assert places.line(["nothing"]) is None


@pytest.mark.parametrize(
    "text", ["", "\x00", "[" * 5000, "a" * 100, "kind", '"', "'''", "kind = 1e999", "[slots", "a = [" * 3000]
)
def test_what_is_no_toml_or_no_space_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"my\.toml"):
        read(text)


def test_constraints_that_would_take_for_ever_are_refused_before_they_are_checked() -> None:
    constraints = [f'count("a") <= {20 - k % 3} or count("b") > {k}' for k in range(90)]
    text = f'kind = "edge_dag"\nnodes = 7\nops = ["a", "b"]\nconstraints = {constraints}\n'
    with pytest.raises(DefinitionError, match=r"line 4: constraints: .* 2,097,152 members takes too long"):
        space_of_text(text, "my.toml", "my")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null/x"])
def test_a_path_that_is_no_ordinary_file_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="can't read the space file"):
        read_text(Path(path))
