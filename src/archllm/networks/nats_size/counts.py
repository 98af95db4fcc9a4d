"""Parameters and multiply-accumulates of networks of five widths, from the widths alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.networks.nats_size.setting import NATSSizeSetting

Widths = NDArray[np.int64]

# Layers read b channels and make w. Convolutions have no bias; each but the reduction's shortcut has a norm of 2 w.
#     cell       two 3x3 from b to w, one from w to w, 1x1 from b to w where b != w:  18 b w + 9 w^2 + [b != w] b w
#     reduction  3x3 from b to w, 3x3 from w to w, 1x1 from b to w as the shortcut:   9 b w + 9 w^2 + b w
# The stem is 9 c w_1 and a norm, the end a norm and (w_5 + 1) classes. Multiply-accumulates are weights times pixels of
# the output, which a reduction quarters.

_MOST = 2**30  # channels above which a count may not fit into 64 bits


def params(widths: Widths, setting: NATSSizeSetting) -> NDArray[np.int64]:
    """`n` counts for `n x 5` widths in channels."""
    total = _stem(widths, setting) + 2 * widths[:, 0]
    for place, (before, width) in enumerate(_layers(widths)):
        norms = 2 * width
        if place % 2:
            total += _reduction(before, width) + 2 * norms
        else:
            total += _cell(before, width) + (3 + (before != width)) * norms
    last = widths[:, -1]
    total += 2 * last + (last + 1) * setting.num_classes
    return total


def macs(widths: Widths, setting: NATSSizeSetting) -> NDArray[np.int64]:
    """`n` counts for `n x 5` widths in channels, one image."""
    size = setting.image_size
    total = _stem(widths, setting) * size**2
    for place, (before, width) in enumerate(_layers(widths)):
        if place % 2:
            size //= 2
            total += _reduction(before, width) * size**2
        else:
            total += _cell(before, width) * size**2
    total += (widths[:, -1] + 1) * setting.num_classes
    return total


def _stem(widths: Widths, setting: NATSSizeSetting) -> NDArray[np.int64]:
    if int(widths.max(initial=0)) * setting.image_size > _MOST:
        raise InvalidInput("the network is too large to be counted in 64 bits; take fewer channels or pixels")
    return 9 * setting.in_channels * widths[:, 0]


def _layers(widths: Widths) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Channels before and in each layer."""
    before = [widths[:, 0], *widths.T[:-1]]
    return list(zip(before, widths.T, strict=True))


def _cell(before: NDArray[np.int64], width: NDArray[np.int64]) -> NDArray[np.int64]:
    """Weights of convolutions: two 3x3 on the input, one 3x3 later, 1x1 where the width changes."""
    total: NDArray[np.int64] = 18 * before * width + 9 * width**2 + (before != width) * before * width
    return total


def _reduction(before: NDArray[np.int64], width: NDArray[np.int64]) -> NDArray[np.int64]:
    total: NDArray[np.int64] = 9 * before * width + 9 * width**2 + before * width
    return total
