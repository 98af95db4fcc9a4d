"""Where a score comes from: benchmark tables, real training, zero-cost proxies, size.

The names below are loaded when they are first asked for, so that options can name settings of a training without numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archllm.lazy import lazily

if TYPE_CHECKING:
    from archllm.objectives.base import Objective
    from archllm.objectives.evaluation import Evaluation
    from archllm.objectives.registry import as_objective, load_objective

__all__ = ["Evaluation", "Objective", "as_objective", "load_objective"]

_HOMES = {
    "Evaluation": "archllm.objectives.evaluation",
    "Objective": "archllm.objectives.base",
    "as_objective": "archllm.objectives.registry",
    "load_objective": "archllm.objectives.registry",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
