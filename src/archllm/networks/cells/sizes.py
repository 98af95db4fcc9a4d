"""Sizes by formula of what custom cells and their networks are mostly made of, so that counting them takes no torch.

Every weight of an operation works on each pixel of its output, but for the first half of a factorised convolution,
which strides along one side alone; so with c channels, kernel k, stride s and an input of size h x h:

    convolution    k^2 c^2 weights and a norm             separable, twice    2 (k^2 c + c^2) weights and two norms
    skip, s = 2    c^2 weights and a norm                 dilated             k^2 c + c^2 weights and a norm
    factorised     2 k c^2 weights and a norm
    params = weights + 2 c norms                          macs = weights ceil(h / s)^2
                                              factorised: macs = weights ceil(h / s) (ceil(h / s) + h) / 2
"""

from __future__ import annotations

from archllm.networks.cells.setting import CellNetworkSetting
from archllm.networks.counting import conv_weights, linear_params, norm_params

OPERATIONS = "archllm.networks.operations"
"""Module of the operations below."""

_KERNELS = {"conv1x1": 1, "conv3x3": 3, "conv5x5": 5}
_SEPARABLE = {"sep_conv3x3": (3, 2), "sep_conv5x5": (5, 2), "dil_conv3x3": (3, 1), "dil_conv5x5": (5, 1)}
_SEPARABLE |= {"sep_conv7x7": (7, 2)}
_FACTORISED = {"conv1x3_3x1": 3, "conv1x7_7x1": 7}
_WEIGHTLESS = ("none", "avg_pool3x3", "max_pool3x3", "max_pool5x5", "max_pool7x7")


def operation_size(where: str, channels: int, size: int, stride: int) -> tuple[int, int] | None:
    """Parameters and multiply-accumulates of one of our own operations; `None` for any other.

    Args:
        where: `module:function` that makes it.
        channels: its channels.
        size: height and width of its input.
        stride: its stride.

    Example:
        >>> operation_size("archllm.networks.operations:conv3x3", 16, 32, 1)
        (2336, 2359296)
    """
    module, _, name = where.partition(":")
    if module != OPERATIONS:
        return None
    if name in _WEIGHTLESS or (name == "skip" and stride == 1):
        weights, norms = 0, 0
    elif name == "skip":
        weights, norms = conv_weights(channels, channels), 1
    elif name in _KERNELS:
        weights, norms = conv_weights(channels, channels, _KERNELS[name]), 1
    elif name in _FACTORISED:
        weights, norms = 2 * _FACTORISED[name] * channels**2, 1
        out = -(-size // stride)
        return weights + norm_params(channels), weights // 2 * out * (size + out)
    elif name in _SEPARABLE:
        kernel, norms = _SEPARABLE[name]
        weights = norms * (conv_weights(channels, channels, kernel, groups=channels) + conv_weights(channels, channels))
    else:
        return None
    return weights + norms * norm_params(channels), weights * (-(-size // stride)) ** 2


def staged_size(setting: CellNetworkSetting) -> tuple[int, int]:
    """Parameters and multiply-accumulates of a `StagedNetwork` without its cells.

    The stem has C_0 channels at resolution r; the reduction to stage s = 1, 2 makes C_s channels of C_(s-1) at
    resolution r / 2^s by 3x3, 3x3 and 1x1 convolutions, the first two with norms; a norm and a linear layer end it.
    """
    width, size = setting.widths[0], setting.heights[0]
    weights = conv_weights(setting.in_channels, width, 3)
    params, macs = weights + norm_params(width), weights * size**2
    for wider, smaller in zip(setting.widths[1:], setting.heights[1:], strict=True):
        narrow, width, size = width, wider, smaller
        weights = conv_weights(narrow, width, 3) + conv_weights(width, width, 3) + conv_weights(narrow, width)
        params, macs = params + weights + 2 * norm_params(width), macs + weights * size**2
    classifier = linear_params(width, setting.num_classes)
    return params + norm_params(width) + classifier, macs + classifier
