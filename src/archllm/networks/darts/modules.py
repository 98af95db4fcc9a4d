"""A DARTS genotype as a network (Liu et al., 2019; evaluation). Needs torch and the shared blocks alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from archllm.networks.blocks import DilConv, FactorizedReduce, ReLUConvBN, SepConv, check_images

Edges = Sequence[tuple[str, int]]
"""Eight operations, two per node, each with the state it reads: 0 and 1 are the cell's inputs, 2 to 5 its nodes."""


def max_pool_3x3(channels: int, stride: int) -> nn.Module:
    """3x3 maximum."""
    return nn.MaxPool2d(3, stride=stride, padding=1)


def avg_pool_3x3(channels: int, stride: int) -> nn.Module:
    """3x3 average of what lies inside the image."""
    return nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)


def skip_connect(channels: int, stride: int) -> nn.Module:
    """The input as it is, or at half the resolution."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)


def sep_conv_3x3(channels: int, stride: int) -> nn.Module:
    """3x3 separable convolution, twice."""
    return SepConv(channels, 3, stride)


def sep_conv_5x5(channels: int, stride: int) -> nn.Module:
    """5x5 separable convolution, twice."""
    return SepConv(channels, 5, stride)


def dil_conv_3x3(channels: int, stride: int) -> nn.Module:
    """3x3 separable convolution of dilation 2."""
    return DilConv(channels, 3, stride)


def dil_conv_5x5(channels: int, stride: int) -> nn.Module:
    """5x5 separable convolution of dilation 2."""
    return DilConv(channels, 5, stride)


OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "max_pool_3x3": max_pool_3x3,
    "avg_pool_3x3": avg_pool_3x3,
    "skip_connect": skip_connect,
    "sep_conv_3x3": sep_conv_3x3,
    "sep_conv_5x5": sep_conv_5x5,
    "dil_conv_3x3": dil_conv_3x3,
    "dil_conv_5x5": dil_conv_5x5,
}


def drop_path(x: Tensor, probability: float) -> Tensor:
    """Sets whole images of a batch to zero with that probability, and scales up the others."""
    keep = torch.full((x.shape[0], 1, 1, 1), 1 - probability, device=x.device, dtype=x.dtype)
    return x * torch.bernoulli(keep) / (1 - probability)


class Cell(nn.Module):
    """Four nodes, each the sum of two operations on earlier states; the output joins them.

    Args:
        edges: the operations and what they read.
        c_before_last: channels of the output of the cell before the last one.
        c_last: channels of the output of the last cell.
        channels: channels of every node.
        reduction: whether it halves the resolution.
        after_reduction: whether the last cell did, so that the two inputs differ in resolution.
    """

    def __init__(
        self, edges: Edges, c_before_last: int, c_last: int, channels: int, reduction: bool, after_reduction: bool
    ) -> None:
        super().__init__()
        self.drop_path = 0.0
        self.sources = [source for _, source in edges]
        self.preprocess0 = (
            FactorizedReduce(c_before_last, channels) if after_reduction else ReLUConvBN(c_before_last, channels)
        )
        self.preprocess1 = ReLUConvBN(c_last, channels)
        self.operations = nn.ModuleList(
            OPERATIONS[op](channels, 2 if reduction and source < 2 else 1) for op, source in edges
        )

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """Maps the outputs of the two cells before to `n x 4c x h x w`."""
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        for first in range(0, len(self.sources), 2):
            states.append(self.edge(first, states) + self.edge(first + 1, states))
        return torch.cat(states[2:], dim=1)

    def edge(self, number: int, states: list[Tensor]) -> Tensor:
        """What one operation makes of the state it reads."""
        operation = self.operations[number]
        made = operation(states[self.sources[number]])
        if self.training and self.drop_path > 0 and not isinstance(operation, nn.Identity):
            return drop_path(made, self.drop_path)
        return made


class AuxiliaryHead(nn.Sequential):
    """A classifier on the features in the middle, for training only."""

    def __init__(self, channels: int, num_classes: int, stem: str) -> None:
        super().__init__(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3 if stem == "cifar" else 2, count_include_pad=False),
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768) if stem == "cifar" else nn.Identity(),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, num_classes),
        )


class Network(nn.Module):
    """Stem, cells, classifier; two of the cells halve the resolution.

    Args:
        normal: edges of the normal cells.
        reduce: edges of the reduction cells.
        num_classes: classes.
        channels: channels of the first cells (C).
        layers: cells in all.
        in_channels: channels of the images.
        stem: "cifar", or "imagenet" to reduce the resolution by 8 first.
        auxiliary: whether training uses a second classifier.
        drop_path: probability with which training drops an operation's output for an image.

    Raises:
        ValueError: there is no such stem, or `drop_path` is out of range.
    """

    def __init__(
        self,
        normal: Edges,
        reduce: Edges,
        num_classes: int = 10,
        channels: int = 36,
        layers: int = 20,
        in_channels: int = 3,
        stem: str = "cifar",
        auxiliary: bool = False,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if stem not in ("cifar", "imagenet"):
            raise ValueError(f"stem must be cifar or imagenet, got {stem!r}")
        self.in_channels = in_channels
        self.multiple = 4 if stem == "cifar" else 32
        if stem == "cifar":
            c_last = c_before_last = 3 * channels
            self.stem0 = nn.Sequential(nn.Conv2d(in_channels, c_last, 3, padding=1, bias=False), nn.BatchNorm2d(c_last))
            self.stem1: nn.Module = nn.Identity()
        else:
            c_last = c_before_last = channels
            half = channels // 2
            self.stem0 = nn.Sequential(
                nn.Conv2d(in_channels, half, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(half),
                nn.ReLU(),
                nn.Conv2d(half, channels, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels),
            )
            self.stem1 = ReLUConvBN(channels, channels, 3, stride=2)
        self.cells = nn.ModuleList()
        self.auxiliary_after = 2 * layers // 3
        self.auxiliary: nn.Module | None = None
        after_reduction = stem == "imagenet"
        for layer in range(layers):
            reduction = layer in (layers // 3, 2 * layers // 3)
            channels = 2 * channels if reduction else channels
            edges = reduce if reduction else normal
            self.cells.append(Cell(edges, c_before_last, c_last, channels, reduction, after_reduction))
            after_reduction = reduction
            c_before_last, c_last = c_last, 4 * channels
            if auxiliary and layer == self.auxiliary_after:
                self.auxiliary = AuxiliaryHead(c_last, num_classes, stem)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c_last, num_classes)
        self.set_drop_path(drop_path)

    def set_drop_path(self, probability: float) -> None:
        """Changes the probability with which training drops an operation's output for an image.

        A plain skip is never dropped. The paper raises it linearly, epoch by epoch, from 0 to 0.2 (appendix A).

        Raises:
            ValueError: it is not at least 0 and below 1.
        """
        if not 0 <= probability < 1:
            raise ValueError(f"the probability of drop-path must be at least 0 and below 1, got {probability}")
        for cell in self.cells.children():
            if isinstance(cell, Cell):
                cell.drop_path = probability

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Maps images `n x c x h x w`, sides multiples of 4 (imagenet stem: 32), to logits `n x classes`.

        In training with the auxiliary head: to both logits; images must then have a size that the head is made for.
        """
        check_images(x, self.in_channels, self.multiple)
        before_last = self.stem0(x)
        last = self.stem1(before_last)
        aside = None
        for layer, cell in enumerate(self.cells):
            before_last, last = last, cell(before_last, last)
            if self.training and self.auxiliary is not None and layer == self.auxiliary_after:
                aside = self.auxiliary(last)
        logits = self.classifier(self.head(last))
        return logits if aside is None else (logits, aside)
