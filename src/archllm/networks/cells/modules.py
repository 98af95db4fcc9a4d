"""Networks of custom cells, of operations that a space file names. Needs torch and the shared blocks alone.

What makes an operation is called with the number of channels, in cells of kind genotype also with a stride.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from archllm.networks.blocks import FactorizedReduce, ReLUConvBN, ResidualReduction, check_images

Operations = Mapping[str, Callable[..., nn.Module]]
"""Name of an operation -> what makes it."""

Edges = Sequence[tuple[str, int]]
"""The operations of a cell, each with the state it reads: inputs first, then inner nodes."""


class EdgeCell(nn.Module):
    """A complete DAG; each node is the sum of its edges' operations on earlier nodes.

    Args:
        ops: names of the operations, target by target and within a target by source.
        nodes: nodes, the first being the input and the last the output.
        channels: channels of every node.
        operations: what makes them.
    """

    def __init__(self, ops: Sequence[str], nodes: int, channels: int, operations: Operations) -> None:
        super().__init__()
        self.nodes = nodes
        self.edges = nn.ModuleList(operations[op](channels) for op in ops)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c x h x w` to the same shape."""
        states = [x]
        edges = iter(self.edges)
        for target in range(1, self.nodes):
            states.append(reduce(torch.add, [next(edges)(states[source]) for source in range(target)]))
        return states[-1]


class NodeCell(nn.Module):
    """A vertex adds up what feeds it and applies its operation; the output adds up what feeds it.

    Args:
        matrix: `matrix[i][j]` is 1 where `i` feeds `j`; the first vertex is the input, the last the output.
        ops: names of the operations of the vertices between.
        channels: channels of every vertex.
        operations: what makes them.
    """

    def __init__(
        self, matrix: Sequence[Sequence[int]], ops: Sequence[str], channels: int, operations: Operations
    ) -> None:
        super().__init__()
        self.sources = [[i for i in range(j) if matrix[i][j]] for j in range(1, len(matrix))]
        self.vertices = nn.ModuleList([operations[op](channels) for op in ops] + [nn.Identity()])

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c x h x w` to the same shape."""
        states = [x]
        for vertex, sources in zip(self.vertices, self.sources, strict=True):
            states.append(vertex(reduce(torch.add, [states[source] for source in sources])))
        return states[-1]


def widths_of(channels: int | Sequence[int]) -> list[int]:
    """Channels of each of three stages; those of the first double from stage to stage."""
    return [channels * 2**stage for stage in range(3)] if isinstance(channels, int) else list(channels)


def depths_of(cells: int | Sequence[int]) -> list[int]:
    """Cells of each of three stages."""
    return [cells] * 3 if isinstance(cells, int) else list(cells)


def resized(x: Tensor, resolution: int | None) -> Tensor:
    """Images `n x c x h x w` in another size, if one is given."""
    if resolution is None:
        return x
    return nn.functional.interpolate(x, size=(resolution, resolution), mode="bilinear", align_corners=False)


class StagedNetwork(nn.Module):
    """Stem, three stages of cells with residual reductions between, classifier (NAS-Bench-201's skeleton).

    Args:
        cell: makes a cell of so many channels that keeps channels and resolution.
        num_classes: classes.
        channels: channels of the first stage, which double from stage to stage; or of each stage.
        cells: cells per stage; or of each stage.
        in_channels: channels of the images.
        resolution: height and width that images are resized to; by default they stay as they are.
    """

    def __init__(
        self,
        cell: Callable[[int], nn.Module],
        num_classes: int,
        channels: int | Sequence[int],
        cells: int | Sequence[int],
        in_channels: int,
        resolution: int | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.resolution = in_channels, resolution
        widths, depths = widths_of(channels), depths_of(cells)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0])
        )
        layers: list[nn.Module] = []
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if stage > 0:
                layers.append(ResidualReduction(widths[stage - 1], width))
            layers.extend(cell(width) for _ in range(depth))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x h x w`, sides multiples of 4, to logits `n x classes`."""
        check_images(x, self.in_channels, 4)
        return self.classifier(self.head(self.layers(self.stem(resized(x, self.resolution)))))


class EdgeDagNetwork(StagedNetwork):
    """A network of `EdgeCell`s; see there and `StagedNetwork` for the arguments."""

    def __init__(
        self,
        ops: Sequence[str],
        nodes: int,
        operations: Operations,
        num_classes: int = 10,
        channels: int | Sequence[int] = 16,
        cells: int | Sequence[int] = 3,
        in_channels: int = 3,
        resolution: int | None = None,
    ) -> None:
        super().__init__(
            lambda width: EdgeCell(ops, nodes, width, operations), num_classes, channels, cells, in_channels, resolution
        )


class NodeDagNetwork(StagedNetwork):
    """A network of `NodeCell`s; see there and `StagedNetwork` for the arguments."""

    def __init__(
        self,
        matrix: Sequence[Sequence[int]],
        ops: Sequence[str],
        operations: Operations,
        num_classes: int = 10,
        channels: int | Sequence[int] = 16,
        cells: int | Sequence[int] = 3,
        in_channels: int = 3,
        resolution: int | None = None,
    ) -> None:
        super().__init__(
            lambda width: NodeCell(matrix, ops, width, operations),
            num_classes,
            channels,
            cells,
            in_channels,
            resolution,
        )


class Align(nn.Sequential):
    """Brings a state to so many channels, at a resolution halved so often."""

    def __init__(self, c_in: int, channels: int, halvings: int) -> None:
        if halvings == 0:
            super().__init__(ReLUConvBN(c_in, channels))
        else:
            super().__init__(
                FactorizedReduce(c_in, channels), *(FactorizedReduce(channels, channels) for _ in range(halvings - 1))
            )


class GenotypeCell(nn.Module):
    """Each inner node adds up operations on earlier states; the output joins inner nodes.

    Args:
        edges: the operations and what they read.
        inputs: channels of each input, and how often its resolution is to be halved to that of the last one.
        per_node: operations per inner node.
        channels: channels of every node.
        stride: stride of the operations that read an input.
        operations: what makes them.
        joined: the inner nodes that the output joins; by default all.
    """

    def __init__(
        self,
        edges: Edges,
        inputs: Sequence[tuple[int, int]],
        per_node: int,
        channels: int,
        stride: int,
        operations: Operations,
        joined: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.per_node = per_node
        inner = range(len(edges) // per_node) if joined is None else joined
        self.joined = [len(inputs) + node for node in inner]
        self.sources = [source for _, source in edges]
        self.inputs = nn.ModuleList(Align(c_in, channels, halvings) for c_in, halvings in inputs)
        self.edges = nn.ModuleList(
            operations[op](channels, stride if source < len(inputs) else 1) for op, source in edges
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Maps the inputs to `n x (joined nodes * channels) x h x w`."""
        states = [align(x) for align, x in zip(self.inputs, inputs, strict=True)]
        for first in range(0, len(self.sources), self.per_node):
            arriving = [self.edges[at](states[self.sources[at]]) for at in range(first, first + self.per_node)]
            states.append(reduce(torch.add, arriving))
        return torch.cat([states[node] for node in self.joined], dim=1)


