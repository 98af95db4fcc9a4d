"""`archllm compare`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Annotated

from archllm.cli.command import LongCommand
from archllm.cli.console import Console
from archllm.config import Option
from archllm.workflows.options import CompareOptions


@dataclass(frozen=True, kw_only=True)
class Compare(LongCommand):
    """Compare search methods: every one searches with every seed, on the same objectives at the same budget.

    Writes all trials, curves with quartiles, a table, and a checklist of what has to be known about a comparison.
    """

    options: Annotated[CompareOptions, Option(flat=True)]

    @classmethod
    def more_help(cls) -> str:
        from archllm.cli.method_help import method_help

        return method_help("--set NAME.KEY=VALUE")

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.workflows.compare import compare

        try:
            with console.progress() as listener, redirect_stdout(sys.stderr):  # functions of users may print
                found = compare(self.options, progress=listener)
        except KeyboardInterrupt:
            console.note("What is evaluated is kept. Go on with the same command and --resume.")
            raise
        console.document(found.to_json())
        console.table(found.table)
        console.say()
        console.say(f"{found.out} holds {', '.join(found.files.values())}.")
