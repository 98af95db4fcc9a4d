"""`archllm compare`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from archllm.cli.command import Command, Switch, use_threads
from archllm.cli.console import Console


@dataclass(frozen=True, kw_only=True)
class Compare(Command):
    """Compare search methods: every one searches with every seed, on the same objectives at the same budget.

    Writes all trials, curves with quartiles, a table, and a checklist of what has to be known about a comparison.
    """

    space: str | None = None
    """The space to search, where there is no run folder."""

    run_folder: Annotated[Path | None, tyro.conf.arg(name="run", metavar="RUN")] = None
    """Run folder of a trained generator, for methods that need one."""

    objective: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="SPEC")]
    """Where a score comes from, as for `search`; name it several times to compare Pareto fronts."""

    methods: Annotated[tuple[str, ...], tyro.conf.arg(metavar="METHOD")]
    """Methods to compare; NAME=METHOD compares one under another name, as with other options."""

    seeds: Annotated[int, tyro.conf.arg(metavar="N")]
    """Searches of each method, with seeds from 0."""

    budget: Annotated[int, tyro.conf.arg(metavar="N")]
    """Different architectures that each search evaluates."""

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder to write."""

    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME.KEY=VALUE")] = ()
    """Options of the methods."""

    where: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="EXPR")] = ()
    """What architectures must meet to be evaluated: "params <= 1e6"; may be repeated."""

    workers: Annotated[str | None, tyro.conf.arg(metavar="WHERE")] = None
    """Where evaluations run, as for `search`."""

    time_limit: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """How long one evaluation may take, for objectives that take time; by default an hour."""

    until_best: Switch = False
    """End a search as soon as it has found the best there is; for one objective whose scores are looked up."""

    resume: Switch = False
    """Go on with the comparison in the folder; more methods, seeds or evaluations are added to it."""

    threads: int = 1
    """Threads to compute with in this process; other processes use one each."""

    def run(self, console: Console) -> None:
        use_threads(self.threads)
        from archllm.workflows.compare import compare_methods

        try:
            with console.progress() as listener, redirect_stdout(sys.stderr):  # functions of users may print
                found = compare_methods(
                    out=self.out,
                    space=self.space,
                    run=self.run_folder,
                    objectives=self.objective,
                    methods=self.methods,
                    seeds=self.seeds,
                    budget=self.budget,
                    options=self.set,
                    where=self.where,
                    workers=self.workers,
                    time_limit=self.time_limit,
                    until_best=self.until_best,
                    resume=self.resume,
                    listener=listener,
                )
        except KeyboardInterrupt:
            console.note("What is evaluated is kept. Go on with the same command and --resume.")
            raise
        console.document(found.to_json())
        console.table(found.table)
        console.say()
        console.say(f"{found.out} holds {', '.join(found.files.values())}.")