class GenotypeNetwork(nn.Module):
    """Stem, three stages of cells, classifier; a cell reads the last few outputs.

    Args:
        cells: edges of the cells of the stages, and, if there is a second type, of the cell between two stages, which
            halves the resolution; else a residual block does.
        inputs: inputs of a cell.
        per_node: operations per inner node.
        operations: what makes them.
        num_classes: classes.
        channels: channels of the nodes of the first stage, which double from stage to stage; or of each stage.
        layers: cells per stage; or of each stage.
        in_channels: channels of the images.
        joins: for each cell type the inner nodes that the output joins; by default all.
        resolution: height and width that images are resized to; by default they stay as they are.
    """

    def __init__(
        self,
        cells: Sequence[Edges],
        inputs: int,
        per_node: int,
        operations: Operations,
        num_classes: int = 10,
        channels: int | Sequence[int] = 16,
        layers: int | Sequence[int] = 3,
        in_channels: int = 3,
        joins: Sequence[Sequence[int]] | None = None,
        resolution: int | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.inputs, self.resolution = in_channels, inputs, resolution
        widths = widths_of(channels)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0])
        )
        if joins is None:
            joins = [range(len(edges) // per_node) for edges in cells]
        past = [(widths[0], 0)] * inputs  # channels of the last outputs, and how often they were halved
        self.layers = nn.ModuleList()
        for stage, (width, depth) in enumerate(zip(widths, depths_of(layers), strict=True)):
            for layer in range(-1 if stage else 0, depth):
                between = layer < 0
                level = past[-1][1]
                kind = 1 if between and len(cells) > 1 else 0
                if between and kind == 0:
                    self.layers.append(ResidualReduction(past[-1][0], len(joins[0]) * width))
                else:
                    reads = [(c, level - halved) for c, halved in past[-inputs:]]
                    stride = 2 if between else 1
                    self.layers.append(
                        GenotypeCell(cells[kind], reads, per_node, width, stride, operations, joins[kind])
                    )
                past.append((len(joins[kind]) * width, level + between))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(past[-1][0], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x h x w`, sides multiples of 4, to logits `n x classes`."""
        check_images(x, self.in_channels, 4)
        past = [self.stem(resized(x, self.resolution))] * self.inputs
        for layer in self.layers:
            made = layer(past[-self.inputs :]) if isinstance(layer, GenotypeCell) else layer(past[-1])
            past.append(made)
        return self.classifier(self.head(past[-1]))
