"""A NAS-Bench-101 cell as a network (Ying et al., 2019, section 2). Needs torch and the shared blocks alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from archllm.networks.blocks import ConvBNReLU, check_images

Matrix = Sequence[Sequence[int]]
"""Adjacency of a cell: `matrix[i][j]` is 1 where `i` feeds `j`; the first vertex is the input, the last the output."""


def conv3x3_bn_relu(channels: int) -> nn.Module:
    """3x3 convolution, batch norm, ReLU."""
    return ConvBNReLU(channels, channels, 3)


def conv1x1_bn_relu(channels: int) -> nn.Module:
    """1x1 convolution, batch norm, ReLU."""
    return ConvBNReLU(channels, channels, 1)


def maxpool3x3(channels: int) -> nn.Module:
    """3x3 maximum; keeps the resolution."""
    return nn.MaxPool2d(3, stride=1, padding=1)


OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "conv3x3-bn-relu": conv3x3_bn_relu,
    "conv1x1-bn-relu": conv1x1_bn_relu,
    "maxpool3x3": maxpool3x3,
}


def vertex_channels(matrix: Matrix, channels: int) -> list[int]:
    """Channels of all vertices but the input: those that feed the output share its own, others get what they feed."""
    output = len(matrix) - 1
    sharers = [vertex for vertex in range(1, output) if matrix[vertex][output]]
    found = [0] * output + [channels]
    for place, vertex in enumerate(sharers):
        found[vertex] = channels // len(sharers) + (place < channels % len(sharers))
    for vertex in range(output - 1, 0, -1):
        if vertex not in sharers:
            found[vertex] = max(found[later] for later in range(vertex + 1, output) if matrix[vertex][later])
    return found


class Cell(nn.Module):
    """A vertex adds up what feeds it, the input through a 1x1 projection, and applies its operation.

    A vertex takes the first of a wider one's channels. The output joins the vertices that feed it; if the input feeds
    it too, a projection is added.

    Args:
        matrix: adjacency of the cell.
        ops: operation of each vertex, "input" first and "output" last.
        c_in: channels of the input.
        c_out: channels of the output.
    """

    def __init__(self, matrix: Matrix, ops: Sequence[str], c_in: int, c_out: int) -> None:
        super().__init__()
        self.output = len(matrix) - 1
        self.channels = vertex_channels(matrix, c_out)
        self.sources = [[i for i in range(1, j) if matrix[i][j]] for j in range(len(matrix))]
        self.projections = nn.ModuleDict(
            {str(j): ConvBNReLU(c_in, self.channels[j], 1) for j in range(1, len(matrix)) if matrix[0][j]}
        )
        self.operations = nn.ModuleDict({str(j): OPERATIONS[ops[j]](self.channels[j]) for j in range(1, self.output)})

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h x w`."""
        made: dict[int, Tensor] = {}
        for vertex in range(1, self.output):
            arriving = [made[source][:, : self.channels[vertex]] for source in self.sources[vertex]]
            if str(vertex) in self.projections:
                arriving.append(self.projections[str(vertex)](x))
            made[vertex] = self.operations[str(vertex)](reduce(torch.add, arriving))
        joined = [made[source] for source in self.sources[self.output]]
        if str(self.output) not in self.projections:
            return torch.cat(joined, dim=1)
        projected = self.projections[str(self.output)](x)
        return torch.cat(joined, dim=1) + projected if joined else projected


class Network(nn.Module):
    """Stem, stacks of cells with a max-pool between two, classifier.

    Args:
        matrix: adjacency of the cell.
        ops: operation of each vertex, "input" first and "output" last.
        num_classes: classes.
        channels: channels of the stem and the first stack.
        stacks: stacks of cells; channels double from stack to stack.
        cells: cells per stack.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        matrix: Matrix,
        ops: Sequence[str],
        num_classes: int = 10,
        channels: int = 128,
        stacks: int = 3,
        cells: int = 3,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.stem = ConvBNReLU(in_channels, channels, 3)
        layers: list[nn.Module] = []
        width = channels
        for stack in range(stacks):
            if stack > 0:
                layers.append(nn.MaxPool2d(2))
            for _ in range(cells):
                layers.append(Cell(matrix, ops, width, channels * 2**stack))
                width = channels * 2**stack
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x h x w` to logits `n x classes`."""
        check_images(x, self.in_channels, 1)
        return self.classifier(self.head(self.layers(self.stem(x))))
