"""The form of NAS-Bench-101's own list, against records that it published."""

from __future__ import annotations

import numpy as np
import pytest
from tests.networks import sizes

from archllm.graphs import ABSENT, Graphs, equal
from archllm.networks.nasbench101 import counts
from archllm.spaces import SearchSpace


@pytest.mark.parametrize(
    ("edges", "labels", "params"),
    [
        # the first record of the file, 00005c142e6f48ac74fdcf73e3439874
        ("01 04 05 12 23 26 35 45 56", (1, 3, 1, 1, 2), 8_555_530),
        # what a query for the README's inception-like cell gives back
        ("01 02 03 04 16 26 36 45 56", (1, 2, 3, 1, 1), 2_694_282),
        ("01 03 12 14 15 26 34 45 56", (3, 1, 3, 2, 3), 3_468_426),
    ],
)
def test_records_of_the_benchmark_are_in_official_form(
    nasbench101: SearchSpace, edges: str, labels: tuple[int, ...], params: int
) -> None:
    adjacency = np.zeros((1, 7, 7), dtype=np.bool_)
    for source, target in edges.split():
        adjacency[0, int(source), int(target)] = True
    record = Graphs([[0, *labels, 4]], adjacency)
    copies = nasbench101.permute(record[[0] * 20], np.random.default_rng(0))
    official = nasbench101.networks.official_form(nasbench101.normalise(copies))
    assert equal(official, record[[0] * 20]).all()
    assert (nasbench101.networks.params(copies) == params).all()


def test_the_first_record_has_its_hash(nasbench101: SearchSpace) -> None:
    adjacency = np.zeros((1, 7, 7), dtype=np.bool_)
    adjacency[0, [0, 0, 0, 1, 2, 2, 3, 4, 5], [1, 4, 5, 2, 3, 6, 5, 5, 6]] = True
    arch = nasbench101.architecture(Graphs([[0, 1, 3, 1, 1, 2, 4]], adjacency))
    assert arch.official_hash == "00005c142e6f48ac74fdcf73e3439874"


def test_the_official_form_is_the_first_of_the_class_in_the_benchmarks_own_order(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(3)
    normal = nasbench101.sample(40, rng)
    official = nasbench101.networks.official_form(normal)
    assert (nasbench101.keys(official) == nasbench101.keys(normal)).all()

    def place(graphs: Graphs, row: int) -> tuple[int, list[int]]:
        used = int((graphs.ops[row] != ABSENT).sum())
        edges = ((x, y) for x in range(used) for y in range(x + 1, used) if graphs.adjacency[row, x, y])
        return sum(1 << (x + y * (y - 1) // 2) for x, y in edges), graphs.ops[row, 1 : used - 1].tolist()

    for _ in range(100):
        copies = nasbench101.permute(normal, rng)
        assert all(place(official, row) <= place(copies, row) for row in range(len(normal)))


def test_the_form_matters_where_channels_can_not_be_shared_evenly(nasbench101: SearchSpace) -> None:
    config = nasbench101.networks.setting(channels=4, stacks=1, cells=1)
    shared_by_three = np.zeros((1, 5, 5), dtype=bool)
    for i, j in ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)):
        shared_by_three[0, i, j] = True
    wide, narrow = (Graphs(np.array([[0, *ops, 4]]), shared_by_three) for ops in ((1, 3, 3), (3, 3, 1)))
    assert nasbench101.keys(wide) == nasbench101.keys(narrow)
    assert counts.params(wide, config) > counts.params(narrow, config)
    assert sizes.params(nasbench101, wide, channels=4) == sizes.params(nasbench101, narrow, channels=4)
