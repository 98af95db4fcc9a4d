"""Operations for custom cells: `archllm.networks.operations:conv3x3` in a space file. They need torch alone.

Each takes the number of channels and a stride of 1 or 2, and keeps the channels; with stride 1 also the resolution.
"""

from __future__ import annotations

from torch import nn

from archllm.networks.blocks import DilConv, FactorizedConv, FactorizedReduce, ReLUConvBN, SepConv, Zero


def none(channels: int, stride: int = 1) -> nn.Module:
    """No connection."""
    return Zero() if stride == 1 else nn.Sequential(nn.AvgPool2d(1, stride=stride), Zero())


def skip(channels: int, stride: int = 1) -> nn.Module:
    """The input as it is, or at half the resolution."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)


def conv1x1(channels: int, stride: int = 1) -> nn.Module:
    """ReLU, 1x1 convolution, batch norm."""
    return ReLUConvBN(channels, channels, 1, stride)


def conv3x3(channels: int, stride: int = 1) -> nn.Module:
    """ReLU, 3x3 convolution, batch norm."""
    return ReLUConvBN(channels, channels, 3, stride)


def conv5x5(channels: int, stride: int = 1) -> nn.Module:
    """ReLU, 5x5 convolution, batch norm."""
    return ReLUConvBN(channels, channels, 5, stride)


def conv1x3_3x1(channels: int, stride: int = 1) -> nn.Module:
    """ReLU, 1x3 and 3x1 convolution, batch norm."""
    return FactorizedConv(channels, 3, stride)


def conv1x7_7x1(channels: int, stride: int = 1) -> nn.Module:
    """ReLU, 1x7 and 7x1 convolution, batch norm."""
    return FactorizedConv(channels, 7, stride)


def sep_conv3x3(channels: int, stride: int = 1) -> nn.Module:
    """3x3 separable convolution, twice."""
    return SepConv(channels, 3, stride)


def sep_conv5x5(channels: int, stride: int = 1) -> nn.Module:
    """5x5 separable convolution, twice."""
    return SepConv(channels, 5, stride)


def sep_conv7x7(channels: int, stride: int = 1) -> nn.Module:
    """7x7 separable convolution, twice."""
    return SepConv(channels, 7, stride)


def dil_conv3x3(channels: int, stride: int = 1) -> nn.Module:
    """3x3 separable convolution of dilation 2."""
    return DilConv(channels, 3, stride)


def dil_conv5x5(channels: int, stride: int = 1) -> nn.Module:
    """5x5 separable convolution of dilation 2."""
    return DilConv(channels, 5, stride)


def avg_pool3x3(channels: int, stride: int = 1) -> nn.Module:
    """3x3 average of what lies inside the image."""
    return nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)


def max_pool3x3(channels: int, stride: int = 1) -> nn.Module:
    """3x3 maximum."""
    return nn.MaxPool2d(3, stride=stride, padding=1)


ACTIVATIONS = {"relu": nn.ReLU, "hardswish": nn.Hardswish, "mish": nn.Mish}
"""Activations of `conv_block`, by name."""


def conv_block(
    channels: int, activation: str = "relu", kernel: int = 3, groups: int = 1, norm: str = "batch"
) -> nn.Module:
    """Activation, convolution, norm (the convolutional block of Schrodi et al., 2023).

    Args:
        channels: channels in and out.
        activation: `relu`, `hardswish`, or `mish`.
        kernel: height and width of the convolution.
        groups: 1, or 0 for a depthwise convolution.
        norm: `batch`, `instance`, or `layer`, which is over channels and pixels, with a scale and a shift a channel.
    """
    norms = {"batch": nn.BatchNorm2d(channels), "instance": nn.InstanceNorm2d(channels, affine=True)}
    return nn.Sequential(
        ACTIVATIONS[activation](),
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=groups or channels, bias=False),
        norms.get(norm) or nn.GroupNorm(1, channels),
    )


def max_pool5x5(channels: int, stride: int = 1) -> nn.Module:
    """5x5 maximum."""
    return nn.MaxPool2d(5, stride=stride, padding=2)


def max_pool7x7(channels: int, stride: int = 1) -> nn.Module:
    """7x7 maximum."""
    return nn.MaxPool2d(7, stride=stride, padding=3)
