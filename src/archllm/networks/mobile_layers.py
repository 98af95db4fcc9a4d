"""Layers of mobile networks: inverted residuals and what stands around them. They need torch alone."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "hardswish": nn.Hardswish,
}
"""Name -> activation."""


class ConvNormAct(nn.Sequential):
    """Convolution, batch norm, activation.

    Args:
        c_in: channels of the input.
        c_out: channels of the output.
        kernel: height and width of the kernel, odd.
        stride: 1, or 2 to halve the resolution.
        activation: a name of `ACTIVATIONS`.
        groups: groups of channels; as many as channels in a depthwise convolution.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1, activation: str = "relu", groups: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c_out),
            ACTIVATIONS[activation](),
        )


class SqueezeExcitation(nn.Module):
    """Channels weighted by what all of the image holds (Hu et al., 2018), with a hard sigmoid.

    Args:
        channels: channels of input and output.
        narrow: channels between.
    """

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        self.weights = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, narrow, 1),
            nn.ReLU(),
            nn.Conv2d(narrow, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c x h x w` to the same shape."""
        return x * self.weights(x)


class InvertedResidual(nn.Module):
    """Pointwise to `hidden` channels, depthwise, pointwise back (Sandler et al., 2018).

    The first is left out where it would not widen. Where the shape stays, the input is added.

    Args:
        c_in: channels of the input.
        hidden: channels between.
        c_out: channels of the output.
        kernel: height and width of the depthwise kernel, odd.
        stride: 1, or 2 to halve the resolution.
        activation: a name of `ACTIVATIONS`.
        squeeze: narrow channels of a squeeze and excitation; 0 for none.
    """

    def __init__(
        self,
        c_in: int,
        hidden: int,
        c_out: int,
        kernel: int = 3,
        stride: int = 1,
        activation: str = "relu",
        squeeze: int = 0,
    ) -> None:
        super().__init__()
        self.keeps_shape = stride == 1 and c_in == c_out
        self.expand = ConvNormAct(c_in, hidden, 1, activation=activation) if hidden != c_in else nn.Identity()
        self.depthwise = ConvNormAct(hidden, hidden, kernel, stride, activation, groups=hidden)
        self.weigh = SqueezeExcitation(hidden, squeeze) if squeeze else nn.Identity()
        self.project = ConvNormAct(hidden, c_out, 1, activation="none")

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h/stride x w/stride`."""
        out = self.project(self.weigh(self.depthwise(self.expand(x))))
        return x + out if self.keeps_shape else out


class FusedResidual(nn.Module):
    """A dense convolution to `hidden` channels, pointwise back (the fused block of EfficientNetV2, Tan & Le, 2021).

    Without widening it is one convolution. Where the shape stays, the input is added.

    Args:
        c_in: channels of the input.
        hidden: channels between.
        c_out: channels of the output.
        kernel: height and width of the kernel, odd.
        stride: 1, or 2 to halve the resolution.
        activation: a name of `ACTIVATIONS`.
        squeeze: narrow channels of a squeeze and excitation; 0 for none.
    """

    def __init__(
        self,
        c_in: int,
        hidden: int,
        c_out: int,
        kernel: int = 3,
        stride: int = 1,
        activation: str = "relu",
        squeeze: int = 0,
    ) -> None:
        super().__init__()
        self.keeps_shape = stride == 1 and c_in == c_out
        widens = hidden != c_in
        width = hidden if widens else c_out
        self.conv = ConvNormAct(c_in, width, kernel, stride, activation)
        self.weigh = SqueezeExcitation(width, squeeze) if squeeze else nn.Identity()
        self.project = ConvNormAct(hidden, c_out, 1, activation="none") if widens else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h/stride x w/stride`."""
        out = self.project(self.weigh(self.conv(x)))
        return x + out if self.keeps_shape else out


class BasicResidual(nn.Module):
    """Two dense convolutions beside a shortcut (He et al., 2016, figure 2), which projects where the shape changes.

    Args:
        c_in: channels of the input.
        c_out: channels of the output.
        stride: 1, or 2 to halve the resolution.
        activation: a name of `ACTIVATIONS`.
        squeeze: narrow channels of a squeeze and excitation; 0 for none.
    """

    def __init__(self, c_in: int, c_out: int, stride: int = 1, activation: str = "relu", squeeze: int = 0) -> None:
        super().__init__()
        keeps_shape = stride == 1 and c_in == c_out
        self.conv = ConvNormAct(c_in, c_out, 3, stride, activation)
        self.project = ConvNormAct(c_out, c_out, 3, activation="none")
        self.weigh = SqueezeExcitation(c_out, squeeze) if squeeze else nn.Identity()
        self.shortcut = nn.Identity() if keeps_shape else ConvNormAct(c_in, c_out, 1, stride, activation="none")
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x c_in x h x w` to `n x c_out x h/stride x w/stride`."""
        found: Tensor = self.activation(self.weigh(self.project(self.conv(x))) + self.shortcut(x))
        return found


class Classifier(nn.Sequential):
    """Average over pixels, a hidden layer if there is one, classes.

    Args:
        c_in: channels of the input.
        num_classes: classes.
        hidden: features of the hidden layer, which has no bias; 0 for none.
        activation: a name of `ACTIVATIONS`.
        dropout: share of the features that training leaves out before the last layer.
    """

    def __init__(
        self, c_in: int, num_classes: int, hidden: int = 0, activation: str = "relu", dropout: float = 0.0
    ) -> None:
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        if hidden:
            layers += [nn.Linear(c_in, hidden, bias=False), ACTIVATIONS[activation]()]
        super().__init__(*layers, nn.Dropout(dropout), nn.Linear(hidden or c_in, num_classes))
