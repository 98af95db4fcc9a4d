"""What stands between raw images and a network. Needs torch alone: exported files carry its source."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def resizing(length: int, size: int) -> Tensor:
    """Weights that make `size` pixels of `length` ones: bilinear, widened where that shrinks (antialiased).

    Pixel j of the source counts for pixel i of the result by its distance from where i lies in the source,

        w(i, j) = max(0, 1 - |j + 1/2 - (i + 1/2) s| / max(s, 1)),  s = length / size,

    divided by the sum over j. As a matrix, every runtime computes the same, whatever it thinks of resizing.

    Returns:
        `size x length` weights, each row of sum 1.
    """
    pixels = torch.arange(length, dtype=torch.float32)
    scale = pixels.shape[0] / size
    centres = (torch.arange(size, dtype=torch.float32) + 0.5) * scale
    away = (pixels[None] + 0.5 - centres[:, None]).abs() / torch.sym_max(scale, 1.0)
    weights = (1.0 - away).clamp(min=0.0)
    shares: Tensor = weights / weights.sum(1, keepdim=True)
    return shares


class RawImages(nn.Module):
    """A trained network that takes images as files hold them: resizes, normalises, and gives probabilities.

    Args:
        network: maps normalised images `n x c x size x size` to logits `n x classes`.
        size: height and width that the network was trained with.
        mean: of each channel, of bytes from 0 to 255.
        std: likewise.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network, self.size = network, size
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Maps bytes `n x h x w x c`, of any height and width, to probabilities `n x classes`."""
        x = images.permute(0, 3, 1, 2).to(torch.float32)
        own: bool | torch.SymBool = (x.shape[2] == self.size) & (x.shape[3] == self.size)
        # An exported program holds both branches. Resizing takes as long as a small network, so that images of the
        # network's own size do without.
        if isinstance(own, bool):
            return self.of_own_size(x if own else self.resized(x))
        return self.of_own_size(torch.cond(own, self.unchanged, self.resized, (x,)))  # type: ignore[arg-type]

    def resized(self, x: Tensor) -> Tensor:
        """Maps `n x c x h x w` to `n x c x size x size` values."""
        return (resizing(x.shape[2], self.size) @ x @ resizing(x.shape[3], self.size).T).contiguous()

    def unchanged(self, x: Tensor) -> Tensor:
        """The same for values of that size already, which a tracer does not know to be of it."""
        return nn.functional.interpolate(x, size=(self.size, self.size), mode="nearest").contiguous()

    def of_own_size(self, x: Tensor) -> Tensor:
        """Maps values of bytes `n x c x size x size` to probabilities `n x classes`."""
        return torch.softmax(self.network((x - self.mean) / self.std), dim=1)
