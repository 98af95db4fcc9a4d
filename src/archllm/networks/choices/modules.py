"""The network of a member of a `choices` space. Needs torch alone: exported files carry its source."""

from __future__ import annotations

from torch import nn


class Network(nn.Sequential):
    """Layers, one after the other, from images `n x c x h x w` to logits `n x classes`."""
