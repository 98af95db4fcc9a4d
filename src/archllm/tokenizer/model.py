"""The VQ-VAE: graph encoder, quantizer, and a decoder that predicts every operation and every edge freely."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from archllm.tokenizer.config import HEADS, TokenizerConfig
from archllm.tokenizer.quantizer import Quantizer

_NOISE = 0.1


@dataclass(frozen=True)
class Shape:
    """Sizes that the space and the grouping of nodes dictate."""

    labels: int
    """Node labels; one more stands for an absent node."""

    nodes: int
    """Node positions `V`."""

    groups: tuple[tuple[int, ...], ...]
    """Node positions of each of the `L` codes, -1 where a group has fewer than `G` nodes."""

    linked: bool = True
    """Whether there are edges; otherwise none are read or predicted."""


class VQVAE(nn.Module):
    """Encoder, quantizer and decoder; `forward` gives the training loss.

    Args:
        shape: sizes of the space.
        config: sizes and kinds of the parts.
    """

    def __init__(self, shape: Shape, config: TokenizerConfig) -> None:
        super().__init__()
        self.encoder = Encoder(shape, config)
        self.quantizer = Quantizer(config)
        self.decoder = Decoder(shape, config)
        self.predictor = CodePredictor(config, self.quantizer.size) if config.predictability else None
        self.predictability = config.predictability

    def forward(
        self, labels: torch.Tensor, edges: torch.Tensor | None, quantize: bool = True
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of a batch and figures to report.

        Args:
            labels: `(B, V)` labels, 0 for absent.
            edges: `(B, V, V)` edges, 0.0 or 1.0; `None` where there are none.
            quantize: whether to quantize; else noise stands in for it, so that latent vectors move apart.
        """
        latent = self.encoder(labels, edges)
        if quantize:
            quantized, indices, quantizer_loss = self.quantizer(latent)
        else:
            quantized, indices = latent + _NOISE * torch.randn_like(latent), torch.zeros(1)
            quantizer_loss = latent.new_zeros(())
        label_logits, edge_logits = self.decoder(quantized)
        label_loss = F.cross_entropy(label_logits.flatten(0, 1), labels.flatten(), reduction="sum")
        total = label_loss
        if edges is not None and edge_logits is not None:
            total = total + F.binary_cross_entropy_with_logits(edge_logits, edges, reduction="sum")
        reconstruction = total / len(labels)
        loss = reconstruction + quantizer_loss
        if self.predictor is not None and quantize:
            loss = loss + self.predictability * self.predictor(latent, quantized, self.quantizer.codebook())
        exact = _exact(label_logits, edge_logits, labels, edges).float().mean()
        used = len(torch.unique(indices))
        return loss, {"loss": reconstruction.item(), "exact": exact.item(), "codes_in_batch": float(used)}

    def encode(self, labels: torch.Tensor, edges: torch.Tensor | None) -> torch.Tensor:
        """Codes `(B, L)`."""
        indices: torch.Tensor = self.quantizer(self.encoder(labels, edges))[1]
        return indices

    def decode(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Labels `(B, V)` (0 for absent) and edges `(B, V, V)`, by argmax."""
        label_logits, edge_logits = self.decoder(self.quantizer.vectors(codes))
        return label_logits.argmax(-1), None if edge_logits is None else edge_logits > 0


class Encoder(nn.Module):
    """From nodes with their in-edges to one vector per group of nodes.

    With `context="none"` a node sees its own label and in-edges only; with `"causal"` it also attends to earlier
    nodes, with `"full"` to all, and edges bias the attention.
    """

    groups: torch.Tensor

    def __init__(self, shape: Shape, config: TokenizerConfig) -> None:
        super().__init__()
        width = config.width
        self.context = config.context
        self.label = nn.Embedding(shape.labels + 1, width)
        self.sources = nn.Linear(shape.nodes, width) if shape.linked else None
        self.position = nn.Parameter(torch.randn(shape.nodes, width) * 0.02) if config.context != "none" else None
        self.blocks = nn.ModuleList(_Block(width, config.context) for _ in range(config.layers))
        self.register_buffer("groups", torch.tensor(shape.groups), persistent=False)
        self.project = nn.Linear(width * len(shape.groups[0]), config.code_width)

    def forward(self, labels: torch.Tensor, edges: torch.Tensor | None) -> torch.Tensor:
        """From `(B, V)` labels and `(B, V, V)` edges to `(B, L, D)`."""
        x = self.label(labels)  # (B, V, W)
        if self.sources is not None and edges is not None:
            x = x + self.sources(edges.transpose(1, 2))
        if self.position is not None:
            x = x + self.position
        for block in self.blocks:
            x = block(x, edges)
        grouped = x[:, self.groups.clamp_min(0)] * (self.groups >= 0)[:, :, None]  # (B, L, G, W)
        latent: torch.Tensor = self.project(grouped.flatten(2))
        return latent


class Decoder(nn.Module):
    """From one vector per group to logits of every node's label and of every possible edge."""

    place: torch.Tensor

    def __init__(self, shape: Shape, config: TokenizerConfig) -> None:
        super().__init__()
        width = config.width
        self.expand = nn.Linear(config.code_width, width)
        self.position = nn.Parameter(torch.randn(len(shape.groups), width) * 0.02)
        self.blocks = nn.ModuleList(_Block(width, config.context) for _ in range(config.layers))
        groups = torch.tensor(shape.groups)
        self.slots = groups.shape[1]
        self.register_buffer("place", groups.flatten().argsort()[(groups < 0).sum() :], persistent=False)
        self.spread = nn.Linear(width, width * self.slots)
        self.node = nn.Parameter(torch.randn(shape.nodes, width) * 0.02)
        self.label = nn.Linear(width, shape.labels + 1)
        self.sources = nn.Linear(width, shape.nodes) if shape.linked else None

    def forward(self, quantized: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """From `(B, L, D)` to label logits `(B, V, labels + 1)` and edge logits `(B, V, V)`, `None` without edges."""
        x = self.expand(quantized) + self.position
        for block in self.blocks:
            x = block(x, None)
        x = self.spread(F.gelu(x)).unflatten(-1, (self.slots, -1)).flatten(1, 2)[:, self.place]  # (B, V, W)
        x = F.gelu(x + self.node)
        return self.label(x), None if self.sources is None else self.sources(x).transpose(1, 2)


class CodePredictor(nn.Module):
    """A small recurrent model of the code sequence, trained along; its surprise is a loss for the encoder.

    The target is the soft assignment of the latent vector to the codebook, so the encoder learns to pick codes that
    what came before makes likely.
    """

    def __init__(self, config: TokenizerConfig, codes: int) -> None:
        super().__init__()
        self.recurrent = nn.GRU(config.code_width, config.width, batch_first=True)
        self.head = nn.Linear(config.width, codes)

    def forward(self, latent: torch.Tensor, quantized: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
        """Mean surprise in nats per code, from `(B, L, D)` latents and quantized vectors and a `(K, D)` codebook."""
        before = F.pad(quantized, (0, 0, 1, 0))[:, :-1]
        logits = self.head(self.recurrent(before)[0])
        assignment = torch.softmax(-torch.cdist(latent, codebook.expand(len(latent), -1, -1)).square(), -1)
        surprise: torch.Tensor = -(assignment * logits.log_softmax(-1)).sum(-1).mean()
        return surprise


class _Block(nn.Module):
    """Attention (where there is context) and a feed-forward layer, both residual, both normalised before."""

    def __init__(self, width: int, context: str) -> None:
        super().__init__()
        self.context = context
        if context != "none":
            self.before_attention = nn.LayerNorm(width)
            self.query_key_value = nn.Linear(width, 3 * width)
            self.out = nn.Linear(width, width)
            self.edge_bias = nn.Parameter(torch.zeros(2, HEADS))
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: torch.Tensor, edges: torch.Tensor | None) -> torch.Tensor:
        if self.context != "none":
            x = x + self.out(self._attend(self.query_key_value(self.before_attention(x)), edges))
        mixed: torch.Tensor = x + self.mlp(self.before_mlp(x))
        return mixed

    def _attend(self, packed: torch.Tensor, edges: torch.Tensor | None) -> torch.Tensor:
        query, key, value = packed.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)  # each (B, H, V, W/H)
        bias = torch.zeros(query.shape[2], query.shape[2], device=query.device)
        if self.context == "causal":
            bias = bias.masked_fill(torch.ones_like(bias).triu(1).bool(), float("-inf"))
        if edges is not None:  # a node looks along its in-edges, and with full context along its out-edges
            into, out = edges.transpose(1, 2)[:, None], edges[:, None]
            bias = bias + into * self.edge_bias[0, :, None, None]
            if self.context == "full":
                bias = bias + out * self.edge_bias[1, :, None, None]
        return F.scaled_dot_product_attention(query, key, value, bias).transpose(1, 2).flatten(2)


def _exact(
    label_logits: torch.Tensor, edge_logits: torch.Tensor | None, labels: torch.Tensor, edges: torch.Tensor | None
) -> torch.Tensor:
    labels_right = (label_logits.argmax(-1) == labels).all(1)
    if edge_logits is None or edges is None:
        return labels_right
    return labels_right & ((edge_logits > 0) == edges.bool()).flatten(1).all(1)
