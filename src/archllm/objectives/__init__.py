"""Where a score comes from: benchmark tables, real training, zero-cost proxies, size."""

from archllm.objectives.base import Evaluation, Objective
from archllm.objectives.registry import load_objective

__all__ = ["Evaluation", "Objective", "load_objective"]
