"""Random changes to training images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(x: Tensor, kind: str, cutout: int, generator: torch.Generator) -> Tensor:
    """Shifts each image by up to an eighth of its size, mirrors it, blanks out a square, as asked.

    Args:
        x: `n x c x h x w` normalised images.
        kind: `none`, `crop` or `crop-flip`.
        cutout: height and width of the blank square; 0 for none.
        generator: source of all choices, on the CPU.
    """
    if kind != "none":
        x = _shifted(x, generator)
    if kind == "crop-flip":
        mirrored = torch.rand(len(x), generator=generator) < 0.5
        x = torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(3), x)
    return _blanked(x, cutout, generator) if cutout else x


def _shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """A window of the padded image, at a place of its own for each image."""
    n, _, height, width = x.shape
    far = max(1, height // 8)
    padded = F.pad(x, (far, far, far, far))
    down, right = torch.randint(0, 2 * far + 1, (2, n), generator=generator).to(x.device)
    rows = (down[:, None] + torch.arange(height, device=x.device))[:, None, :, None]
    columns = (right[:, None] + torch.arange(width, device=x.device))[:, None, None, :]
    images = torch.arange(n, device=x.device)[:, None, None, None]
    channels = torch.arange(x.shape[1], device=x.device)[None, :, None, None]
    return padded[images, channels, rows, columns]


def _blanked(x: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """The images with a square around a random pixel set to zero, cut off at the border (DeVries & Taylor, 2017)."""
    n, _, height, width = x.shape
    middle_y = torch.randint(0, height, (n, 1), generator=generator).to(x.device)
    middle_x = torch.randint(0, width, (n, 1), generator=generator).to(x.device)
    first = size // 2
    row, column = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
    inside_y = (row >= middle_y - first) & (row < middle_y - first + size)
    inside_x = (column >= middle_x - first) & (column < middle_x - first + size)
    return x * ~(inside_y[:, None, :, None] & inside_x[:, None, None, :])
