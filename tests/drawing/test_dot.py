"""DOT texts name every node and edge, and quote what a label holds."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archllm.drawing import Cell, Node, to_dot
from archllm.errors import InvalidInput

from .cells import ANY_CELL, cells, darts_cells

STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
STATEMENT = re.compile(
    r"""digraph\ \{ | subgraph\ cluster_\d+\ \{ | \} | label=S; | node\ \[\w+=S(,\ \w+=S)*\];
    | n\d+_\d+\ \[\w+=S(,\ \w+=S)*\]; | n\d+_\d+\ ->\ n\d+_\d+(\ \[style=S\])?;""",
    re.VERBOSE,
)


@settings(max_examples=60, deadline=None)
@given(cells(st.text(max_size=20)), st.text(max_size=20))
def test_any_text_gives_lines_of_the_language(cell: Cell, title: str) -> None:
    titled = Cell(cell.nodes, cell.edges, title)
    bare = STRING.sub("S", to_dot([titled, titled]))
    assert all(STATEMENT.fullmatch(line.strip()) for line in bare.strip("\n").split("\n"))
    assert bare.count("{") == bare.count("}")


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_every_node_and_edge_is_named(cell: Cell) -> None:
    text = to_dot([cell])
    assert [int(n) for n in re.findall(r"^  n0_(\d+) \[", text, re.MULTILINE)] == list(range(len(cell.nodes)))
    edges = re.findall(r"^  n0_(\d+) -> n0_(\d+)", text, re.MULTILINE)
    assert [(int(s), int(t)) for s, t in edges] == list(cell.edges)


def test_several_cells_become_clusters_with_their_titles_and_their_own_nodes() -> None:
    text = to_dot(darts_cells(random.Random(0)))
    assert "subgraph cluster_0" in text and "subgraph cluster_1" in text
    assert 'label="normal"' in text and 'label="reduction"' in text
    assert "n0_14 [" in text and "n1_14 [" in text


def test_a_cell_alone_is_no_cluster() -> None:
    assert "subgraph" not in to_dot([Cell((Node("none", "op"),), ())])


def test_quotes_backslashes_and_line_breaks_are_escaped() -> None:
    assert r'label="a\"b\\c\nd"' in to_dot([Cell((Node('a"b\\c\nd', "op"),), ())])


def test_any_label_can_be_written_to_a_file() -> None:
    to_dot([Cell((Node("\ud800", "op"),), ())]).encode()


def test_no_cells_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one cell"):
        to_dot([])
