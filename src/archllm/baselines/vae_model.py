"""The network of the VAE baseline: the tokenizer's graph layers around a Gaussian latent instead of codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from archllm.errors import InvalidInput
from archllm.spaces.base import SearchSpace
from archllm.tokenizer.config import TokenizerConfig
from archllm.tokenizer.model import Decoder, Encoder, Shape

_HEADS = 4  # of the tokenizer's attention, which must divide the width
_LOG_STD = 5.0  # bound of the posterior's log standard deviation, so that no early step overflows


@dataclass(frozen=True)
class VAEConfig:
    """What the VAE is made of and how it is trained.

    Example:
        >>> VAEConfig().steps
        2000
    """

    latent: Literal["graph", "node"] = "graph"
    """One latent vector per `graph`, as in most VAEs, or one per `node` position, as in arch2vec."""

    latent_width: int = 32
    """Dimension of a latent vector."""

    width: int = 64
    """Features per node."""

    layers: int = 2
    """Layers of encoder and decoder each; every node attends to every other in both."""

    beta: float = 1.0
    """Weight of the Kullback-Leibler term; 1 is the evidence lower bound."""

    beta_warm_up: float = 0.3
    """Share of the steps over which that weight grows from 0."""

    free_bits: float = 0.0
    """Nats per latent dimension, on average over a batch, that the Kullback-Leibler term doesn't count."""

    steps: int = 2000
    """Optimiser steps."""

    batch: int = 512
    """Architectures per step."""

    learning_rate: float = 2e-3
    """Peak learning rate of AdamW."""

    weight_decay: float = 0.0
    """Decoupled weight decay."""

    def __post_init__(self) -> None:
        if self.latent not in ("graph", "node"):
            raise InvalidInput(f"vae.latent must be 'graph' or 'node', got {self.latent!r}")
        for name in ("latent_width", "width", "layers", "steps", "batch"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"vae.{name} must be at least 1, got {getattr(self, name)}")
        if self.width % _HEADS:
            raise InvalidInput(f"vae.width must be a multiple of {_HEADS}, got {self.width}")
        for name in ("beta", "free_bits", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidInput(f"vae.{name} must be 0 or positive, got {getattr(self, name)}")
        if not 0 <= self.beta_warm_up <= 1:
            raise InvalidInput(f"vae.beta_warm_up must lie between 0 and 1, got {self.beta_warm_up}")
        if not 0 < self.learning_rate < math.inf:
            raise InvalidInput(f"vae.learning_rate must be positive, got {self.learning_rate}")


class VAE(nn.Module):
    """Encoder to a diagonal Gaussian, decoder to independent labels and edges.

    Both are the tokenizer's, with full context and one group per node. The decoder is one-shot: given the latent
    vector, every label and every edge is predicted at once, and all of them freely.

    Args:
        labels: node labels of the space; one more stands for an absent node.
        nodes: node positions `V`.
        config: sizes of the parts.
    """

    def __init__(self, labels: int, nodes: int, config: VAEConfig) -> None:
        super().__init__()
        shape = Shape(labels, nodes, tuple((node,) for node in range(nodes)))
        per_node = config.latent == "node"
        self.nodes = nodes
        self.latent_size = config.latent_width * (nodes if per_node else 1)
        self.encoder = Encoder(shape, _layers(config, 2 * config.latent_width if per_node else config.width))
        self.decoder = Decoder(shape, _layers(config, config.latent_width if per_node else config.width))
        flat = nodes * config.width
        self.pool = nn.Identity() if per_node else nn.Linear(flat, 2 * config.latent_width)
        self.spread = nn.Identity() if per_node else nn.Linear(config.latent_width, flat)

    def posterior(self, labels: torch.Tensor, edges: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log standard deviation, both `(B, D)`, from `(B, V)` labels and `(B, V, V)` edges."""
        features = self.encoder(labels, edges)  # (B, V, C)
        if isinstance(self.pool, nn.Linear):
            mean, log_std = self.pool(features.flatten(1)).chunk(2, -1)
        else:
            mean, log_std = (part.flatten(1) for part in features.chunk(2, -1))
        return mean, _LOG_STD * torch.tanh(log_std / _LOG_STD)

    def logits(self, latent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From `(B, D)` to label logits `(B, V, labels + 1)` and edge logits `(B, V, V)`."""
        result: tuple[torch.Tensor, torch.Tensor] = self.decoder(self.spread(latent).unflatten(-1, (self.nodes, -1)))
        return result

    def forward(
        self, labels: torch.Tensor, edges: torch.Tensor, beta: float, free: float
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of a batch, in nats per graph, and figures to report.

        Args:
            labels: `(B, V)` labels, 0 for absent.
            edges: `(B, V, V)` edges, 0.0 or 1.0.
            beta: weight of the Kullback-Leibler term.
            free: nats per latent dimension that it doesn't count.
        """
        mean, log_std = self.posterior(labels, edges)
        label_logits, edge_logits = self.logits(mean + log_std.exp() * torch.randn_like(mean))
        likelihood = log_likelihood(label_logits, edge_logits, labels, edges).mean()
        divergence = (0.5 * (mean.square() + (2 * log_std).exp() - 1) - log_std).mean(0)  # (D,)
        loss = beta * divergence.clamp_min(free).sum() - likelihood
        right = ((label_logits.argmax(-1) == labels).all(1)) & ((edge_logits > 0) == edges.bool()).flatten(1).all(1)
        figures = {"loss": -likelihood, "divergence": divergence.sum(), "exact": right.float().mean()}
        return loss, {name: value.item() for name, value in figures.items()}


def log_likelihood(
    label_logits: torch.Tensor, edge_logits: torch.Tensor, labels: torch.Tensor, edges: torch.Tensor
) -> torch.Tensor:
    """`(B,)` log-probabilities in nats of whole graphs; every label and every one of the `V x V` edges counts."""
    label_part = F.cross_entropy(label_logits.transpose(1, 2), labels, reduction="none").sum(1)
    edge_part = F.binary_cross_entropy_with_logits(edge_logits, edges, reduction="none").sum((1, 2))
    return -label_part - edge_part


def _layers(config: VAEConfig, vector_width: int) -> TokenizerConfig:
    return TokenizerConfig(context="full", width=config.width, layers=config.layers, code_width=vector_width)


def recommended_vae(space: SearchSpace) -> VAEConfig:
    """The best of the few settings tried for a space: by distinct valid draws per draw, at temperature 1 and by argmax.

    They were compared on at most 5,000 training cells kept from the fit, with one seed and 10,000 draws.
    """
    # Figures are: valid / distinct valid, both per draw; reconstruction; 64-sample bound in nats (ln(size)).
    # Beta decides most. At 1 the independent choices of NAS-Bench-201 leave the latent: the decoder's distribution is
    # the ideal one (9.66 nats), but argmax gives back no cell (reconstruction 0 %). At 0.01 the prior has holes.
    if space.name == "nasbench201":
        # 99.9 / 73.0 % (uniform draws: 73.9 %), 99.6 %, 9.71 (9.66). With 500 steps of 512, beta 0.1: 99.9 / 71.8 %;
        # beta 0.01: 3.3 / 3.2 %; one vector per graph, beta 0.1: 60.1 / 47.1 %.
        return VAEConfig(latent="node", latent_width=8, beta=0.3, steps=1500, batch=64)
    if space.name == "darts":
        # 57.4 / 57.4 %, 100 %, 45.22 (41.52). 2,000 steps: 41.4 %, a vector per node 32.5 %. Beta above 0.6 is untried.
        return VAEConfig(latent="graph", latent_width=64, beta=0.6, steps=8000, batch=64)
    # NAS-Bench-101: 82.4 / 80.7 % (uniform draws: 98.8 %), 99.8 %, 14.19 (12.96). One vector per graph: 80.7 / 79.0 %;
    # 1,600 steps of 128: 78.1 / 75.0 %; beta 0.3, 1,200 steps of 256: 78.2 / 73.1 %. Beta above 0.6 is untried.
    return VAEConfig(latent="node", latent_width=8, beta=0.6, steps=8000, batch=64)
