"""What layers cost: parameters and multiply-accumulates, by formula and as counted in a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import nn

MOST_COUNTED = 2**63 - 1
"""Largest count: arrays of them hold 64-bit integers."""


# A convolution from a to b channels with kernel k in g groups has b filters of (a / g) k^2 weights: a b k^2 / g. Each
# weight takes part in one multiply-accumulate per output pixel, so with P pixels: macs = P a b k^2 / g.


def conv_weights(c_in: int, c_out: int, kernel: int = 1, groups: int = 1) -> int:
    """Weights of a square convolution without bias: its parameters, and its multiply-accumulates per output pixel."""
    return c_in * c_out * kernel * kernel // groups


def norm_params(channels: int) -> int:
    """Parameters of a batch norm: a scale and a shift per channel."""
    return 2 * channels


def linear_params(n_in: int, n_out: int) -> int:
    """Parameters of a linear layer with bias; also its multiply-accumulates, an addition per bias included."""
    return (n_in + 1) * n_out


class Work(NamedTuple):
    """What a network or a part of it computes for one image: what its latency follows."""

    macs: int = 0
    """Multiply-accumulates."""

    pointwise: int = 0
    """Those of convolutions of one pixel, and of linear layers."""

    grouped: int = 0
    """Those of convolutions in groups, depthwise ones mostly."""

    steps: int = 0
    """Convolutions and linear layers."""

    moved: int = 0
    """Numbers that these read and write, weights apart."""

    def then(self, following: Work) -> Work:
        """This and more."""
        return Work(*map(sum, zip(self, following, strict=True)))


def count_params(network: nn.Module) -> int:
    """Trainable parameters of a module."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_macs(network: nn.Module, image: tuple[int, ...]) -> int:
    """Multiply-accumulates of one image: those of convolutions and linear layers, an addition per bias included.

    Args:
        network: the module; it is run once, in evaluation mode, without computing anything.
        image: channels, height and width.

    Example:
        >>> from torch import nn
        >>> count_macs(nn.Conv2d(3, 8, 3, padding=1, bias=False), (3, 32, 32)) == 32 * 32 * 3 * 8 * 9
        True
    """
    return trace(network, image)[0].macs


def trace(network: nn.Module, shape: tuple[int, ...]) -> tuple[Work, tuple[int, ...]]:
    """What it computes, multiply-accumulates as in `count_macs`, and the shape of the output.

    Args:
        network: the module, a whole network or a part of one.
        shape: shape of its input without the batch; that of the output is told without it, too.

    Raises:
        TypeError: the module gives something else than one tensor.
        ValueError: its output is no batch of one.
    """
    import copy

    import torch
    from torch import nn

    total = Work()

    def conv(module: nn.Conv2d, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        macs = (module.weight[0].numel() + (module.bias is not None)) * output.numel()
        alone = module.weight[0, 0].numel() == 1
        moved = inputs[0].numel() + output.numel()
        total = total.then(Work(macs, macs * alone, macs * (module.groups > 1), 1, moved))

    def linear(module: nn.Linear, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        macs = (module.in_features + (module.bias is not None)) * output.numel()
        total = total.then(Work(macs, macs, 0, 1, inputs[0].numel() + output.numel()))

    twin = copy.deepcopy(network).to("meta").eval()
    for module in twin.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            module.register_forward_hook(conv)
        elif isinstance(module, nn.Linear):
            module.register_forward_hook(linear)
    with torch.no_grad():
        output = twin(torch.empty(1, *shape, device="meta"))
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"it gives a {type(output).__name__} where one tensor is expected")
    if output.shape[:1] != (1,):
        raise ValueError(f"it gives a tensor of shape {tuple(output.shape)} for a batch of one")
    return total, tuple(output.shape[1:])
