"""Parameters and multiply-accumulates of NAS-Bench-101 networks, from graphs alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs
from archllm.networks.counting import conv_weights, linear_params, norm_params
from archllm.networks.nasbench101.setting import NASBench101Setting

KERNELS = {1: 3, 2: 1}
"""Kernel of each label whose operation has weights."""

Counts = NDArray[np.int64]

# A cell of output width C: inner vertex i has c_i channels (see `vertex_channels`) and a kernel of area a_i, 0 without
# weights; 1x1 projections of the input, of width D, make p channels in all; n channels have a batch norm. Convolutions
# have no bias and keep the resolution, so with P pixels:
#     params(C, D) = W + D p + 2 n,   macs(C, D) = P (W + D p),   W = sum_i a_i c_i^2
# In a stack of N cells of width C the first reads the width C' of the stack before, the others C, so over the stack
#     sum D = C' + (N - 1) C      (`arriving`)


def params(graphs: Graphs, setting: NASBench101Setting) -> Counts:
    """`n` counts for members in official form, unused positions behind the output.

    Raises:
        InvalidInput: a cell needs more channels, or a count needs more than 64 bits.
    """
    cells = _Cells.of(graphs)
    stem = conv_weights(setting.in_channels, setting.channels, 3) + norm_params(setting.channels)
    fixed = stem + _classifier(setting)
    terms = []
    for stack in _stacks(setting):
        size = cells.size(stack.channels)
        terms.append((setting.cells, size.weights + norm_params(1) * size.normed))
        terms.append((stack.arriving, size.projected))
    return _total(fixed, terms)


def macs(graphs: Graphs, setting: NASBench101Setting) -> Counts:
    """`n` counts for members in official form, unused positions behind the output; one image.

    Raises:
        InvalidInput: a cell needs more channels, or a count needs more than 64 bits.
    """
    cells = _Cells.of(graphs)
    fixed = setting.image_size**2 * conv_weights(setting.in_channels, setting.channels, 3) + _classifier(setting)
    terms = []
    for stack in _stacks(setting):
        size = cells.size(stack.channels)
        terms.append((stack.pixels * setting.cells, size.weights))
        terms.append((stack.pixels * stack.arriving, size.projected))
    return _total(fixed, terms)


@dataclass(frozen=True)
class _Stack:
    """Equal cells one after the other."""

    channels: int
    """Channels of a cell's output."""

    arriving: int
    """Channels of a cell's input, summed over the cells: the first cell gets those of the stack before."""

    pixels: int
    """Pixels of a feature map."""


@dataclass(frozen=True)
class _Size:
    """What a cell with so many output channels is made of; `n` numbers each."""

    weights: Counts
    """Weights of the operations' convolutions."""

    projected: Counts
    """Channels that projections of the input make."""

    normed: Counts
    """Channels that have a batch norm."""


@dataclass(frozen=True)
class _Cells:
    """`n` cells with `i` positions for inner vertices, the last axis theirs: sums over vertices stay contiguous."""

    feeds_output: NDArray[np.bool_]
    """`i x n`."""

    adjacency: NDArray[np.bool_]
    """`i x i x n`: edges among the inner vertices."""

    from_input: NDArray[np.bool_]
    """`i x n`: which get a projection of the input."""

    input_feeds_output: NDArray[np.bool_]
    """`n`."""

    area: Counts
    """`i x n` kernel areas, 0 where there are no weights."""

    @classmethod
    def of(cls, graphs: Graphs) -> _Cells:
        """The cells of graphs whose unused positions are behind the output."""
        ops, edges = np.ascontiguousarray(graphs.ops.T), np.ascontiguousarray(graphs.adjacency.transpose(1, 2, 0))
        last = (ops != ABSENT).sum(0) - 1
        to_output = np.take_along_axis(edges, last[None, None], axis=1)[:, 0]
        inner = np.arange(1, len(ops))[:, None] < last
        kernels = sum(kernel**2 * (ops[1:] == label) for label, kernel in KERNELS.items())
        return cls(
            feeds_output=to_output[1:] & inner,
            adjacency=edges[1:, 1:] & inner,
            from_input=edges[0, 1:] & inner,
            input_feeds_output=to_output[0],
            area=np.where(inner, kernels, 0),
        )

    def size(self, channels: int) -> _Size:
        """What the cells are made of when their outputs have so many channels."""
        own = self.vertex_channels(channels)
        projected = (own * self.from_input).sum(0) + channels * self.input_feeds_output
        return _Size(
            weights=(self.area * own**2).sum(0),
            projected=projected,
            normed=(own * (self.area > 0)).sum(0) + projected,
        )

    def vertex_channels(self, channels: int) -> Counts:
        """`i x n` channels of the inner vertices; 0 at positions without one.

        Those that feed the output share its channels, the first ones getting one more where they can't be shared
        evenly; any other has as many as the widest vertex that it feeds (`compute_vertex_channels` of the benchmark's
        code).
        """
        sharers = self.feeds_output.sum(0)
        most = int(sharers.max(initial=0))
        if most > channels:
            raise InvalidInput(
                f"channels must be at least {most} for a cell whose output joins {most} vertices, got {channels}"
            )
        share, rest = np.divmod(channels, np.maximum(sharers, 1))
        place = self.feeds_output.cumsum(0) - 1
        found = np.where(self.feeds_output, share + (place < rest), 0)
        for vertex in range(len(found) - 1, -1, -1):
            later = slice(vertex + 1, None)
            widest = (found[later] * self.adjacency[vertex, later]).max(0, initial=0)
            found[vertex] = np.where(self.feeds_output[vertex], found[vertex], widest)
        return found


def _stacks(setting: NASBench101Setting) -> Iterator[_Stack]:
    before = setting.channels
    for number in range(setting.stacks):
        channels = setting.channels << number
        yield _Stack(channels, before + (setting.cells - 1) * channels, (setting.image_size >> number) ** 2)
        before = channels


def _classifier(setting: NASBench101Setting) -> int:
    return linear_params(setting.channels << (setting.stacks - 1), setting.num_classes)


def _total(fixed: int, terms: list[tuple[int, Counts]]) -> Counts:
    """The fixed part plus each factor times its counts."""
    most = fixed + sum(factor * int(counts.max(initial=0)) for factor, counts in terms)
    if most > np.iinfo(np.int64).max:
        raise InvalidInput("the network is too large to be counted in 64 bits; take fewer channels, cells or pixels")
    total = np.full(len(terms[0][1]), fixed, dtype=np.int64)
    for factor, counts in terms:
        total += factor * counts
    return total
