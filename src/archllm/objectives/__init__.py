"""Where a score comes from: benchmark tables, real training, zero-cost proxies, size."""

from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.registry import as_objective, load_objective

__all__ = ["Evaluation", "Objective", "as_objective", "load_objective"]
