"""Search spaces: what is an architecture, when are two the same, how is one written."""

from archllm.spaces.base import Architecture, SearchSpace
from archllm.spaces.registry import load_space, space_names

__all__ = ["Architecture", "SearchSpace", "load_space", "space_names"]
