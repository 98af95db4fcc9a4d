"""Configurations and files -> priors."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from archllm.errors import ArchLLMError, RunFolderError
from archllm.prior.code_lm import CodeLM
from archllm.prior.config import PriorConfig
from archllm.prior.marginal import MarginalPrior

__all__ = ["PriorConfig", "build_prior", "load_prior"]


def build_prior(config: PriorConfig, codebook_size: int, length: int) -> CodeLM | MarginalPrior:
    """An untrained prior of the configured kind."""
    kind = CodeLM if config.kind == "code" else MarginalPrior
    return kind(config, codebook_size, length)


def load_prior(folder: Path, codebook_size: int, length: int) -> CodeLM | MarginalPrior:
    """The prior saved in a folder.

    Raises:
        RunFolderError: a file is missing or damaged, or was made for another tokenizer.
    """
    path = folder / "prior.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        config = PriorConfig(**about["config"])
        for field in fields(PriorConfig):
            value = getattr(config, field.name)
            if type(value) is not type(field.default):
                raise ValueError(f"{field.name} must be of type {type(field.default).__name__}, found {value!r}")
        found = (about["codebook_size"], about["length"])
    except OSError as error:
        raise RunFolderError(f"can't read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError, ArchLLMError) as error:
        raise RunFolderError(f"{path} is not a description of a prior: {error}") from error
    if found != (codebook_size, length):
        raise RunFolderError(
            f"{path} is a prior over {found[1]} codes of {found[0]}; the tokenizer has {length} of {codebook_size}"
        )
    try:
        prior = build_prior(config, codebook_size, length)
    except RuntimeError as error:
        raise RunFolderError(f"{path} asks for a prior that can't be built here: {error}") from error
    prior.restore(folder)
    return prior
