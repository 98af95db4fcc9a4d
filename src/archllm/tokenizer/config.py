"""Configuration of a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archllm.errors import InvalidInput


@dataclass(frozen=True)
class TokenizerConfig:
    """What the tokenizer is made of and how it is trained."""

    kind: Literal["vq", "plain"] = "vq"
    """`vq` learns the codes; `plain` writes one word per node (operation and in-edges) and learns nothing."""

    quantizer: Literal["ema", "fsq", "simvq"] = "ema"
    """`ema` codebook with k-means start and dead-code reset, `fsq` (finite scalar), or `simvq`."""

    codebook_size: int = 512
    """Number of codes; `fsq` has 64, 128, 256, 512, 1024, 2048 or 4096."""

    code_length: int = 0
    """Codes per architecture; 0 takes what suits the space."""

    context: Literal["none", "causal", "full"] = "none"
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

    steps: int = 400
    """Optimiser steps."""

    batch: int = 1024
    """Architectures per step."""

    learning_rate: float = 3e-3
    """Peak learning rate of AdamW."""

    weight_decay: float = 0.0
    """Decoupled weight decay."""

    def __post_init__(self) -> None:
        if self.code_length < 0:
            raise InvalidInput(f"tokenizer.code_length must be 0 (automatic) or positive, got {self.code_length}")
        for name in ("codebook_size", "width", "layers", "code_width", "steps", "batch"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"tokenizer.{name} must be at least 1, got {getattr(self, name)}")
        for name in ("commitment", "predictability", "weight_decay"):
            if getattr(self, name) < 0:
                raise InvalidInput(f"tokenizer.{name} must not be negative, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise InvalidInput(f"tokenizer.learning_rate must be positive, got {self.learning_rate}")
