from __future__ import annotations

import bz2
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.networks import sizes

from archllm.errors import InvalidInput
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import SearchSpace


@pytest.mark.parametrize(
    ("index", "params", "macs"),
    [("0", 129_306, 15_647_370), ("1", 802_426, 113_951_370)],
)
def test_the_published_sizes(nasbench201: SearchSpace, index: str, params: int, macs: int) -> None:
    cell = nasbench201.parse(index)
    assert (cell.params, cell.macs) == (params, macs)
    network = cell.build()
    assert (count_params(network), count_macs(network, (3, 32, 32))) == (params, macs)


@pytest.mark.parametrize(("dataset", "classes", "size"), [("cifar100", 100, 32), ("ImageNet16-120", 120, 16)])
def test_the_sizes_that_the_benchmark_stores(
    nasbench201: SearchSpace, data_dir: Path, dataset: str, classes: int, size: int
) -> None:
    folder = data_dir / "NATS-tss-v1_0-3ffb9-simple"
    for file in sorted(folder.glob("0*.pickle.pbz2")):
        stored = pickle.loads(bz2.decompress(file.read_bytes()))["200"]  # noqa: S301 - data that the tests trust
        result = next(found for (name, _), found in stored["all_results"].items() if name == dataset)
        cell = nasbench201.parse(stored["arch_str"])
        options = {"num_classes": classes, "image_size": size}
        assert sizes.params(nasbench201, cell.graph, **options)[0] == round(result["params"] * 1e6)
        assert sizes.macs(nasbench201, cell.graph, **options)[0] == round(result["flop"] * 1e6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"channels": 5, "cells": 2, "in_channels": 1, "num_classes": 7, "image_size": 12},
        {"channels": 8, "cells": 1},
    ],
)
def test_counts_are_those_of_the_built_network(nasbench201: SearchSpace, options: dict[str, int]) -> None:
    cells = nasbench201.sample(12, np.random.default_rng(1))
    params, macs = sizes.params(nasbench201, cells, **options), sizes.macs(nasbench201, cells, **options)
    for arch, expected in zip(nasbench201.architectures(cells), zip(params, macs, strict=True), strict=True):
        with torch.device("meta"):
            network = arch.build(**options)
        image = nasbench201.networks.setting(**options).image
        assert (count_params(network), count_macs(network, image)) == expected


def test_a_cell_is_the_sum_over_its_paths(nasbench201: SearchSpace) -> None:
    only_skips = nasbench201.parse(
        "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
    )
    network = only_skips.build(channels=4, cells=1)
    images = torch.ones(2, 4, 8, 8)
    assert torch.equal(network.layers[0](images), 4 * images)  # as many paths from input to output


def test_a_cell_without_a_path_gives_zero(nasbench201: SearchSpace) -> None:
    dead = nasbench201.parse("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_1x1~2|")
    cell = dead.build(channels=4, cells=1).layers[0].eval()
    assert (cell(torch.ones(2, 4, 8, 8)) == 0).all()


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 28)])
def test_grey_and_colour_images_of_any_size_that_can_be_halved(
    nasbench201: SearchSpace, channels: int, size: int
) -> None:
    network = nasbench201.parse("7").build(num_classes=6, channels=4, cells=1, in_channels=channels, image_size=size)
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 6)


def test_images_of_a_wrong_shape_are_refused_by_the_network(nasbench201: SearchSpace) -> None:
    network = nasbench201.parse("7").build(channels=4, cells=1)
    for shape in ((2, 1, 32, 32), (2, 3, 30, 32), (3, 32, 32)):
        with pytest.raises(ValueError, match="expected images n x 3 x h x w"):
            network(torch.zeros(shape))


def test_counts_that_do_not_fit_into_64_bits_are_refused(nasbench201: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="64 bits"):
        sizes.macs(nasbench201, nasbench201.parse("1").graph, channels=100_000, image_size=100_000)
