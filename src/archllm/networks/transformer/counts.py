"""Parameters and multiply-accumulates of transformer encoders, from the choices alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.networks.transformer.setting import TransformerSetting

# An encoder of width w on t tokens, patches of p x p pixels with c channels, feed-forward ratio r_l in layer l:
#     patches  (c p^2 + 1) w, and t w for the tokens' places
#     layer l  4 (w + 1) w for queries, keys, values and the output; (w + 1) r w + (r w + 1) w; two norms of 2 w each
#     end      a norm of 2 w, a classifier of (w + 1) classes
# A linear layer works on each token, so its multiply-accumulates are t times its parameters; the classifier's once.

_MOST = 2**20  # features above which a count may not fit into 64 bits


def params(width: NDArray[np.int64], ratios: NDArray[np.int64], setting: TransformerSetting) -> NDArray[np.int64]:
    """`n` counts for `n` widths in features and `n x layers` ratios, 0 where a layer is not there."""
    _check(width, setting)
    patches = (setting.in_channels * setting.patch**2 + 1) * width + setting.tokens * width
    layers = ((ratios > 0) * (_linear(width)[:, None] + (4 * width)[:, None]) + _feed_forward(width, ratios)).sum(1)
    total: NDArray[np.int64] = patches + layers + 2 * width + (width + 1) * setting.num_classes
    return total


def macs(width: NDArray[np.int64], ratios: NDArray[np.int64], setting: TransformerSetting) -> NDArray[np.int64]:
    """The same for multiply-accumulates of one image; products of queries, keys and values have no weights."""
    _check(width, setting)
    patches = (setting.in_channels * setting.patch**2 + 1) * width * setting.tokens
    layers = ((ratios > 0) * _linear(width)[:, None] + _feed_forward(width, ratios)).sum(1) * setting.tokens
    total: NDArray[np.int64] = patches + layers + (width + 1) * setting.num_classes
    return total


def _linear(width: NDArray[np.int64]) -> NDArray[np.int64]:
    """Weights and biases of queries, keys, values, and the projection after them."""
    total: NDArray[np.int64] = 4 * (width + 1) * width
    return total


def _feed_forward(width: NDArray[np.int64], ratios: NDArray[np.int64]) -> NDArray[np.int64]:
    """`n x layers` weights and biases; 0 where a layer is not there."""
    wide = width[:, None]
    total: NDArray[np.int64] = (ratios > 0).astype(np.int64) * ((wide + 1) * ratios * wide + (ratios * wide + 1) * wide)
    return total


def _check(width: NDArray[np.int64], setting: TransformerSetting) -> None:
    if int(width.max(initial=0)) > _MOST:
        raise InvalidInput("the network is too large to be counted in 64 bits; take fewer channels")
