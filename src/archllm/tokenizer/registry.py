"""Configurations and files -> tokenizers."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from archllm.errors import ArchLLMError, RunFolderError
from archllm.files import LARGEST_JSON, check_holds, read_text
from archllm.spaces.base import SearchSpace
from archllm.tokenizer.config import TokenizerConfig
from archllm.tokenizer.merges import MergesTokenizer
from archllm.tokenizer.plain import PlainTokenizer
from archllm.tokenizer.vq import VQTokenizer

__all__ = ["TokenizerConfig", "build_tokenizer", "load_tokenizer"]


_KINDS: dict[str, type[VQTokenizer] | type[PlainTokenizer] | type[MergesTokenizer]] = {
    "vq": VQTokenizer,
    "plain": PlainTokenizer,
    "merges": MergesTokenizer,
}


def build_tokenizer(space: SearchSpace, config: TokenizerConfig) -> VQTokenizer | PlainTokenizer | MergesTokenizer:
    """An untrained tokenizer of the configured kind."""
    return _KINDS[config.kind](space, config)


def load_tokenizer(folder: Path, space: SearchSpace) -> VQTokenizer | PlainTokenizer | MergesTokenizer:
    """The tokenizer saved in a folder.

    Raises:
        RunFolderError: a file is missing, damaged, or made for another space.
    """
    about_path, weights_path = folder / "tokenizer.json", folder / "tokenizer.safetensors"
    try:
        about = json.loads(read_text(about_path, LARGEST_JSON))
        config = TokenizerConfig(**about["config"])
        name = about["space"]
    except (ValueError, KeyError, TypeError, RecursionError, ArchLLMError) as error:
        raise RunFolderError(f"{about_path} is not a tokenizer description: {error}") from error
    if name != space.name:
        raise RunFolderError(f"{about_path} is a tokenizer of the space {name!r}, but {space.name!r} is needed")
    try:
        tensors = load_file(weights_path)
    except OSError as error:
        raise RunFolderError(f"can't read {weights_path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise RunFolderError(f"{weights_path} is damaged or not a safetensors file: {error}") from error
    if config.kind == "vq":
        book = config.codebook_size if config.quantizer == "ema" else 0
        check_holds(weights_path, config.layers * config.width**2 + book)
    tokenizer = build_tokenizer(space, config)
    if isinstance(tokenizer, VQTokenizer):
        tokenizer.restore(about.get("groups", []), tensors)
    else:
        tokenizer.restore(about.get("serialisation"), tensors)
    return tokenizer
