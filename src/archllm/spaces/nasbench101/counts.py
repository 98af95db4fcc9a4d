"""Parameters and multiply-accumulates of NAS-Bench-101 networks, from graphs alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT, Graphs
from archllm.networks.counting import conv_weights, linear_params, norm_params
from archllm.spaces.nasbench101.config import NASBench101Config

CONV3X3, CONV1X1 = 1, 2
"""Labels of the operations that have weights."""

Counts = NDArray[np.int64]


def params(graphs: Graphs, config: NASBench101Config) -> Counts:
    """`n` counts for members in official form, unused positions behind the output."""
    total = np.zeros(len(graphs), dtype=np.int64)
    for times, c_in, c_out, _ in _kinds_of_cell(config):
        weights, norms = _cell(graphs, c_in, c_out)
        total += times * (weights + norms)
    stem = conv_weights(config.in_channels, config.channels, 3) + norm_params(config.channels)
    return total + stem + linear_params(_last_width(config), config.num_classes)


def macs(graphs: Graphs, config: NASBench101Config) -> Counts:
    """`n` counts for members in official form, one image."""
    total = np.zeros(len(graphs), dtype=np.int64)
    for times, c_in, c_out, pixels in _kinds_of_cell(config):
        weights, _ = _cell(graphs, c_in, c_out)
        total += times * pixels * weights
    stem = config.image_size**2 * conv_weights(config.in_channels, config.channels, 3)
    return total + stem + linear_params(_last_width(config), config.num_classes)


def vertex_channels(feeds_output: NDArray[np.bool_], adjacency: NDArray[np.bool_], channels: int) -> Counts:
    """Channels of the inner vertices.

    Those that feed the output share its channels, the first ones getting one more where they can't be shared evenly;
    any other has as many as the widest vertex that it feeds (Ying et al., 2019, section 2.3 of the supplement, and the
    benchmark's code).

    Args:
        feeds_output: `n x i`, which inner vertices feed the output.
        adjacency: `n x i x i`, edges among the inner vertices.
        channels: channels of the cell's output.

    Returns:
        `n x i` channels; 0 at positions without a vertex.
    """
    sharers = feeds_output.sum(1, keepdims=True)
    if len(feeds_output) and sharers.max() > channels:
        raise InvalidInput(
            f"channels must be at least {sharers.max()} for a cell whose output joins {sharers.max()} vertices, "
            f"got {channels}"
        )
    share, rest = np.divmod(channels, np.maximum(sharers, 1))
    rank = feeds_output.cumsum(1) - 1
    found = np.where(feeds_output, share + (rank < rest), 0).astype(np.int64)
    for vertex in range(found.shape[1] - 1, -1, -1):
        widest = np.where(adjacency[:, vertex], found, 0).max(1)
        found[:, vertex] = np.where(feeds_output[:, vertex], found[:, vertex], widest)
    return found


def _cell(graphs: Graphs, c_in: int, c_out: int) -> tuple[Counts, Counts]:
    """Convolution weights and batch-norm parameters of one cell for each graph."""
    n, v = graphs.ops.shape
    last = (graphs.ops != ABSENT).sum(1) - 1
    to_output = graphs.adjacency[np.arange(n), :, last]
    inner = np.arange(1, v) < last[:, None]
    feeds_output = to_output[:, 1:] & inner
    channels = vertex_channels(feeds_output, graphs.adjacency[:, 1:, 1:] & inner[:, None, :], c_out)
    kernel_area = np.where(graphs.ops[:, 1:] == CONV3X3, 9, 0) + (graphs.ops[:, 1:] == CONV1X1)
    kernel_area = np.where(inner, kernel_area, 0)
    projected = np.where(graphs.adjacency[:, 0, 1:] & inner, channels, 0).sum(1) + np.where(to_output[:, 0], c_out, 0)
    weights = (kernel_area * channels**2).sum(1) + c_in * projected
    norms = 2 * (np.where(kernel_area > 0, channels, 0).sum(1) + projected)
    return weights, norms


def _kinds_of_cell(config: NASBench101Config) -> Iterator[tuple[int, int, int, int]]:
    """How often a cell with so many input and output channels occurs, and on how many pixels."""
    width = config.channels
    for stack in range(config.stacks):
        pixels = (config.image_size >> stack) ** 2
        wide = config.channels << stack
        yield 1, width, wide, pixels
        if config.cells > 1:
            yield config.cells - 1, wide, wide, pixels
        width = wide


def _last_width(config: NASBench101Config) -> int:
    return config.channels << (config.stacks - 1)
