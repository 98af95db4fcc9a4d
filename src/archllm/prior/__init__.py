"""Priors: what is a likely code sequence, and drawing new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archllm.lazy import lazily

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

__getattr__, __dir__ = lazily(__name__, _HOMES)
