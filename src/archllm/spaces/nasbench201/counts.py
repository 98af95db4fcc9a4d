"""Parameters and multiply-accumulates of NAS-Bench-201 networks, from choices alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.networks.counting import conv_weights, linear_params, norm_params
from archllm.spaces.nasbench201.config import NASBench201Config

STAGES = 3


def params(ops: NDArray[np.int64], names: tuple[str, ...], config: NASBench201Config) -> NDArray[np.int64]:
    """`n` counts for `n x 6` choices, indices into `names`."""
    c = config.channels

    def operation(width: int, kernel: int) -> int:
        return conv_weights(width, width, kernel) + norm_params(width)

    def reduction(width: int) -> int:
        wide = 2 * width
        convs = conv_weights(width, wide, 3) + conv_weights(wide, wide, 3) + conv_weights(width, wide)
        return convs + 2 * norm_params(wide)

    fixed = conv_weights(config.in_channels, c, 3) + norm_params(c)
    fixed += reduction(c) + reduction(2 * c) + norm_params(4 * c) + linear_params(4 * c, config.num_classes)
    return _total(fixed, ops, names, config, lambda kernel: sum(operation(c * 2**s, kernel) for s in range(STAGES)))


def macs(ops: NDArray[np.int64], names: tuple[str, ...], config: NASBench201Config) -> NDArray[np.int64]:
    """`n` counts for `n x 6` choices, indices into `names`, one image."""
    c = config.channels
    pixels = [(config.image_size // 2**stage) ** 2 for stage in range(STAGES)]

    def reduction(width: int, pixels: int) -> int:
        wide = 2 * width
        return pixels * (conv_weights(width, wide, 3) + conv_weights(wide, wide, 3) + conv_weights(width, wide))

    fixed = pixels[0] * conv_weights(config.in_channels, c, 3)
    fixed += reduction(c, pixels[1]) + reduction(2 * c, pixels[2]) + linear_params(4 * c, config.num_classes)

    def operation(kernel: int) -> int:
        return sum(pixels[s] * conv_weights(c * 2**s, c * 2**s, kernel) for s in range(STAGES))

    return _total(fixed, ops, names, config, operation)


def _total(
    fixed: int, ops: NDArray[np.int64], names: tuple[str, ...], config: NASBench201Config, cost: Callable[[int], int]
) -> NDArray[np.int64]:
    """The fixed part plus that of the cells, given what a kernel costs in one cell of every stage."""
    kernels = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
    costs = [cost(kernels[name]) if name in kernels else 0 for name in names]  # others have no weights
    if fixed + config.cells * ops.shape[1] * max(costs) >= 2**63:
        raise InvalidInput("the network is too large to be counted in 64 bits; take fewer channels, cells or pixels")
    counts: NDArray[np.int64] = fixed + config.cells * np.array(costs, dtype=np.int64)[ops].sum(1)
    return counts
