"""Five widths as a network (Dong et al., 2021, section 3). Needs torch and the shared blocks alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from archllm.networks.blocks import ReLUConvBN, ResidualReduction, check_images


class Cell(nn.Module):
    """The one cell of the space: `|conv~0|+|conv~0|pool~1|+|skip~0|conv~1|skip~2|`, all convolutions 3x3.

    Args:
        c_in: channels of the input.
        c_out: channels of the other three nodes.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv01 = ReLUConvBN(c_in, c_out, 3)
        self.conv02 = ReLUConvBN(c_in, c_out, 3)
        self.pool12 = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.skip03: nn.Module = nn.Identity()
        if c_in != c_out:
            self.skip03 = nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))
        self.conv13 = ReLUConvBN(c_out, c_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h x w`."""
        first = self.conv01(x)
        second = self.conv02(x) + self.pool12(first)
        return self.skip03(x) + self.conv13(first) + second


class Network(nn.Module):
    """Stem, then a layer of each width: cells, the second and fourth reductions instead; classifier.

    Args:
        widths: channels of the five layers; the stem has those of the first.
        num_classes: classes.
        in_channels: channels of the images.
    """

    def __init__(self, widths: Sequence[int], num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        self.in_channels = in_channels
        first = widths[0]
        self.stem = nn.Sequential(nn.Conv2d(in_channels, first, 3, padding=1, bias=False), nn.BatchNorm2d(first))
        layers: list[nn.Module] = []
        for place, (before, width) in enumerate(pairwise([first, *widths])):
            layers.append(ResidualReduction(before, width) if place % 2 else Cell(before, width))
        self.layers = nn.Sequential(*layers)
        last = widths[-1]
        self.head = nn.Sequential(nn.BatchNorm2d(last), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x h x w`, sides multiples of 4, to logits `n x classes`."""
        check_images(x, self.in_channels, 4)
        return self.classifier(self.head(self.layers(self.stem(x))))
