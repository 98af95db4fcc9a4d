"""`archllm report`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from archllm.cli.command import Command, use_threads
from archllm.cli.console import Console


@dataclass(frozen=True, kw_only=True)
class Report(Command):
    """Write one HTML file about a search: best cells, curve against random search, Pareto plot, trials, provenance.

    It needs no network and no other file. A run without a search gives a page about its generator.
    """

    run_folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """Run folder of a generator, or a store of trials: an SQLite file, or postgresql+psycopg://USER@HOST/DATABASE."""

    study: str | None = None
    """Which search of the store; by default the latest that is not random search."""

    space: str | None = None
    """Space file of a store whose trials are of a space of your own; a run folder has its own."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """File to write; by default report.html in the run folder, or a file beside the store. An existing one is
    replaced."""

    threads: int = 1
    """Threads to compute with."""

    def run(self, console: Console) -> None:
        use_threads(self.threads)
        from archllm.reporting.panels import figure
        from archllm.workflows.report import report

        found = report(self.run_folder, study=self.study, out=self.out, space=self.space)
        console.document(found.to_json())
        best = found.search.result.best if found.search else None
        if best is not None:
            console.say(f"best      {best.text}")
            console.say(f"value     {', '.join(figure(value) for value in best.values or ())}")
        if found.search is not None:
            console.say(f"study     {found.search.study.name}, {len(found.search.over)} evaluations")
        console.say(f"written   {found.path}")
        if found.others:
            console.note(f"The store also holds {', '.join(found.others)}; --study shows another one.")
