"""Networks of terms: rows of blocks and of joins. Needs torch and the shared blocks alone.

A term is a tuple of elements, each the name of a block, or a tuple of an operation, how often it is made, and the terms
of its branches: `("conv", ("add", 1, (("conv", "conv"), ())))` is `sequence(conv, residual(sequence(conv, conv)))`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from archllm.networks.blocks import check_images

Operations = Mapping[str, Callable[..., nn.Module]]
"""Name of a block -> what makes it."""

Options = Sequence[tuple[str, Sequence[tuple[str, Any]]]]
"""Blocks with further arguments, and these by name."""


class Add(nn.Module):
    """The sum of branches."""

    def __init__(self, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """The sum of what the branches make of `x`."""
        return reduce(torch.add, [branch(x) for branch in self.branches])


class Concat(nn.Module):
    """Branches side by side, brought back to the channels of one of them.

    Args:
        branches: what is joined.
        channels: channels of each branch.
        sequences: whether channels come last.
    """

    def __init__(self, branches: Sequence[nn.Module], channels: int, sequences: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.dimension = -1 if sequences else 1
        wide = len(branches) * channels
        self.project: nn.Module = nn.Linear(wide, channels) if sequences else nn.Conv2d(wide, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The projection of what the branches make of `x`."""
        return self.project(torch.cat([branch(x) for branch in self.branches], dim=self.dimension))


class Cell(nn.Module):
    """A complete DAG; each node is the sum of its edges' branches on earlier nodes.

    Args:
        branches: those of the edges, target by target and within a target by source.
    """

    def __init__(self, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """What the last node holds."""
        states, edges = [x], list(self.branches)
        while edges:
            own, edges = edges[: len(states)], edges[len(states) :]
            states.append(reduce(torch.add, [edge(state) for edge, state in zip(own, states, strict=True)]))
        return states[-1]


class Builder:
    """Makes modules of terms.

    Args:
        operations: what makes blocks.
        options: their further arguments.
        downsampling: names of blocks that halve the resolution and double the channels.
        sequences: whether channels come last.
    """

    def __init__(self, operations: Operations, options: Options, downsampling: Sequence[str], sequences: bool) -> None:
        self.operations, self.downsampling, self.sequences = operations, downsampling, sequences
        self.options = {name: dict(arguments) for name, arguments in options}

    def row(self, term: Sequence[Any], channels: int) -> tuple[nn.Module, int]:
        """The module of a term on so many channels, and the channels of its output."""
        made = []
        for element in term:
            module, channels = self.element(element, channels)
            made.append(module)
        return (made[0] if len(made) == 1 else nn.Sequential(*made)), channels

    def element(self, element: Any, channels: int) -> tuple[nn.Module, int]:
        """The module of an element on so many channels, and the channels of its output."""
        if isinstance(element, str):
            wide = 2 * channels if element in self.downsampling else channels
            widths = (channels, wide) if element in self.downsampling else (channels,)
            return self.operations[element](*widths, **self.options.get(element, {})), wide
        op, times, terms = element
        if op == "repeat":
            return self.row(terms[0] * times, channels)
        made = [self.row(term, channels) for term in terms]
        branches, wide = [module for module, _ in made], made[0][1]
        if op == "concat":
            return Concat(branches, wide, self.sequences), wide
        return (Cell(branches) if op == "cell" else Add(branches)), wide


class ImageNetwork(nn.Module):
    """A 3x3 convolution, the blocks of a term, classifier.

    Args:
        term: the blocks.
        downsampling: names of blocks that halve the resolution and double the channels.
        halvings: how often the term does so.
        operations: what makes blocks.
        options: their further arguments.
        num_classes: classes.
        channels: channels of the stem.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        term: Sequence[Any],
        downsampling: Sequence[str],
        halvings: int,
        operations: Operations,
        options: Options = (),
        num_classes: int = 10,
        channels: int = 16,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.in_channels, self.halvings = in_channels, halvings
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.body, wide = Builder(operations, options, downsampling, False).row(term, channels)
        self.head = nn.Sequential(nn.BatchNorm2d(wide), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(wide, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x h x w` to logits `n x classes`."""
        check_images(x, self.in_channels, 2**self.halvings)
        return self.classifier(self.head(self.body(self.stem(x))))


class SequenceNetwork(nn.Module):
    """Patches and their places, the blocks of a term, an average, classifier.

    Args:
        term: the blocks.
        operations: what makes blocks.
        options: their further arguments.
        num_classes: classes.
        channels: features of a patch.
        in_channels: channels of the images.
        patch: height and width of a patch in pixels.
        image_size: height and width of the images in pixels.
    """

    def __init__(
        self,
        term: Sequence[Any],
        operations: Operations,
        options: Options = (),
        num_classes: int = 10,
        channels: int = 32,
        in_channels: int = 3,
        patch: int = 4,
        image_size: int = 32,
    ) -> None:
        super().__init__()
        self.in_channels, self.image_size = in_channels, image_size
        self.patches = nn.Conv2d(in_channels, channels, patch, stride=patch)
        self.places = nn.Parameter(0.02 * torch.randn((image_size // patch) ** 2, channels))
        self.body, _ = Builder(operations, options, (), True).row(term, channels)
        self.norm = nn.LayerNorm(channels)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x image_size x image_size` to logits `n x classes`."""
        check_images(x, self.in_channels, self.image_size)
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.classifier(self.norm(self.body(tokens)).mean(dim=1))
