"""`archllm evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from archllm.cli.command import Command, use_threads
from archllm.cli.console import Console, duration


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Measure the raw draws of a trained run, each figure beside its ideal."""

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Run folder."""

    n: Annotated[int, tyro.conf.arg(aliases=["-n"], metavar="N")] = 1000
    """Draws per seed."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the draws; each draws N."""

    temperature: float = 1.0
    """Sampling temperature; 1 draws from the model itself."""

    threads: int = 1
    """Threads to compute with; the draws of a seed depend on it."""

    def run(self, console: Console) -> None:
        use_threads(self.threads)
        from archllm.reporting.tables import quality
        from archllm.workflows.evaluate import evaluate

        result = evaluate(self.run_folder, self.n, self.seeds, self.temperature)
        console.document(result.to_json())
        console.table(quality([result]))
        console.note(f"measured in {duration(result.seconds)}")
