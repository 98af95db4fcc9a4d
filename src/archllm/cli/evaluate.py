"""`archllm evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archllm.cli.command import LongCommand
from archllm.cli.console import Console, duration
from archllm.config import Option
from archllm.workflows.options import EvaluateOptions


@dataclass(frozen=True, kw_only=True)
class Evaluate(LongCommand):
    """Measure the raw draws of a trained run, each metric beside its ideal."""

    options: Annotated[EvaluateOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.reporting.tables import quality
        from archllm.workflows.evaluate import evaluate

        result = evaluate(self.options)
        console.document(result.to_json())
        console.table(quality([result]))
        console.note(f"measured in {duration(result.seconds)}")
