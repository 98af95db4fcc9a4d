"""Tokenizers: architectures <-> short sequences of discrete codes."""

from archllm.tokenizer.base import Tokenizer
from archllm.tokenizer.plain import PlainTokenizer
from archllm.tokenizer.registry import TokenizerConfig, build_tokenizer, load_tokenizer
from archllm.tokenizer.vq import VQTokenizer

__all__ = ["PlainTokenizer", "Tokenizer", "TokenizerConfig", "VQTokenizer", "build_tokenizer", "load_tokenizer"]
