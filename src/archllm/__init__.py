"""ArchLLM: learns the discrete language of a neural-architecture search space and generates new architectures in it.

Every name below is loaded when it is first asked for, so that `import archllm` needs neither numpy nor torch.

Example:
    >>> import archllm
    >>> found = archllm.search(space="nasbench201", objective="params", budget=5, method="random")
    >>> found.queries
    5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archllm.lazy import lazily

if TYPE_CHECKING:
    from archllm.errors import ArchLLMError
    from archllm.generation.config import EvaluationOptions, SamplingOptions, TrainConfig
    from archllm.generation.generator import ArchLLM, load
    from archllm.generation.recommended import recommended
    from archllm.objectives import Evaluation, Objective, load_objective
    from archllm.predictor import Predictor
    from archllm.prior import Prior
    from archllm.searchers.base import Searcher
    from archllm.spaces import Architecture, SearchSpace, load_space, space_names
    from archllm.tokenizer import Tokenizer
    from archllm.workflows.compare import compare
    from archllm.workflows.evaluate import evaluate
    from archllm.workflows.fit import fit
    from archllm.workflows.options import (
        CompareOptions,
        FitOptions,
        PredictOptions,
        ReportOptions,
        SearchOptions,
        TrainOptions,
    )
    from archllm.workflows.predict import predict
    from archllm.workflows.report import report
    from archllm.workflows.sample import sample
    from archllm.workflows.search import search
    from archllm.workflows.train import train

__version__ = "0.1.0"

__all__ = [
    "ArchLLM",
    "ArchLLMError",
    "Architecture",
    "CompareOptions",
    "Evaluation",
    "EvaluationOptions",
    "FitOptions",
    "Objective",
    "PredictOptions",
    "Predictor",
    "Prior",
    "ReportOptions",
    "SamplingOptions",
    "SearchOptions",
    "SearchSpace",
    "Searcher",
    "Tokenizer",
    "TrainConfig",
    "TrainOptions",
    "compare",
    "evaluate",
    "fit",
    "load",
    "load_objective",
    "load_space",
    "predict",
    "recommended",
    "report",
    "sample",
    "search",
    "space_names",
    "train",
]

_HOMES = {
    "ArchLLM": "archllm.generation.generator",
    "ArchLLMError": "archllm.errors",
    "Architecture": "archllm.spaces",
    "CompareOptions": "archllm.workflows.options",
    "Evaluation": "archllm.objectives",
    "EvaluationOptions": "archllm.generation.config",
    "FitOptions": "archllm.workflows.options",
    "Objective": "archllm.objectives",
    "PredictOptions": "archllm.workflows.options",
    "Predictor": "archllm.predictor",
    "Prior": "archllm.prior",
    "ReportOptions": "archllm.workflows.options",
    "SamplingOptions": "archllm.generation.config",
    "SearchOptions": "archllm.workflows.options",
    "SearchSpace": "archllm.spaces",
    "Searcher": "archllm.searchers.base",
    "Tokenizer": "archllm.tokenizer",
    "TrainConfig": "archllm.generation.config",
    "TrainOptions": "archllm.workflows.options",
    "compare": "archllm.workflows.compare",
    "evaluate": "archllm.workflows.evaluate",
    "fit": "archllm.workflows.fit",
    "load": "archllm.generation.generator",
    "load_objective": "archllm.objectives",
    "load_space": "archllm.spaces",
    "predict": "archllm.workflows.predict",
    "recommended": "archllm.generation.recommended",
    "report": "archllm.workflows.report",
    "sample": "archllm.workflows.sample",
    "search": "archllm.workflows.search",
    "space_names": "archllm.spaces",
    "train": "archllm.workflows.train",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
