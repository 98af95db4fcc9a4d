"""Widths and resolutions of mobile networks under a scale."""

from __future__ import annotations

LEAST_PIXELS = 4
"""Height and width that small images keep to the end."""


def rounded(channels: float, multiple: int = 8) -> int:
    """The multiple that is nearest, but never below nine tenths: how MobileNets round channels.

    Example:
        >>> [rounded(channels) for channels in (3, 16, 19.2, 20, 134.4)]
        [8, 16, 24, 24, 136]
    """
    nearest = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return nearest if nearest >= 0.9 * channels else nearest + multiple


def halvings(image_size: int, most: int) -> int:
    """How often images may be halved so that `LEAST_PIXELS` are left, up to `most` times.

    Example:
        >>> [halvings(size, 5) for size in (8, 28, 32, 64, 128, 224)]
        [1, 2, 3, 4, 5, 5]
    """
    return min(most, max(0, (image_size // LEAST_PIXELS).bit_length() - 1))
