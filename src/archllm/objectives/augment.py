"""Random changes to training images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(x: Tensor, kind: str, cutout: int, generator: torch.Generator) -> Tensor:
    """Shifts each image by up to an eighth of its size, mirrors it, blanks out a square, as asked.

    Args:
        x: `n x c x h x w` normalised images: what is shifted in or blanked out is zero, the mean.
        kind: `none`, `crop` or `crop-flip`.
        cutout: height and width of the blank square in pixels; 0 for none.
        generator: source of all choices, on the CPU.

    Returns:
        New images of the same shape.
    """
    if kind != "none":
        x = _shifted(x, generator)
    if kind == "crop-flip":
        mirrored = torch.rand(len(x), generator=generator) < 0.5
        x = torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(3), x)
    return _blanked(x, cutout, generator) if cutout else x


def _shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """A window of the padded image, at a place of its own for each image."""
    n, channels, height, width = x.shape
    most = max(1, min(height, width) // 8)
    padded = F.pad(x, (most, most, most, most))
    down, right = torch.randint(0, 2 * most + 1, (2, n), generator=generator).to(x.device)
    rows = down[:, None] + torch.arange(height, device=x.device)
    columns = right[:, None] + torch.arange(width, device=x.device)
    image = torch.arange(n, device=x.device)[:, None, None, None]
    channel = torch.arange(channels, device=x.device)[None, :, None, None]
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _blanked(x: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """The images with a square around a random pixel set to zero, cut off at the border (DeVries & Taylor, 2017)."""
    n, _, height, width = x.shape

    def covered(length: int) -> Tensor:
        first = torch.randint(0, length, (n, 1), generator=generator) - size // 2
        places = torch.arange(length)
        return ((places >= first) & (places < first + size)).to(x.device)

    inside = covered(height)[:, None, :, None] & covered(width)[:, None, None, :]
    return x.masked_fill(inside, 0.0)
