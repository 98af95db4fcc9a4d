"""Tokenizers: architectures <-> short sequences of discrete codes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    """Loads a name when it is first asked for, so that the configuration can be read without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
