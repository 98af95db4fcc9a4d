"""`archllm trials`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from archllm.cli.command import Command
from archllm.cli.console import Console
from archllm.config import Option


@dataclass(frozen=True, kw_only=True)
class Trials(Command):
    """Write the trials of a search to a CSV, Parquet or JSON-lines file, one row each.

    Columns named test.… hold metrics on test data, which no search saw: nothing may be chosen by them. In CSV, texts
    that a spreadsheet would take for a formula get an apostrophe in front.
    """

    store: Annotated[str, Option("STORE", positional=True)]
    """Run folder, folder of a comparison, SQLite file, or postgresql+psycopg://USER@HOST/DATABASE."""

    out: Annotated[Path, Option("FILE")]
    """File to write; it ends in .csv, .parquet or .jsonl. An existing one is replaced."""

    study: Annotated[tuple[str, ...], Option("NAME")] = ()
    """Studies to write; by default all of the store. `archllm studies STORE` lists them."""

    def run(self, console: Console) -> None:
        from archllm.workflows.trials import export_trials

        found = export_trials(self.store, self.out, self.study or None)
        console.document(found.to_json())
        console.say(f"wrote {found.path}: {found.trials:,} trials of {', '.join(found.studies)}")
