"""Known small networks have the sizes that are published."""

from __future__ import annotations

import pytest
import torch

from archllm.baselines.small_networks import SMALL_NETWORKS, mobilenetv2
from archllm.networks.counting import count_macs, count_params


def test_mobilenetv2_has_its_published_parameters() -> None:
    assert count_params(mobilenetv2(1_000, 3, width=1.0)) == 3_504_872


def test_resnet8_is_about_as_large_as_published() -> None:
    # 78,666 in MLPerf Tiny, whose convolutions have biases and whose shortcuts have no batch norm
    assert count_params(SMALL_NETWORKS["ResNet-8"](10, 3)) == pytest.approx(78_666, rel=0.01)


@pytest.mark.parametrize("name", SMALL_NETWORKS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 48, 64)])
def test_images_of_any_size_give_logits(name: str, shape: tuple[int, int, int]) -> None:
    network = SMALL_NETWORKS[name](5, shape[0]).eval()
    assert network(torch.zeros(2, *shape)).shape == (2, 5)
    assert count_macs(network, shape) > 0
