"""`archllm studies`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from archllm.cli.command import Command, Switch
from archllm.cli.console import Console, duration
from archllm.config import Option
from archllm.errors import InvalidInput

if TYPE_CHECKING:
    from archllm.workflows.trials import StudyFacts


@dataclass(frozen=True, kw_only=True)
class Studies(Command):
    """List the searches of a store and how far each is, or delete one."""

    store: Annotated[str, Option("STORE", positional=True)]
    """Run folder, folder of a comparison, SQLite file, or postgresql+psycopg://USER@HOST/DATABASE."""

    delete: Annotated[str | None, Option("STUDY")] = None
    """Name what would be lost with this study; with --yes, delete it."""

    yes: Switch = False
    """Delete without asking again."""

    def run(self, console: Console) -> None:
        from archllm.workflows.trials import delete_study, list_studies, lost

        if self.delete is not None:
            found = delete_study(self.store, self.delete, sure=self.yes)
            console.document({"deleted": found.to_json()})
            console.say(f"deleted {lost(found)}")
            return
        if self.yes:
            raise InvalidInput("--yes goes with --delete STUDY")
        studies = list_studies(self.store)
        console.document([each.to_json() for each in studies])
        if not studies:
            console.say(f"{self.store} holds no search yet.")
            return
        from archllm.reporting.tables import Table

        columns = ["study", "method", "objective", "evaluated", "failed", "waiting", "best", "cost", "at work"]
        console.table(Table("", columns, [_row(each) for each in studies], frozenset({0, 1, 2})))


def _row(found: StudyFacts) -> list[str]:
    study, counts, best = found.result.study, found.counts, found.result.best
    last = "–" if found.last is None else f"{duration(max(time.time() - found.last, 0.0))} ago"
    return [
        study.name,
        study.method,
        "\n".join(study.objectives),
        f"{found.result.queries:,}",
        f"{counts['failed']:,}",
        f"{counts['waiting']:,}",
        "–" if best is None else "\n".join(f"{value:.6g}" for value in best.values or ()),
        duration(found.cost) if found.cost else "–",
        f"{counts['running']} running" if found.running else last,
    ]
