"""Configurations and files -> priors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from archllm.errors import ArchLLMError, RunFolderError
from archllm.files import LARGEST_JSON, check_holds, read_text
from archllm.prior.code_lm import CodeLM
from archllm.prior.config import PriorConfig
from archllm.prior.marginal import MarginalPrior
from archllm.prior.text_lm import TextLM
from archllm.spaces import SearchSpace

_MOST_CONDITIONS = 64

__all__ = ["PriorConfig", "build_prior", "check_language", "load_prior"]


def build_prior(
    config: PriorConfig,
    codebook_size: int,
    length: int,
    conditions: Sequence[str] = (),
    space: str = "",
    own: Path | None = None,
    end: int | None = None,
) -> CodeLM | TextLM | MarginalPrior:
    """An untrained prior of the configured kind.

    Args:
        config: its kind, its sizes, its training.
        codebook_size: number of codes.
        length: codes per sequence.
        conditions: names of the properties that it can be conditioned on.
        space: name of the space, which a text model reads in its prompt.
        own: folder of a copy of the text model's configuration and tokenizer.
        end: the code that ends a sequence, if any does.
    """
    if config.kind == "text":
        return TextLM(config, codebook_size, length, conditions, space, own, end)
    if config.kind == "marginal":
        return MarginalPrior(config, codebook_size, length, conditions, end)
    return CodeLM(config, codebook_size, length, conditions, end)


def check_language(config: PriorConfig, space: SearchSpace, codebook_size: int, length: int) -> None:
    """Makes sure, before any long work, that a text model is there and can write so many codes.

    Raises:
        ModelUnusable: it is not there, is no language model, or its tokenizer can't write codes.
        InvalidInput: a setting does not suit the model.
    """
    if config.kind == "text":
        TextLM(config, codebook_size, length, (), space.name)


def load_prior(
    folder: Path, codebook_size: int, length: int, end: int | None = None
) -> CodeLM | TextLM | MarginalPrior:
    """The prior saved in a folder.

    Raises:
        RunFolderError: a file is missing or damaged, or was made for another tokenizer.
        ModelUnusable: the pre-trained model that it was made of is not there any more.
    """
    path = folder / "prior.json"
    try:
        about = json.loads(read_text(path, LARGEST_JSON))
        config = PriorConfig(**about["config"])
        for field in fields(PriorConfig):
            value = getattr(config, field.name)
            if type(value) is not type(field.default):
                raise ValueError(f"{field.name} must be of type {type(field.default).__name__}, found {value!r}")
        found = (about["codebook_size"], about["length"])
        ends = about.get("end")
        conditions = [str(name) for name in about["conditions"]]
        space, fingerprint = str(about.get("space", "")), str(about.get("fingerprint", ""))
    except (ValueError, KeyError, TypeError, RecursionError, ArchLLMError) as error:
        raise RunFolderError(f"{path} is not a description of a prior: {error}") from error
    if found != (codebook_size, length):
        raise RunFolderError(
            f"{path} is a prior over {found[1]} codes of {found[0]}; the tokenizer has {length} of {codebook_size}"
        )
    if ends != end:
        raise RunFolderError(f"{path}: sequences of this prior end with {ends}, those of the tokenizer with {end}")
    if len(conditions) > _MOST_CONDITIONS:
        raise RunFolderError(f"{path} names {len(conditions):,} conditions, more than {_MOST_CONDITIONS}")
    if config.kind == "code":
        words = codebook_size + len(conditions) * config.bins
        check_holds(folder / "model.safetensors", config.layers * config.width**2 + words * config.width)
    try:
        own = folder / "base"
        prior = build_prior(config, codebook_size, length, conditions, space, own if own.is_dir() else None, end)
    except RuntimeError as error:
        raise RunFolderError(f"{path} asks for a prior that can't be built here: {error}") from error
    if isinstance(prior, TextLM):
        prior.restore(folder, fingerprint)
    else:
        prior.restore(folder)
    return prior
