"""Sizes by formula of the built-in layers, so that counting networks of them builds nothing.

A convolution from a to b channels with kernel k in g groups has a b k^2 / g weights, each of which works on every pixel
of its output, and a norm of 2 b parameters; a stride s makes ceil(h / s) rows of h. Linear layers, and the convolutions
of a squeeze and excitation, which work on one pixel, have n_in n_out weights and n_out biases.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

from archllm.networks.blueprint import Call
from archllm.networks.counting import Work, conv_weights, linear_params, norm_params

LAYERS = "archllm.networks.mobile_layers"
"""Module of the layers below."""

Shape = tuple[int, ...]
"""Shape of what a layer reads or gives, without the batch: channels, height and width of images."""


class Size(NamedTuple):
    """What a layer costs and gives."""

    params: int
    """Trainable parameters."""

    work: Work
    """What it computes for one image."""

    shape: Shape
    """Shape of its output."""

    def then(self, following: Size) -> Size:
        """This layer and one that reads its output."""
        return Size(self.params + following.params, self.work.then(following.work), following.shape)


def layer_size(call: Call, shape: Shape) -> Size | None:
    """The size of one of our own layers on an input of that shape; `None` for any other layer.

    Example:
        >>> from archllm.networks.mobile_layers import ConvNormAct
        >>> layer_size(Call(ConvNormAct, (3, 16), (("stride", 2),)), (3, 32, 32))
        Size(params=464, work=Work(macs=110592, pointwise=0, grouped=0, steps=1, moved=7168), shape=(16, 16, 16))
    """
    formula = _FORMULAS.get(call.name) if call.module == LAYERS else None
    fits = len(shape) == 3 and call.args[:1] == shape[:1]  # what does not is told by torch, where it is tried
    return formula(shape, *call.args, **dict(call.keywords)) if formula is not None and fits else None


def _conv(
    shape: Shape, c_in: int, c_out: int, kernel: int = 3, stride: int = 1, activation: str = "", groups: int = 1
) -> Size:
    height, width = -(-shape[1] // stride), -(-shape[2] // stride)
    weights = conv_weights(c_in, c_out, kernel, groups)
    macs, moved = weights * height * width, prod(shape) + c_out * height * width
    work = Work(macs, macs * (kernel == 1), macs * (groups > 1), 1, moved)
    return Size(weights + norm_params(c_out), work, (c_out, height, width))


def _squeeze(shape: Shape, channels: int, narrow: int) -> Size:
    weights = linear_params(channels, narrow) + linear_params(narrow, channels)
    return Size(weights, Work(weights, weights, 0, 2, 2 * (channels + narrow)), shape)


def _inverted_residual(
    shape: Shape,
    c_in: int,
    hidden: int,
    c_out: int,
    kernel: int = 3,
    stride: int = 1,
    activation: str = "",
    squeeze: int = 0,
) -> Size:
    total = Size(0, Work(), shape)
    if hidden != c_in:
        total = total.then(_conv(shape, c_in, hidden, 1))
    total = total.then(_conv(total.shape, hidden, hidden, kernel, stride, groups=hidden))
    if squeeze:
        total = total.then(_squeeze(total.shape, hidden, squeeze))
    return total.then(_conv(total.shape, hidden, c_out, 1))


def _fused_residual(
    shape: Shape,
    c_in: int,
    hidden: int,
    c_out: int,
    kernel: int = 3,
    stride: int = 1,
    activation: str = "",
    squeeze: int = 0,
) -> Size:
    width = hidden if hidden != c_in else c_out
    total = _conv(shape, c_in, width, kernel, stride)
    if squeeze:
        total = total.then(_squeeze(total.shape, width, squeeze))
    return total.then(_conv(total.shape, hidden, c_out, 1)) if hidden != c_in else total


def _basic_residual(
    shape: Shape, c_in: int, c_out: int, stride: int = 1, activation: str = "", squeeze: int = 0
) -> Size:
    first = _conv(shape, c_in, c_out, 3, stride)
    total = first.then(_conv(first.shape, c_out, c_out, 3))
    if squeeze:
        total = total.then(_squeeze(total.shape, c_out, squeeze))
    if stride == 1 and c_in == c_out:
        return total
    return total.then(_conv(shape, c_in, c_out, 1, stride))


def _classifier(
    shape: Shape, c_in: int, num_classes: int, hidden: int = 0, activation: str = "", dropout: float = 0.0
) -> Size:
    weights = c_in * hidden + linear_params(hidden or c_in, num_classes)
    moved = c_in + (2 * hidden) + num_classes
    return Size(weights, Work(weights, weights, 0, 2 if hidden else 1, moved), (num_classes,))


_FORMULAS: dict[str, Callable[..., Size]] = {
    "ConvNormAct": _conv,
    "SqueezeExcitation": _squeeze,
    "InvertedResidual": _inverted_residual,
    "FusedResidual": _fused_residual,
    "BasicResidual": _basic_residual,
    "Classifier": _classifier,
}
"""Layer -> its formula, with the layer's own arguments after the shape of the input."""
