"""Configuration of a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from archllm.config import Bounds, NotNegative, Positive, Settings
from archllm.errors import InvalidInput

Kind = Literal["vq", "plain", "merges"]
Quantizer = Literal["ema", "fsq", "simvq"]
Context = Literal["none", "causal", "full"]

HEADS = 4
"""Attention heads of every layer, where nodes attend to each other."""


@dataclass(frozen=True)
class TokenizerConfig(Settings):
    """What the tokenizer is made of and how it is trained.

    Example:
        >>> TokenizerConfig(codebook_size=64).quantizer
        'ema'
    """

    section = "tokenizer"

    kind: Kind = "vq"
    """`vq` learns the codes; `plain` writes nodes and edges one after the other and learns nothing; `merges` joins
    what often stands side by side in that to codes of its own."""

    merges: Annotated[int, Bounds(0, 10_000)] = 256
    """Most codes that `merges` makes of neighbours."""

    quantizer: Quantizer = "ema"
    """`ema` codebook with k-means start and dead-code reset, `fsq` (finite scalar), or `simvq`."""

    codebook_size: Annotated[int, Bounds(1)] = 512
    """Number of codes; `fsq` has 64, 128, 256, 512, 1024, 2048 or 4096."""

    code_length: Annotated[int, Bounds(0)] = 0
    """Codes per architecture; 0 takes what suits the space."""

    context: Context = "none"
    """What a node's code may depend on: the node and its in-edges, those of earlier nodes too, or the whole graph."""

    width: Annotated[int, Bounds(1)] = 64
    """Features per node."""

    layers: Annotated[int, Bounds(1)] = 2
    """Layers of encoder and decoder each."""

    code_width: Annotated[int, Bounds(1)] = 16
    """Dimension of the codebook vectors."""

    commitment: Annotated[float, NotNegative] = 0.25
    """Weight of the commitment loss."""

    predictability: Annotated[float, NotNegative] = 0.0
    """Weight of a loss that makes each code predictable from those before it; 0 is off."""

    warm_up: Annotated[float, Bounds(0, 1)] = 0.3
    """Codebook warm-up: share of the steps before an `ema` codebook quantises, initialised at the latent vectors
    learned until then."""

    steps: Annotated[int, Bounds(1)] = 1500
    """Optimiser steps."""

    batch: Annotated[int, Bounds(1)] = 256
    """Architectures per step."""

    learning_rate: Annotated[float, Positive] = 3e-3
    """Peak learning rate of AdamW."""

    weight_decay: Annotated[float, NotNegative] = 0.0
    """Decoupled weight decay."""

    def _check_together(self) -> None:
        if self.context != "none" and self.width % HEADS:
            raise InvalidInput(
                f"tokenizer.width must be a multiple of {HEADS} where there is context, got {self.width}"
            )
