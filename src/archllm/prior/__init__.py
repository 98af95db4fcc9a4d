"""Priors: what is a likely code sequence, and drawing new ones."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archllm.prior.base import Prior
    from archllm.prior.config import PriorConfig
    from archllm.prior.registry import build_prior, check_language, load_prior

__all__ = ["Prior", "PriorConfig", "build_prior", "check_language", "load_prior"]

_HOMES = {
    "Prior": "archllm.prior.base",
    "PriorConfig": "archllm.prior.config",
    "build_prior": "archllm.prior.registry",
    "check_language": "archllm.prior.registry",
    "load_prior": "archllm.prior.registry",
}


def __getattr__(name: str) -> Any:
    """Loads a name when it is first asked for, so that the configuration can be read without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
