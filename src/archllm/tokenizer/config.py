"""Configuration of a tokenizer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from archllm.errors import InvalidInput

Kind = Literal["vq", "plain"]
Quantizer = Literal["ema", "fsq", "simvq"]
Context = Literal["none", "causal", "full"]

HEADS = 4
"""Attention heads of every layer, where nodes attend to each other."""


@dataclass(frozen=True)
class TokenizerConfig:
    """What the tokenizer is made of and how it is trained."""

    kind: Kind = "vq"
    """`vq` learns the codes; `plain` writes one word per node (operation and in-edges) and learns nothing."""

    quantizer: Quantizer = "ema"
    """`ema` codebook with k-means start and dead-code reset, `fsq` (finite scalar), or `simvq`."""

    codebook_size: int = 512
    """Number of codes; `fsq` has 64, 128, 256, 512, 1024, 2048 or 4096."""

    code_length: int = 0
    """Codes per architecture; 0 takes what suits the space."""

    context: Context = "none"
    """What a node's code may depend on: the node and its in-edges, those of earlier nodes too, or the whole graph."""

    width: int = 64
    """Features per node."""

    layers: int = 2
    """Layers of encoder and decoder each."""

    code_width: int = 16
    """Dimension of the codebook vectors."""

    commitment: float = 0.25
    """Weight of the commitment loss."""

    predictability: float = 0.0
    """Weight of a loss that makes each code predictable from those before it; 0 is off."""

    warm_up: float = 0.3
    """Share of the steps before an `ema` codebook is put in, placed on the latent vectors learned until then."""

    steps: int = 1500
    """Optimiser steps."""

    batch: int = 256
    """Architectures per step."""

    learning_rate: float = 3e-3
    """Peak learning rate of AdamW."""

    weight_decay: float = 0.0
    """Decoupled weight decay."""

    def __post_init__(self) -> None:
        for name, choices in (("kind", Kind), ("quantizer", Quantizer), ("context", Context)):
            if getattr(self, name) not in get_args(choices):
                known = ", ".join(get_args(choices))
                raise InvalidInput(f"tokenizer.{name} must be one of {known}, got {getattr(self, name)!r}")
        if self.code_length < 0:
            raise InvalidInput(f"tokenizer.code_length must be 0 (automatic) or positive, got {self.code_length}")
        for name in ("codebook_size", "width", "layers", "code_width", "steps", "batch"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"tokenizer.{name} must be at least 1, got {getattr(self, name)}")
        if self.context != "none" and self.width % HEADS:
            raise InvalidInput(
                f"tokenizer.width must be a multiple of {HEADS} where there is context, got {self.width}"
            )
        for name in ("commitment", "predictability", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidInput(f"tokenizer.{name} must be finite and not negative, got {getattr(self, name)}")
        if not 0 <= self.warm_up <= 1:
            raise InvalidInput(f"tokenizer.warm_up must be 0 to 1, got {self.warm_up}")
        if not 0 < self.learning_rate < math.inf:
            raise InvalidInput(f"tokenizer.learning_rate must be positive and finite, got {self.learning_rate}")
