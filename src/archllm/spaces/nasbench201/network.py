"""A NAS-Bench-201 cell as a network (Dong & Yang, 2020, section 2.1). Needs torch and the shared blocks alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from archllm.networks.blocks import ReLUConvBN, ResidualReduction, Zero, check_images

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Source and target node of each edge of the cell."""


def none(channels: int) -> nn.Module:
    """No connection."""
    return Zero()


def skip_connect(channels: int) -> nn.Module:
    """The input as it is."""
    return nn.Identity()


def nor_conv_1x1(channels: int) -> nn.Module:
    """ReLU, 1x1 convolution, batch norm."""
    return ReLUConvBN(channels, channels, 1)


def nor_conv_3x3(channels: int) -> nn.Module:
    """ReLU, 3x3 convolution, batch norm."""
    return ReLUConvBN(channels, channels, 3)


def avg_pool_3x3(channels: int) -> nn.Module:
    """3x3 average of what lies inside the image."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": none,
    "skip_connect": skip_connect,
    "nor_conv_1x1": nor_conv_1x1,
    "nor_conv_3x3": nor_conv_3x3,
    "avg_pool_3x3": avg_pool_3x3,
}


class Cell(nn.Module):
    """Four nodes; each is the sum of its edges' operations on earlier nodes.

    Args:
        ops: names of the operations, in the order of `EDGES`.
        channels: channels of every node.
    """

    def __init__(self, ops: Sequence[str], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(OPERATIONS[op](channels) for op in ops)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c x h x w` to the same shape."""
        nodes = [x]
        for target in (1, 2, 3):
            arriving = [
                edge(nodes[source]) for edge, (source, end) in zip(self.edges, EDGES, strict=True) if end == target
            ]
            nodes.append(reduce(torch.add, arriving))
        return nodes[3]


class Network(nn.Module):
    """Stem, three stages of cells with residual reductions between, classifier.

    Args:
        ops: names of the operations on the six edges of the cell, in the order of `EDGES`.
        num_classes: classes.
        channels: channels of the first stage (C).
        cells: cells per stage (N).
        in_channels: channels of the images.
    """

    def __init__(
        self, ops: Sequence[str], num_classes: int = 10, channels: int = 16, cells: int = 5, in_channels: int = 3
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        layers: list[nn.Module] = []
        for stage in range(3):
            width = channels * 2**stage
            if stage > 0:
                layers.append(ResidualReduction(width // 2, width))
            layers.extend(Cell(ops, width) for _ in range(cells))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(4 * channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x h x w`, sides multiples of 4, to logits `n x classes`."""
        check_images(x, self.in_channels, 4)
        return self.classifier(self.head(self.layers(self.stem(x))))
