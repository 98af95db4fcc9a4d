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


class StagedNetwork(nn.Module):
    """Stem, three stages of cells with residual reductions between, classifier (NAS-Bench-201's skeleton).

    Args:
        cell: makes a cell of so many channels that keeps channels and resolution.
        num_classes: classes.
        channels: channels of the first stage; they double from stage to stage.
        cells: cells per stage.
        in_channels: channels of the images.
    """

    def __init__(
        self, cell: Callable[[int], nn.Module], num_classes: int, channels: int, cells: int, in_channels: int
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        layers: list[nn.Module] = []
        for stage in range(3):
            width = channels * 2**stage
            if stage > 0:
                layers.append(ResidualReduction(width // 2, width))
            layers.extend(cell(width) for _ in range(cells))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(4 * channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x h x w`, sides multiples of 4, to logits `n x classes`."""
        check_images(x, self.in_channels, 4)
        return self.classifier(self.head(self.layers(self.stem(x))))


class EdgeDagNetwork(StagedNetwork):
    """A network of `EdgeCell`s; see there and `StagedNetwork` for the arguments."""

    def __init__(
        self,
        ops: Sequence[str],
        nodes: int,
        operations: Operations,
        num_classes: int = 10,
        channels: int = 16,
        cells: int = 3,
        in_channels: int = 3,
    ) -> None:
        super().__init__(
            lambda width: EdgeCell(ops, nodes, width, operations), num_classes, channels, cells, in_channels
        )


class NodeDagNetwork(StagedNetwork):
    """A network of `NodeCell`s; see there and `StagedNetwork` for the arguments."""

    def __init__(
        self,
        matrix: Sequence[Sequence[int]],
        ops: Sequence[str],
        operations: Operations,
        num_classes: int = 10,
        channels: int = 16,
        cells: int = 3,
        in_channels: int = 3,
    ) -> None:
        super().__init__(
            lambda width: NodeCell(matrix, ops, width, operations), num_classes, channels, cells, in_channels
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
        channels: channels of the nodes of the first stage; they double from stage to stage.
        layers: cells per stage.
        in_channels: channels of the images.
        joins: for each cell type the inner nodes that the output joins; by default all.
    """

    def __init__(
        self,
        cells: Sequence[Edges],
        inputs: int,
        per_node: int,
        operations: Operations,
        num_classes: int = 10,
        channels: int = 16,
        layers: int = 3,
        in_channels: int = 3,
        joins: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.inputs = in_channels, inputs
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        if joins is None:
            joins = [range(len(edges) // per_node) for edges in cells]
        past = [(channels, 0)] * inputs  # channels of the last outputs, and how often they were halved
        self.layers = nn.ModuleList()
        for stage in range(3):
            width = channels * 2**stage
            for layer in range(-1 if stage else 0, layers):
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
        past = [self.stem(x)] * self.inputs
        for layer in self.layers:
            made = layer(past[-self.inputs :]) if isinstance(layer, GenotypeCell) else layer(past[-1])
            past.append(made)
        return self.classifier(self.head(past[-1]))
