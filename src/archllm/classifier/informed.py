"""What a fit knows before it searches: a generator of the space, and the shipped prior of cells."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from archllm.predictor.meanings import known_operations
from archllm.searchers import registry
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.transfer import prior_knowledge

RANDOM = 50
"""Random members that are ranked beside neighbours of the best, where limits make each of them cost many draws."""


def informed_searcher(method: str, domain: Domain, seed: int) -> Searcher:
    """A searcher that knows what comes with the package about the space.

    Args:
        method: its name.
        domain: what it may ask for.
        seed: seed of all its randomness.
    """
    space = domain.space
    generator = generator_of(space.name) if method == "sequence" else None
    options: dict[str, Any] = {} if generator is None else {"run": str(generator), "learn": False}
    if method == "gp" and domain.narrowed:
        options["random"] = RANDOM
    searcher = registry.build_searcher(method, domain, seed, 1, **options)
    if searcher.uses_sources and known_operations(space):
        searcher.use(prior_knowledge(space, own=True))  # the images are the user's, so published scores judge nothing
    return searcher


def generator_of(space: str) -> Path | None:
    """The run folder of the generator of a space that comes with the package; `None` where none does."""
    folder = Path(str(files("archllm.classifier").joinpath("generators", space)))
    return folder if folder.is_dir() else None
