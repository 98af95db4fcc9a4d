"""The mini-batch that untrained networks are scored on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from archllm.errors import InvalidInput
from archllm.networks import NetworkSetting
from archllm.objectives.images import load_images


def noise(n: int, network: NetworkSetting, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """`n` images of standard normal pixels, `n x c x h x w`, and random labels."""
    images = rng.standard_normal((n, *network.image), dtype=np.float32)
    return torch.from_numpy(images), torch.from_numpy(rng.integers(network.num_classes, size=n))


def digits(n: int, network: NetworkSetting, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """`n` handwritten digits, standardised and enlarged to the network's image size, alike in all channels.

    Raises:
        InvalidInput: there are fewer, or the network tells apart fewer classes.
        MissingExtra: scikit-learn is not installed.
    """
    source = load_images("digits")
    if n > len(source) or network.num_classes < len(source.classes):
        raise InvalidInput(
            f"data digits has {len(source):,} images of {len(source.classes)} classes, too few for a batch of {n} or "
            f"too many for {network.num_classes} classes; choose a smaller batch, more classes, or data noise"
        )
    rows = rng.choice(len(source), n, replace=False)
    pixels = torch.from_numpy((source.x[rows] - source.x.mean()) / source.x.std()).float()
    images = F.interpolate(pixels, size=network.image[1:], mode="bilinear", antialias=True)
    return images.expand(-1, network.in_channels, -1, -1).contiguous(), torch.from_numpy(source.y[rows])
