"""Blocks for sequences `n x tokens x c`, each normalised before and added to its input. They need torch alone.

`archllm.networks.sequence_blocks:Attention` in a space file; each takes the number of channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Self-attention (Vaswani et al., 2017); with a window, each token sees only those nearby."""

    def __init__(self, channels: int, heads: int = 4, window: int = 0) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x tokens x c` to the same shape."""
        packed = self.query_key_value(self.norm(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        mask = None
        if self.window:
            places = torch.arange(x.shape[1], device=x.device)
            mask = (places[:, None] - places).abs() <= self.window
        attended = nn.functional.scaled_dot_product_attention(query, key, value, mask)
        return x + self.out(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers on each token; gated as in GLU variants (Shazeer, 2020) if asked for."""

    def __init__(self, channels: int, ratio: int = 2, gated: bool = False) -> None:
        super().__init__()
        self.gated = gated
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Linear(channels, (2 if gated else 1) * ratio * channels)
        self.out = nn.Linear(ratio * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x tokens x c` to the same shape."""
        hidden = self.wide(self.norm(x))
        if self.gated:
            value, gate = hidden.chunk(2, dim=-1)
            return x + self.out(value * nn.functional.silu(gate))
        return x + self.out(nn.functional.gelu(hidden))


class Convolution(nn.Module):
    """A depthwise convolution along the sequence and a linear layer."""

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.mix = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x tokens x c` to the same shape."""
        mixed = self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.out(nn.functional.gelu(mixed))


class GatedStateSpace(nn.Module):
    """A diagonal linear recurrence along the sequence with a gate: h_t = a h_{t-1} + (1 - a) u_t, y_t = h_t silu(g_t).

    A state space model with one real state per channel, as in diagonal S4 (Gu et al., 2022) and its gated form (Mehta
    et al., 2022). `reverse` runs it from the end.
    """

    def __init__(self, channels: int, reverse: bool = False) -> None:
        super().__init__()
        self.reverse = reverse
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Linear(channels, 2 * channels)
        self.decay = nn.Parameter(torch.linspace(0.5, 4.0, channels))
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `n x tokens x c` to the same shape."""
        # With a = sigmoid(decay) the recurrence is a sum, h_t = (1 - a) sum_{s <= t} a^(t-s) u_s: one product with a
        # lower triangular matrix per channel, t x t, which is fast for the short sequences that this is made for.
        value, gate = self.wide(self.norm(x)).chunk(2, dim=-1)
        places = torch.arange(x.shape[1], device=x.device)
        apart = places[:, None] - places
        if self.reverse:
            apart = -apart
        logs = nn.functional.logsigmoid(self.decay)
        kernel = torch.exp(apart.clamp_min(0)[:, :, None] * logs) * (apart >= 0)[:, :, None]
        state = (1 - torch.sigmoid(self.decay)) * torch.einsum("tsc,nsc->ntc", kernel, value)
        return x + self.out(state * nn.functional.silu(gate))
