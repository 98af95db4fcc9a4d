"""`archllm report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archllm.cli.command import LongCommand
from archllm.cli.console import Console
from archllm.config import Option
from archllm.workflows.options import ReportOptions


@dataclass(frozen=True, kw_only=True)
class Report(LongCommand):
    """Write one HTML file about a search: best cells, curve against random search, Pareto plot, trials, provenance.

    It needs no network and no other file. A run without a search gives a page about its generator.
    """

    options: Annotated[ReportOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.reporting.words import figure
        from archllm.workflows.report import report

        found = report(self.options)
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
