"""ArchLLM: learns the discrete language of a neural-architecture search space and writes new sentences in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archllm.errors import ArchLLMError
    from archllm.generation.generator import ArchLLM, load
    from archllm.generation.recommended import recommended
    from archllm.generation.run_folder import TrainConfig
    from archllm.spaces import Architecture, SearchSpace, load_space
    from archllm.workflows.train import train

__version__ = "0.1.0"

__all__ = [
    "ArchLLM",
    "ArchLLMError",
    "Architecture",
    "SearchSpace",
    "TrainConfig",
    "load",
    "load_space",
    "recommended",
    "train",
]

_HOMES = {
    "ArchLLM": "archllm.generation.generator",
    "ArchLLMError": "archllm.errors",
    "Architecture": "archllm.spaces",
    "SearchSpace": "archllm.spaces",
    "TrainConfig": "archllm.generation.run_folder",
    "load": "archllm.generation.generator",
    "load_space": "archllm.spaces",
    "recommended": "archllm.generation.recommended",
    "train": "archllm.workflows.train",
}


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first asked for, so that the command line starts without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
