"""A transformer encoder that classifies images (Dosovitskiy et al., 2021). Needs torch and the shared blocks alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from archllm.networks.blocks import check_images


class Layer(nn.Module):
    """Self-attention and a feed-forward part, both normalised before and residual.

    Args:
        width: features of a token.
        heads: attention heads.
        ratio: hidden features of the feed-forward part, in widths.
    """

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.before_feed_forward = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, ratio * width), nn.GELU(), nn.Linear(ratio * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x tokens x width` to the same shape."""
        packed = self.query_key_value(self.before_attention(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.feed_forward(self.before_feed_forward(x))


class Network(nn.Module):
    """Patches, their places, layers, an average, classifier.

    Args:
        width: features of a token.
        heads: attention heads of each layer.
        ratios: feed-forward ratio of each layer.
        patch: height and width of a patch in pixels.
        image_size: height and width of the images in pixels.
        num_classes: classes.
        in_channels: channels of the images.
    """

    def __init__(
        self,
        width: int,
        heads: Sequence[int],
        ratios: Sequence[int],
        patch: int = 4,
        image_size: int = 32,
        num_classes: int = 10,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.in_channels, self.image_size = in_channels, image_size
        self.patches = nn.Conv2d(in_channels, width, patch, stride=patch)
        self.places = nn.Parameter(0.02 * torch.randn((image_size // patch) ** 2, width))
        self.layers = nn.Sequential(*(Layer(width, h, ratio) for h, ratio in zip(heads, ratios, strict=True)))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images `n x c x image_size x image_size` to logits `n x classes`."""
        check_images(x, self.in_channels, self.image_size)
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.classifier(self.norm(self.layers(tokens)).mean(dim=1))
