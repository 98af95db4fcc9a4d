"""Formulas of sizes, against the modules."""

from __future__ import annotations

import inspect

import pytest
import torch

from archllm.networks import operations
from archllm.networks.cells.setting import CellNetworkSetting
from archllm.networks.cells.sizes import operation_size, staged_size
from archllm.networks.counting import count_macs, count_params

NAMES = [
    name
    for name, found in inspect.getmembers(operations, inspect.isfunction)
    if found.__module__ == operations.__name__ and "stride" in inspect.signature(found).parameters
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stride", [1, 2])
def test_an_operation_has_the_size_of_its_module(name: str, stride: int) -> None:
    where = f"{operations.__name__}:{name}"
    for channels, size in ((8, 16), (5, 12)):
        with torch.device("meta"):
            module = getattr(operations, name)(channels, stride)
        expected = count_params(module), count_macs(module, (channels, size, size))
        assert operation_size(where, channels, size, stride) == expected


def test_any_other_operation_has_no_formula() -> None:
    assert operation_size("mine:conv3x3", 8, 8, 1) is None
    assert operation_size(f"{operations.__name__}:nothing", 8, 8, 1) is None


def test_a_network_without_cells_has_the_size_of_its_module() -> None:
    from archllm.networks.cells.modules import StagedNetwork

    setting = CellNetworkSetting(channels=5, cells=2, num_classes=7, in_channels=2, image_size=24)
    with torch.device("meta"):
        network = StagedNetwork(lambda width: torch.nn.Identity(), 7, 5, 2, 2)
    assert staged_size(setting) == (count_params(network), count_macs(network, setting.image))
