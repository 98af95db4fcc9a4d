"""Priors: what is a likely code sequence, and drawing new ones."""

from archllm.prior.base import Prior
from archllm.prior.registry import PriorConfig, build_prior, load_prior

__all__ = ["Prior", "PriorConfig", "build_prior", "load_prior"]
