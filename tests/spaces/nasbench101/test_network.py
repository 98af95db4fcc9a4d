from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs, equal
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.nasbench101 import counts

C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
INCEPTION_LIKE = (
    [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    [C1, C3, C3, C3, MP],
)


def cell(space: SearchSpace, matrix: list[list[int]], ops: list[str]) -> Architecture:
    return space.parse(json.dumps({"matrix": matrix, "ops": ["input", *ops, "output"]}))


def chain(space: SearchSpace, *ops: str) -> Architecture:
    return cell(space, np.eye(len(ops) + 2, k=1, dtype=int).tolist(), list(ops))


def test_the_published_size_of_the_inception_like_cell(nasbench101: SearchSpace) -> None:
    arch = cell(nasbench101, *INCEPTION_LIKE)
    assert arch.params == count_params(arch.build()) == 2_694_282


def test_the_smallest_and_the_largest_cell_of_the_benchmark(nasbench101: SearchSpace) -> None:
    params = nasbench101.params(nasbench101.enumerate())
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
    params, macs = nasbench101.params(cells, **options), nasbench101.macs(cells, **options)
    image = nasbench101.network_options(**options).image
    for arch, expected in zip(nasbench101.architectures(cells), zip(params, macs, strict=True), strict=True):
        with torch.device("meta"):
            network = arch.build(**options)
        assert (count_params(network), count_macs(network, image)) == expected


def test_isomorphic_cells_are_one_network(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(5)
    cells = nasbench101.sample(200, rng)
    copies = nasbench101.relabel(cells, rng)
    assert (nasbench101.params(copies) == nasbench101.params(cells)).all()
    assert (nasbench101.macs(copies) == nasbench101.macs(cells)).all()


def test_the_official_form_is_the_first_of_the_class_in_the_benchmarks_own_order(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(3)
    normal = nasbench101.sample(40, rng)
    official = nasbench101.official_form(normal)
    assert (nasbench101.keys(official) == nasbench101.keys(normal)).all()

    def place(graphs: Graphs, row: int) -> tuple[int, list[int]]:
        used = int((graphs.ops[row] != ABSENT).sum())
        edges = ((x, y) for x in range(used) for y in range(x + 1, used) if graphs.adjacency[row, x, y])
        return sum(1 << (x + y * (y - 1) // 2) for x, y in edges), graphs.ops[row, 1 : used - 1].tolist()

    for _ in range(100):
        copies = nasbench101.relabel(normal, rng)
        assert all(place(official, row) <= place(copies, row) for row in range(len(normal)))


def test_the_first_cell_of_the_benchmarks_file(nasbench101: SearchSpace) -> None:
    matrix = np.zeros((7, 7), dtype=int)
    for i, j in ((0, 1), (0, 4), (0, 5), (1, 2), (2, 3), (2, 6), (3, 5), (4, 5), (5, 6)):
        matrix[i, j] = 1
    arch = cell(nasbench101, matrix.tolist(), [C3, MP, C3, C3, C1])
    assert arch.official_hash == "00005c142e6f48ac74fdcf73e3439874"
    assert arch.params == 8_555_530
    assert equal(nasbench101.official_form(arch.graph), Graphs(np.array([[0, 1, 3, 1, 1, 2, 4]]), matrix[None])).all()


def test_the_form_matters_where_channels_can_not_be_shared_evenly(nasbench101: SearchSpace) -> None:
    config = nasbench101.network_options(channels=4, stacks=1, cells=1)
    shared_by_three = np.zeros((1, 5, 5), dtype=bool)
    for i, j in ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)):
        shared_by_three[0, i, j] = True
    wide, narrow = (Graphs(np.array([[0, *ops, 4]]), shared_by_three) for ops in ((1, 3, 3), (3, 3, 1)))
    assert nasbench101.keys(wide) == nasbench101.keys(narrow)
    assert counts.params(wide, config) > counts.params(narrow, config)
    assert nasbench101.params(wide, channels=4) == nasbench101.params(narrow, channels=4)


def test_the_cell_without_vertices_is_a_projection(nasbench101: SearchSpace) -> None:
    network = chain(nasbench101).build(channels=4, stacks=1, cells=1).eval()
    body = network.layers[0]
    images = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(body(images), body.projections["1"](images))


def test_a_vertex_takes_the_first_channels_of_a_wider_one(nasbench101: SearchSpace) -> None:
    # vertex 1 feeds 2 and 3, which share the output's 5 channels: 3 and 2
    arch = cell(
        nasbench101, [[0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]], [C3, MP, MP]
    )
    body = arch.build(channels=5, stacks=1, cells=1).layers[0].eval()
    images = torch.rand(1, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    first = body.operations["1"](body.projections["1"](images))
    pooled = torch.nn.functional.max_pool2d(first, 3, 1, 1)
    assert first.shape[1] == 3
    assert torch.equal(body(images), torch.cat([pooled, pooled[:, :2]], dim=1))


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 28), (3, 5)])
def test_grey_and_colour_images_of_any_size(nasbench101: SearchSpace, channels: int, size: int) -> None:
    arch = cell(nasbench101, *INCEPTION_LIKE)
    network = arch.build(num_classes=6, channels=8, cells=1, in_channels=channels, image_size=size)
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 6)


def test_every_parameter_learns(nasbench101: SearchSpace) -> None:
    network = cell(nasbench101, *INCEPTION_LIKE).build(channels=8, cells=2)
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    network(images).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_too_few_channels_to_share_are_refused_with_the_least_number(nasbench101: SearchSpace) -> None:
    arch = cell(nasbench101, *INCEPTION_LIKE)
    with pytest.raises(InvalidInput, match="at least 4"):
        arch.build(channels=3)
    with pytest.raises(InvalidInput, match="at least 4"):
        nasbench101.params(arch.graph, channels=3)


def test_images_that_vanish_are_refused(nasbench101: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="image_size must be at least 4"):
        nasbench101.network_options(image_size=3)
