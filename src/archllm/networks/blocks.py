"""Blocks that the networks are made of. They need torch alone: exported files carry the source of those in use."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvBNReLU(nn.Sequential):
    """Convolution, batch norm, ReLU (NAS-Bench-101's order); keeps the resolution."""

    def __init__(self, c_in: int, c_out: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
        )


class ReLUConvBN(nn.Sequential):
    """ReLU, convolution, batch norm (the order of NAS-Bench-201 and DARTS)."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(c_out),
        )


class DilConv(nn.Sequential):
    """ReLU, depthwise convolution of dilation 2, pointwise convolution, batch norm."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        padding = kernel - 1
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, stride, padding=padding, dilation=2, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class SepConv(nn.Sequential):
    """ReLU, depthwise and pointwise convolution, batch norm, all of it twice; the first may stride."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        padding = kernel // 2
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, stride, padding=padding, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, 1, padding=padding, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class FactorizedConv(nn.Sequential):
    """ReLU, convolutions of 1 x k and of k x 1 pixels, batch norm (NASNet's); each strides along its own side."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        half = kernel // 2
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, (1, kernel), (1, stride), padding=(0, half), bias=False),
            nn.Conv2d(channels, channels, (kernel, 1), (stride, 1), padding=(half, 0), bias=False),
            nn.BatchNorm2d(channels),
        )


class FactorizedReduce(nn.Module):
    """Halves the resolution: two strided pointwise convolutions, the second a pixel off, side by side."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.even = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(c_in, c_out - c_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h/2 x w/2`."""
        x = self.relu(x)
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], dim=1))


class Zero(nn.Module):
    """No connection: zeros in the shape of the input."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c x h x w` to zeros of the same shape."""
        return torch.zeros_like(x)


class ResidualReduction(nn.Module):
    """The residual block between two stages: halves the resolution, doubles the channels."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(c_in, c_out, 3, stride=2)
        self.conv_b = ReLUConvBN(c_out, c_out, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, stride=2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h/2 x w/2`."""
        return self.shortcut(x) + self.conv_b(self.conv_a(x))


def check_images(x: Tensor, channels: int, multiple: int) -> None:
    """Makes sure that images can be halved as often as the network does it.

    Raises:
        ValueError: they are no `n x channels x h x w`, or a side is no multiple of `multiple`.
    """
    if x.dim() != 4 or x.shape[1] != channels or x.shape[2] % multiple or x.shape[3] % multiple:
        shape = " x ".join(str(size) for size in x.shape)
        raise ValueError(f"expected images n x {channels} x h x w, h and w multiples of {multiple}, got {shape}")
