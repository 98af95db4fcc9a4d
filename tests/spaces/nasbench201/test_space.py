"""NAS-Bench-201: its published numbers and its official order."""

from __future__ import annotations

import csv
import gzip
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from archllm.graphs import Graphs
from archllm.spaces import SearchSpace


@pytest.fixture(scope="module")
def texts(nasbench201: SearchSpace) -> list[str]:
    return [text or "" for text in nasbench201.format(nasbench201.enumerate())]


def edges_of(text: str) -> dict[tuple[int, int], str]:
    """Operation of each `(source, target)`, by splitting an official string."""
    found = {}
    for target, node in enumerate(text.split("+"), start=1):
        for entry in node.strip("|").split("|"):
            op, source = entry.split("~")
            found[int(source), target] = op
    return found


def test_there_are_15625_cells_and_their_keys_are_their_places(nasbench201: SearchSpace) -> None:
    assert nasbench201.size == 15_625
    assert nasbench201.keys(nasbench201.enumerate()).tolist() == list(range(15_625))


def test_the_texts_are_all_ways_to_choose_five_operations_six_times(texts: list[str]) -> None:
    ops = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    everything = {"|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*choice) for choice in product(ops, repeat=6)}
    assert set(texts) == everything and len(texts) == len(everything)


def test_every_official_index_has_its_official_string(texts: list[str], data_dir: Path) -> None:
    with gzip.open(data_dir / "nasbench201.csv.gz", "rt") as file:
        rows = [(int(row["index"]), row["arch"]) for row in csv.DictReader(file)]
    assert len(rows) == 15_625
    assert [index for index, text in rows if texts[index] != text] == []


def test_the_first_two_cells_are_the_published_ones(nasbench201: SearchSpace, texts: list[str]) -> None:
    first = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    second = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    assert texts[:2] == [first, second]
    assert [nasbench201.parse(text).official_hash for text in (first, second)] == ["0", "1"]


def test_15284_cells_let_something_through(texts: list[str]) -> None:
    def lets_through(text: str) -> bool:
        ops = edges_of(text)
        ways = [(0, 3), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3)]
        return any(all(ops[step] != "none" for step in pairwise(way)) for way in ways)

    assert sum(map(lets_through, texts)) == 15_284


def test_6466_cells_are_left_when_those_that_compute_the_same_count_once(nasbench201: SearchSpace) -> None:
    classes = nasbench201.class_keys(nasbench201.enumerate())
    assert classes is not None
    assert len(np.unique(classes)) == nasbench201.class_count == 6_466


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        # a convolution and a skip in either order along the only path
        (
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
            "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|",
            True,
        ),
        # what a node without input would do does not matter
        (
            "|none~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|",
            "|none~0|+|skip_connect~0|none~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|",
            True,
        ),
        # another operation is another network
        (
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
            "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
            False,
        ),
        # two convolutions are not one
        (
            "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|",
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
            False,
        ),
    ],
)
def test_classes_join_what_computes_the_same(nasbench201: SearchSpace, one: str, other: str, alike: bool) -> None:
    left, right = nasbench201.parse(one), nasbench201.parse(other)
    assert left != right
    assert (nasbench201.class_keys(left.graph) == nasbench201.class_keys(right.graph)) == alike


def test_a_cell_has_24_neighbours_with_another_operation_on_one_edge(
    nasbench201: SearchSpace, texts: list[str]
) -> None:
    for text in texts[::1500]:
        near = nasbench201.neighbours(nasbench201.parse(text))
        assert len({other.text for other in near}) == len(near) == 24
        for other in near:
            ours, theirs = edges_of(text), edges_of(other.text)
            assert sum(ours[edge] != theirs[edge] for edge in ours) == 1


def test_a_sample_is_uniform(nasbench201: SearchSpace) -> None:
    drawn = nasbench201.keys(nasbench201.sample(156_250, np.random.default_rng(0)))
    counts = np.bincount(drawn, minlength=15_625)
    chi_square = ((counts - 10) ** 2 / 10).sum()  # 15,624 degrees of freedom
    assert abs(chi_square - 15_624) < 6 * (2 * 15_624) ** 0.5


def test_the_loose_rule_looks_at_labels_only_and_skips_the_second(nasbench201: SearchSpace) -> None:
    graphs = nasbench201.sample(8, np.random.default_rng(0)).padded(9)
    graphs.adjacency[0] = True
    graphs.ops[1, 1] = 77  # the official code skips the second node
    graphs.ops[2, 3] = 0
    graphs.ops[3, 3] = 6
    graphs.ops[4, 7] = 1
    graphs.ops[5, 8] = 1
    graphs.ops[6, 0] = 1
    loose = nasbench201.validate_loosely(graphs)
    assert loose is not None
    assert loose.tolist() == [True, True, False, False, False, False, False, True]
    assert nasbench201.validate(graphs).tolist() == [False] * 7 + [True]


@pytest.mark.parametrize("nodes", [0, 1, 7])
def test_the_loose_rule_needs_all_nodes(nasbench201: SearchSpace, nodes: int) -> None:
    loose = nasbench201.validate_loosely(Graphs(np.ones((2, nodes)), np.zeros((2, nodes, nodes))))
    assert loose is not None and not loose.any()
