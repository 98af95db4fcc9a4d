"""Tokenizers: architectures <-> short sequences of discrete codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archllm.lazy import lazily

if TYPE_CHECKING:
    from archllm.tokenizer.base import Tokenizer
    from archllm.tokenizer.config import TokenizerConfig
    from archllm.tokenizer.plain import PlainTokenizer
    from archllm.tokenizer.registry import build_tokenizer, load_tokenizer
    from archllm.tokenizer.vq import VQTokenizer

__all__ = ["PlainTokenizer", "Tokenizer", "TokenizerConfig", "VQTokenizer", "build_tokenizer", "load_tokenizer"]

_HOMES = {
    "PlainTokenizer": "archllm.tokenizer.plain",
    "Tokenizer": "archllm.tokenizer.base",
    "TokenizerConfig": "archllm.tokenizer.config",
    "VQTokenizer": "archllm.tokenizer.vq",
    "build_tokenizer": "archllm.tokenizer.registry",
    "load_tokenizer": "archllm.tokenizer.registry",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
