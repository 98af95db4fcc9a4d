"""Texts and hashes of NAS-Bench-101."""

from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest
from tests.spaces.nasbench101.cells import FIRST, FIRST_HASH

from archllm.errors import FormatError, InvalidArchitecture
from archllm.graphs import ABSENT
from archllm.spaces import SearchSpace
from archllm.spaces.nasbench101.formats import module_hash

MATRIX, OPS = FIRST

SMALLEST = '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'


def test_the_first_official_cell_has_its_official_hash(nasbench101: SearchSpace) -> None:
    assert nasbench101.parse(json.dumps({"matrix": MATRIX, "ops": OPS})).official_hash == FIRST_HASH


def test_the_official_field_names_are_read(nasbench101: SearchSpace) -> None:
    text = json.dumps({"module_adjacency": MATRIX, "module_operations": OPS, "trainable_parameters": 8_555_530})
    assert nasbench101.parse(text).official_hash == FIRST_HASH


def test_the_hash_is_that_of_the_pruned_cell(nasbench101: SearchSpace) -> None:
    matrix = [[*row[:6], 0, row[6]] for row in MATRIX[:6]] + [[0] * 8] * 2
    ops = [*OPS[:6], "maxpool3x3", "output"]
    assert nasbench101.parse(json.dumps({"matrix": matrix, "ops": ops})).official_hash == FIRST_HASH


def test_booleans_are_read_as_edges(nasbench101: SearchSpace) -> None:
    assert nasbench101.parse(SMALLEST.replace("1", "true").replace("[0, 0]", "[false, 0]")).text == SMALLEST


def test_a_written_cell_is_upper_triangular_json_with_official_names(nasbench101: SearchSpace) -> None:
    for text in nasbench101.format(nasbench101.sample(50, np.random.default_rng(0))):
        data = json.loads(text or "")
        assert list(data) == ["matrix", "ops"]
        assert not np.tril(data["matrix"]).any()
        assert data["ops"][0] == "input" and data["ops"][-1] == "output"
        assert set(data["ops"][1:-1]) <= {"conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"}


def test_different_cells_have_different_hashes(nasbench101: SearchSpace) -> None:
    cells = nasbench101.enumerate()
    used = (cells.ops != ABSENT).sum(1)
    small = cells[used <= 5]  # 2,532 cells, all of them close to each other
    assert len({module_hash(cell) for cell in small}) == 1 + 6 + 84 + 2_441


def test_hashes_are_equal_exactly_for_isomorphic_cells(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(3)
    match = nx.algorithms.isomorphism.categorical_node_match("label", None)
    for graph in nasbench101.sample(12, rng):
        (twin,) = nasbench101.permute(graph, rng)
        near = [other.graph for other in nasbench101.neighbours(nasbench101.architecture(graph))]
        for other in [twin, *near[:8]]:
            isomorphic = nx.is_isomorphic(drawn(graph), drawn(other), node_match=match)
            assert (module_hash(graph) == module_hash(other)) == isomorphic


def drawn(graph: object) -> nx.DiGraph:
    ops, adjacency = graph.ops[0], graph.adjacency[0]  # type: ignore[attr-defined]
    result = nx.DiGraph()
    result.add_nodes_from((v, {"label": int(op)}) for v, op in enumerate(ops) if op != ABSENT)
    result.add_edges_from(map(tuple, np.argwhere(adjacency).tolist()))
    return result


@pytest.mark.parametrize(
    ("text", "token", "message"),
    [
        ("", "", "expected JSON"),
        ("[[0, 1], [0, 0]]", "[[0", "found list"),
        ("3", "3", "found int"),
        ('{"matrix": [[0, 1], [0, 0]]}', "{", "'ops' is missing"),
        ('{"ops": ["input", "output"]}', "{", "'matrix' is missing"),
        (SMALLEST[:-1], None, "expected JSON"),
        (SMALLEST + " and more", "and more", "expected JSON"),
        (SMALLEST.replace('"output"', '"outptu"'), '"outptu"', "unknown operation 'outptu'; legal are input, conv3x3"),
        (SMALLEST.replace('"output"', "4"), '"ops"', "unknown operation 4"),
        (SMALLEST.replace('"output"', '["output"]'), '"ops"', "unknown operation"),
        (SMALLEST.replace('["input", "output"]', "[]"), '"ops"', "1 to 64"),
        (SMALLEST.replace('["input", "output"]', '"input output"'), '"ops"', "must be a list"),
        (SMALLEST.replace("[0, 0]", "[0, 2]"), "2]", "matrix[1][1] must be 0 or 1, found 2"),
        (SMALLEST.replace("[0, 1]", "[0, -1]"), "-1", "matrix[0][1] must be 0 or 1, found -1"),
        (SMALLEST.replace("[0, 1]", "[0, NaN]"), "NaN", "found nan"),
        (SMALLEST.replace("[0, 1]", "[0, 1.0]"), "1.0", "found 1.0"),
        (SMALLEST.replace("[0, 1]", "[0, null]"), "null", "found None"),
        (SMALLEST.replace("[0, 1]", '["0", 1]'), '"0"', "found '0'"),
        (SMALLEST.replace("[0, 1]", "[0, " + "9" * 5000 + "]"), "999", "huge number"),
        (SMALLEST.replace("[0, 0]", "[0]"), '"matrix"', "must be 2 x 2"),
        (SMALLEST.replace("[[0, 1], [0, 0]]", "7"), '"matrix"', "must be 2 x 2"),
        (SMALLEST.replace("[[0, 1], [0, 0]]", "[]"), '"matrix"', "must be 2 x 2"),
        (SMALLEST.replace('"output"', '"maxpool3x3", "output"'), '"matrix"', "must be 3 x 3"),
    ],
)
def test_a_text_that_can_not_be_read_is_refused_at_its_fault(
    nasbench101: SearchSpace, text: str, token: str | None, message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        nasbench101.parse(text)
    assert message in str(caught.value)
    assert caught.value.position == (len(text) if token is None else text.index(token))


@pytest.mark.parametrize(
    ("matrix", "ops", "reason"),
    [
        ([[0, 0], [1, 0]], ["input", "output"], "strictly upper-triangular"),
        ([[0, 0], [0, 0]], ["input", "output"], "no path"),
        ([[0, 1], [0, 0]], ["output", "input"], "first vertex must be 'input'"),
        ([[0, 1], [0, 0]], ["input", "maxpool3x3"], "last vertex must be 'output'"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "input", "output"], "vertex 1 has the operation 'input'"),
        ([[0]], ["input"], "at least 2"),
        (np.eye(8, k=1, dtype=int).tolist(), ["input", *["maxpool3x3"] * 6, "output"], "at most 7 vertices"),
        (np.triu(np.ones((5, 5), int), 1).tolist(), ["input", *["maxpool3x3"] * 3, "output"], "at most 9 edges"),
    ],
)
def test_a_readable_cell_outside_the_space_is_refused_with_the_reason(
    nasbench101: SearchSpace, matrix: list[list[int]], ops: list[str], reason: str
) -> None:
    with pytest.raises(InvalidArchitecture, match=reason):
        nasbench101.parse(json.dumps({"matrix": matrix, "ops": ops}))
