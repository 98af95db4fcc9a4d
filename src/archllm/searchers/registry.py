"""Names -> searchers."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from archllm.errors import InvalidInput
from archllm.searchers.domain import Domain
from archllm.searchers.options import Options

if TYPE_CHECKING:
    from archllm.searchers.base import Searcher

_METHODS = {
    "sequence": ("sequence", "SequenceSearch", "SequenceOptions"),
    "random": ("uniform", "RandomSearch", "Options"),
    "evolution": ("evolution", "Evolution", "EvolutionOptions"),
    "local": ("local", "LocalSearch", "LocalOptions"),
    "largest": ("largest", "LargestFirst", "Options"),
    "gp": ("bayesian", "GaussianSearch", "GaussianOptions"),
    "ensemble": ("ensemble", "EnsembleSearch", "EnsembleOptions"),
    "latent": ("latent", "LatentSearch", "LatentOptions"),
}
"""Module, class of the searcher, class of its options; loaded when asked for, as some need torch."""


def searcher_names() -> list[str]:
    """Names that `build_searcher` knows."""
    return list(_METHODS)


def searcher_options(name: str) -> type[Options]:
    """The dataclass of a method's options.

    Raises:
        InvalidInput: no searcher has that name.
    """
    module, _, options = _find(name)
    found: type[Options] = getattr(import_module(f"archllm.searchers.{module}"), options)
    return found


def build_searcher(name: str, domain: Domain, seed: int, objectives: int = 1, **options: Any) -> Searcher:
    """A new searcher.

    Args:
        name: one of `searcher_names()`.
        domain: what it may ask for.
        seed: seed of all its randomness.
        objectives: number of values of an observation.
        options: fields of `searcher_options(name)`; the rest is at its default.

    Raises:
        InvalidInput: no searcher has that name, it has no such option, or a value can't be used.
    """
    module, kind, _ = _find(name)
    chosen = searcher_options(name).of(name, options)
    built: Searcher = getattr(import_module(f"archllm.searchers.{module}"), kind)(domain, seed, objectives, chosen)
    return built


def _find(name: str) -> tuple[str, str, str]:
    if name not in _METHODS:
        near = get_close_matches(str(name).lower(), _METHODS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InvalidInput(f"unknown searcher {name!r}; {hint}known are {', '.join(_METHODS)}")
    return _METHODS[name]


def searcher_name(name: str) -> str:
    """What a method is called in a study."""
    return name
