"""Parameters and multiply-accumulates of NAS-Bench-101: published numbers, built networks, orders of the vertices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.networks import sizes
from tests.spaces.nasbench101 import cells

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs
from archllm.networks.counting import count_macs, count_params
from archllm.networks.nasbench101 import counts
from archllm.spaces import SearchSpace

INCEPTION_LIKE = Graphs(np.array([[0, 2, 1, 1, 1, 3, 4]]), np.array([cells.INCEPTION_LIKE[0]]))


def test_the_published_size_of_the_inception_like_cell(nasbench101: SearchSpace) -> None:
    arch = nasbench101.architecture(INCEPTION_LIKE)
    with torch.device("meta"):
        network = arch.build()
    assert arch.params == count_params(network) == 2_694_282


def test_the_inception_like_cell_has_its_size_in_any_order(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(0)
    config = nasbench101.networks.setting()
    copies = [INCEPTION_LIKE, *(nasbench101.permute(INCEPTION_LIKE, rng) for _ in range(50))]
    assert {int(counts.params(copy, config)[0]) for copy in copies} == {2_694_282}


def test_the_smallest_network_counted_by_hand(nasbench101: SearchSpace) -> None:
    smallest = nasbench101.parse('{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}').graph
    options = {"in_channels": 2, "channels": 3, "stacks": 1, "cells": 1, "num_classes": 5, "image_size": 4}
    assert sizes.params(nasbench101, smallest, **options)[0] == (54 + 6) + (9 + 6) + 20  # stem, projection, classifier
    assert sizes.macs(nasbench101, smallest, **options)[0] == 16 * 54 + 16 * 9 + 20


def test_the_smallest_and_the_largest_cell_of_the_benchmark(nasbench101: SearchSpace) -> None:
    params = nasbench101.networks.params(nasbench101.enumerate())
    assert (params.min(), params.max()) == (227_274, 49_979_274)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"channels": 13, "stacks": 2, "cells": 2, "in_channels": 1, "num_classes": 7, "image_size": 9},
        {"channels": 8, "stacks": 1, "cells": 1},
    ],
)
def test_counts_are_those_of_the_built_network(nasbench101: SearchSpace, options: dict[str, int]) -> None:
    everything = nasbench101.enumerate()
    rows = [0, 1, 3, 6, 40, 90, *np.random.default_rng(2).integers(91, len(everything), 14).tolist()]
    cells = everything[rows]
    params, macs = sizes.params(nasbench101, cells, **options), sizes.macs(nasbench101, cells, **options)
    image = nasbench101.networks.setting(**options).image
    for arch, expected in zip(nasbench101.architectures(cells), zip(params, macs, strict=True), strict=True):
        with torch.device("meta"):
            network = arch.build(**options)
        assert (count_params(network), count_macs(network, image)) == expected


def test_isomorphic_cells_are_one_network(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(5)
    cells = nasbench101.sample(200, rng)
    copies = nasbench101.permute(cells, rng)
    assert (nasbench101.networks.params(copies) == nasbench101.networks.params(cells)).all()
    assert (nasbench101.networks.macs(copies) == nasbench101.networks.macs(cells)).all()


def test_the_order_does_not_matter_where_channels_can_be_shared_evenly(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(1)
    config = nasbench101.networks.setting(channels=60)  # up to six vertices share them
    cells = nasbench101.sample(2_000, rng)
    for _ in range(3):
        copies = nasbench101.permute(cells, rng)
        assert (counts.params(copies, config) == counts.params(cells, config)).all()
        assert (counts.macs(copies, config) == counts.macs(cells, config)).all()


def test_the_order_matters_only_where_three_vertices_share_128_channels(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(2)
    config = nasbench101.networks.setting()
    cells = nasbench101.sample(2_000, rng)
    copies = [counts.params(nasbench101.permute(cells, rng), config) for _ in range(10)]
    differs = np.ptp(copies, axis=0) > 0
    outputs = (cells.ops != ABSENT).sum(1) - 1
    sharers = cells.adjacency[np.arange(len(cells)), 1:, outputs].sum(1)
    assert differs.any()
    assert set(sharers[differs]) == {3}


def test_too_few_channels_to_share_are_refused_with_the_least_number(nasbench101: SearchSpace) -> None:
    arch = nasbench101.architecture(INCEPTION_LIKE)
    with pytest.raises(InvalidInput, match="at least 4"):
        arch.build(channels=3)
    with pytest.raises(InvalidInput, match="at least 4"):
        sizes.params(nasbench101, arch.graph, channels=3)


def test_a_network_too_large_to_count_is_refused(nasbench101: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="64 bits"):
        sizes.macs(nasbench101, INCEPTION_LIKE, channels=100_000, cells=100_000, image_size=100_000)


def test_an_option_that_does_not_exist_is_refused(nasbench101: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="no setting 'stack'; did you mean 'stacks'"):
        sizes.params(nasbench101, INCEPTION_LIKE, stack=2)
