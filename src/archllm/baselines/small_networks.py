"""Small networks that people know, for comparison with what a search finds: ResNet-8, MobileNetV2, DS-CNN.

Each takes images `n x c x h x w` of any size from 8 x 8 on and gives logits. Strides are those that are published for
images of about 32 x 32.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def conv_norm(c_in: int, c_out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size, or divides it by the stride, and batch norm."""
    return [
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
    ]


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut (He et al., 2016, figure 2)."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv_norm(c_in, c_out, 3, stride), nn.ReLU(), *conv_norm(c_out, c_out))
        self.shortcut = nn.Sequential(*(conv_norm(c_in, c_out, 1, stride) if stride > 1 or c_in != c_out else []))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h/stride x w/stride`."""
        found: Tensor = self.relu(self.body(x) + self.shortcut(x))
        return found


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, linear projection (Sandler et al., 2018, table 1)."""

    def __init__(self, c_in: int, c_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = c_in * expansion
        expanding = [*conv_norm(c_in, wide, 1), nn.ReLU6()] if expansion > 1 else []
        depthwise = [*conv_norm(wide, wide, 3, stride, wide), nn.ReLU6()]
        self.body = nn.Sequential(*expanding, *depthwise, *conv_norm(wide, c_out, 1))
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h/stride x w/stride`."""
        found: Tensor = self.body(x)
        return x + found if self.residual else found


def resnet8(classes: int, channels: int) -> nn.Module:
    """ResNet-8 as MLPerf Tiny has it (Banbury et al., 2021): three residual blocks of 16, 32 and 64 channels."""
    blocks = [ResidualBlock(16, 16, 1), ResidualBlock(16, 32, 2), ResidualBlock(32, 64, 2)]
    return nn.Sequential(*conv_norm(channels, 16), nn.ReLU(), *blocks, *_head(64, classes))


def mobilenetv2(classes: int, channels: int, width: float = 0.35) -> nn.Module:
    """MobileNetV2 (Sandler et al., 2018, table 2) of a width; its first two strides are 1, for small images."""

    def wide(count: int) -> int:  # the next multiple of 8, not more than a tenth below
        rounded = max(8, int(count * width + 4) // 8 * 8)
        return rounded if rounded >= 0.9 * count * width else rounded + 8

    stages = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    now = wide(32)
    layers: list[nn.Module] = [*conv_norm(channels, now), nn.ReLU6()]
    for expansion, count, repeats, stride in stages:
        for repeat in range(repeats):
            layers.append(InvertedResidual(now, wide(count), 1 if repeat else stride, expansion))
            now = wide(count)
    last = 1280  # not scaled below width 1
    return nn.Sequential(*layers, *conv_norm(now, last, 1), nn.ReLU6(), *_head(last, classes))


def ds_cnn(classes: int, channels: int) -> nn.Module:
    """DS-CNN (Zhang et al., 2017), the small one: a convolution and four depthwise separable ones, of 64 channels."""
    layers: list[nn.Module] = [*conv_norm(channels, 64, 3, 2), nn.ReLU()]
    for _ in range(4):
        layers += [*conv_norm(64, 64, 3, 1, 64), nn.ReLU(), *conv_norm(64, 64, 1), nn.ReLU()]
    return nn.Sequential(*layers, *_head(64, classes))


SMALL_NETWORKS: dict[str, Callable[[int, int], nn.Module]] = {
    "ResNet-8": resnet8,
    "MobileNetV2 0.35": mobilenetv2,
    "DS-CNN": ds_cnn,
}
"""Name -> function of the classes and the channels of images."""


def _head(channels: int, classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
