"""Parameters and multiply-accumulates of DARTS networks, from genotypes alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.networks.counting import conv_weights, linear_params, norm_params
from archllm.networks.darts.setting import DARTSSetting

# A cell of width C with inputs of C0 and C1 channels brings both to C by 1x1 convolutions with a batch norm each, then
# applies its operations o to C channels. P pixels of output; the inputs of a reduction cell have Q = 4 P, else Q = P:
#     params = (C0 + C1) C + 2 * 2 C + sum_o (w_o + norms_o),   macs = Q (C0 + C1) C + P sum_o w_o
# where w_o is 2 (k^2 C + C^2) for a separable convolution of kernel k, k^2 C + C^2 for a dilated one, C^2 for a skip
# that halves the resolution, and 0 for the rest. The output joins the inner nodes: the next cell reads 4 C channels.

NODES = 4
"""Inner nodes of a cell, whose outputs it joins."""


@dataclass(frozen=True)
class _Cell:
    """One cell of a network."""

    reduction: bool
    channels: int
    inputs: tuple[int, int]
    """Channels of what it reads. How the first is brought to the size of the second makes no difference to counts."""
    pixels: int
    """Pixels of its output."""


def params(
    sources: NDArray[np.int64], ops: NDArray[np.int64], names: tuple[str, ...], setting: DARTSSetting
) -> NDArray[np.int64]:
    """`n` counts of genotypes: what each operation reads and which one it is, both `n x 2 x 4 x 2`.

    Raises:
        InvalidInput: the counts of such a network don't fit into 64 bits.
    """
    _check_fits(setting)
    total = np.zeros(len(ops), dtype=np.int64)
    operations = _Operations(sources, ops, names)
    for cell in _cells(setting):
        weights, norms = operations.of(cell)
        total += weights + norms + sum(conv_weights(c, cell.channels) for c in cell.inputs)
        total += 2 * norm_params(cell.channels)
    c, c_in = setting.channels, setting.in_channels
    if setting.stem == "cifar":
        stem = conv_weights(c_in, 3 * c, 3) + norm_params(3 * c)
    else:
        half = c // 2
        stem = conv_weights(c_in, half, 3) + norm_params(half) + conv_weights(half, c, 3) + norm_params(c)
        stem += conv_weights(c, c, 3) + norm_params(c)
    return total + stem + _classifier(setting) + (_auxiliary(setting) if setting.auxiliary else 0)


def macs(
    sources: NDArray[np.int64], ops: NDArray[np.int64], names: tuple[str, ...], setting: DARTSSetting
) -> NDArray[np.int64]:
    """`n` counts for one image, without the auxiliary head, which only training uses.

    Raises:
        InvalidInput: the counts of such a network don't fit into 64 bits.
    """
    _check_fits(setting)
    total = np.zeros(len(ops), dtype=np.int64)
    operations = _Operations(sources, ops, names)
    for cell in _cells(setting):
        weights, _ = operations.of(cell)
        entry = cell.pixels * (4 if cell.reduction else 1)  # both inputs are brought to the resolution of the last cell
        total += cell.pixels * weights + entry * sum(conv_weights(c, cell.channels) for c in cell.inputs)
    c, c_in, pixels = setting.channels, setting.in_channels, setting.image_size**2
    if setting.stem == "cifar":
        stem = pixels * conv_weights(c_in, 3 * c, 3)
    else:
        half = c // 2
        stem = pixels // 4 * conv_weights(c_in, half, 3) + pixels // 16 * conv_weights(half, c, 3)
        stem += pixels // 64 * conv_weights(c, c, 3)
    return total + stem + _classifier(setting)


def _check_fits(setting: DARTSSetting) -> None:
    """Bounds both counts from above, in integers of any size: those of numpy would wrap around silently."""
    most = 9 * setting.image_size**2 * 3 * setting.channels * (setting.in_channels + setting.channels)  # either stem
    most += 2**40  # classifier and auxiliary head
    for cell in _cells(setting):
        weights = 8 * _operation("sep_conv_5x5", cell.channels, 1)[0]
        most += 4 * cell.pixels * (weights + sum(conv_weights(c, cell.channels) for c in cell.inputs))
    if most >= 2**63:
        raise InvalidInput(
            f"a network of channels {setting.channels}, layers {setting.layers}, in_channels {setting.in_channels} and "
            f"image_size {setting.image_size} is too large to count in 64 bits; one of them must be smaller"
        )


def _cells(setting: DARTSSetting) -> Iterator[_Cell]:
    width = setting.channels
    inputs = (3 * width, 3 * width) if setting.stem == "cifar" else (width, width)
    pixels = setting.image_size**2 // (1 if setting.stem == "cifar" else 64)
    for layer in range(setting.layers):
        reduction = layer in (setting.layers // 3, 2 * setting.layers // 3)
        if reduction:
            width, pixels = 2 * width, pixels // 4
        yield _Cell(reduction, width, inputs, pixels)
        inputs = (inputs[1], NODES * width)


class _Operations:
    """Convolution weights and batch-norm parameters of the operations in a cell, for each genotype."""

    def __init__(self, sources: NDArray[np.int64], ops: NDArray[np.int64], names: tuple[str, ...]) -> None:
        self.sources, self.ops, self.names = sources, ops, names
        self.known: dict[tuple[bool, int], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def of(self, cell: _Cell) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same for all cells of one kind and width, so found once for each."""
        key = (cell.reduction, cell.channels)
        if key not in self.known:
            kind = int(cell.reduction)
            strided = (self.sources[:, kind] < 2) & cell.reduction
            costs = np.array([[_operation(name, cell.channels, stride) for name in self.names] for stride in (1, 2)])
            weights, norms = costs[strided.astype(np.int64), self.ops[:, kind]].sum((1, 2)).T
            self.known[key] = weights, norms
        return self.known[key]


def _operation(name: str, c: int, stride: int) -> tuple[int, int]:
    """Convolution weights and batch-norm parameters of one operation; all weights work on the output's pixels."""
    kernel = 5 if name.endswith("5x5") else 3
    separable = conv_weights(c, c, kernel, groups=c) + conv_weights(c, c)
    if name.startswith("sep_conv"):
        return 2 * separable, 2 * norm_params(c)
    if name.startswith("dil_conv"):
        return separable, norm_params(c)
    if name == "skip_connect" and stride == 2:
        return conv_weights(c, c), norm_params(c)
    return 0, 0


def _last_channels(setting: DARTSSetting, layer: int) -> int:
    """Channels of the output of a cell."""
    return NODES * [cell.channels for cell in _cells(setting)][layer]


def _classifier(setting: DARTSSetting) -> int:
    return linear_params(_last_channels(setting, -1), setting.num_classes)


def _auxiliary(setting: DARTSSetting) -> int:
    channels = _last_channels(setting, 2 * setting.layers // 3)
    convolutions = conv_weights(channels, 128) + norm_params(128) + conv_weights(128, 768, 2)
    norm = norm_params(768) if setting.stem == "cifar" else 0
    return convolutions + norm + linear_params(768, setting.num_classes)
