"""Quantizers of the library behind one option and one face."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn
from vector_quantize_pytorch import FSQ, SimVQ, VectorQuantize

from archllm.errors import InvalidInput
from archllm.tokenizer.config import TokenizerConfig

_FSQ_LEVELS: dict[int, list[int]] = {  # Mentzer et al., 2024, table 1, and its pattern continued downwards
    64: [8, 8],
    128: [8, 4, 4],
    256: [8, 6, 5],
    512: [8, 8, 8],
    1024: [8, 5, 5, 5],
    2048: [8, 8, 6, 5],
    4096: [7, 5, 5, 5, 5],
}

_KMEANS_SAMPLE = 32_768  # vectors


class Quantizer(nn.Module):
    """Maps vectors to the nearest of a finite set, with gradients passed straight through.

    Example:
        >>> quantizer = Quantizer(TokenizerConfig(quantizer="fsq", codebook_size=64, code_width=8))
        >>> quantized, indices, loss = quantizer(torch.zeros(2, 6, 8))  # (B, L, D), (B, L), ()
        >>> quantized.shape, indices.shape
        (torch.Size([2, 6, 8]), torch.Size([2, 6]))
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.kind = config.quantizer
        size, width = config.codebook_size, config.code_width
        # ema: code k follows its vectors z_i by moving averages with decay g (van den Oord et al., 2017, appendix A.1),
        #     N_k <- g N_k + (1 - g) n_k,   m_k <- g m_k + (1 - g) sum_{i in k} z_i,   e_k = m_k / N_k
        # an online k-means; the encoder gets beta ||z - sg[e]||^2 and, straight through, the decoder's gradient at e.
        # fsq: each of d bounded coordinates rounds to L_i levels, K = prod_i L_i (Mentzer et al., 2024); no loss.
        # simvq: e_k = W c_k with fixed c_k and a learned W, so that all codes move together (Zhu et al., 2024).
        if self.kind == "ema":  # van den Oord et al., 2017; k-means start and dead-code reset as in the library
            self.inner: VectorQuantize | FSQ | SimVQ = VectorQuantize(
                width,
                size,
                decay=0.99 if config.context == "none" else 0.95,  # local codes move little, and rare ones must live on
                kmeans_init=True,
                kmeans_iters=20,
                threshold_ema_dead_code=0.001 if config.context == "none" else 0.01,
                commitment_weight=config.commitment,
                rotation_trick=False,
                sync_codebook=False,  # one process trains it, also where several train the prior
            )
        elif self.kind == "fsq":
            if size not in _FSQ_LEVELS:
                raise InvalidInput(f"tokenizer.codebook_size of fsq must be one of {list(_FSQ_LEVELS)}, got {size}")
            self.inner = FSQ(_FSQ_LEVELS[size], dim=width)
        else:
            self.inner = SimVQ(width, size, commitment_weight=config.commitment, rotation_trick=False)
        self.size = int(self.inner.codebook_size)

    def start(self, latents: torch.Tensor) -> None:
        """Places an EMA codebook on a sample of latent vectors `(N, D)`.

        Where the different vectors are few enough, each gets a code of its own; else k-means finds centres. The other
        quantizers need no start.
        """
        if self.kind != "ema":
            return
        # If the latents take D <= K different values, e_k = those values is a k-means optimum with zero distortion.
        latents = latents.detach()
        distinct = torch.unique((latents * 1e4).round(), dim=0) / 1e4
        if len(distinct) > self.size:
            self.train()
            self(distinct[torch.randperm(len(distinct))[:_KMEANS_SAMPLE], None])
            return
        repeats = distinct.repeat(-(-self.size // len(distinct)), 1)[: self.size]
        for name, value in (("embed", repeats), ("embed_avg", repeats), ("cluster_size", torch.ones(self.size))):
            self.inner.get_buffer(f"_codebook.{name}").copy_(value[None])
        self.inner.get_buffer("_codebook.initted").fill_(True)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """From `(B, L, D)` to quantized vectors `(B, L, D)`, indices `(B, L)` and the quantizer's loss."""
        if self.kind == "fsq":
            quantized, indices = self.inner(x)
            return quantized, indices.long(), x.new_zeros(())
        quantized, indices, loss = self.inner(x)
        return quantized, indices, loss.sum()

    def vectors(self, indices: torch.Tensor) -> torch.Tensor:
        """The vectors `(…, D)` of indices `(…)`."""
        lookup = self.inner.get_codes_from_indices if self.kind == "ema" else self.inner.indices_to_codes
        vectors: torch.Tensor = lookup(indices)
        return vectors

    def codebook(self) -> torch.Tensor:
        """All vectors, `(K, D)`."""
        device = next(chain(self.inner.buffers(), self.inner.parameters())).device
        return self.vectors(torch.arange(self.size, device=device)[None])[0]
