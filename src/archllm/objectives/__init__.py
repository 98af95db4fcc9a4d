"""Where a score comes from: benchmark tables, real training, zero-cost proxies, size.

The names below are loaded when they are first asked for, so that options can name settings of a training without numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archllm.objectives.base import Objective
    from archllm.objectives.evaluation import Evaluation
    from archllm.objectives.registry import as_objective, load_objective

__all__ = ["Evaluation", "Objective", "as_objective", "load_objective"]

_HOMES = {"Evaluation": "evaluation", "Objective": "base", "as_objective": "registry", "load_objective": "registry"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
