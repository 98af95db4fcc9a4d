"""Measure the raw draws of a trained run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archllm.generation.hub import local
from archllm.generation.run_folder import read_info
from archllm.workflows.options import EvaluateOptions

if TYPE_CHECKING:
    from archllm.generation.generator import Quality


def evaluate(options: EvaluateOptions | None = None, /, **settings: Any) -> Quality:
    """Measures a run: validity, uniqueness, novelty, cycle consistency, reconstruction, fit of the prior.

    Args:
        options: what to measure.
        settings: fields of `EvaluateOptions`, in place of `options` or on top of them.

    Raises:
        InvalidInput: an option can't be used.
        RunFolderError: there is no such run.
    """
    chosen = EvaluateOptions.given(options, settings)
    read_info(local(chosen.run))  # a wrong folder is told before the slow import
    from archllm.generation.generator import load

    return load(chosen.run).evaluate(chosen)
