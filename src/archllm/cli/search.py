"""`archllm search`."""

from __future__ import annotations

import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from archllm.cli.command import Command, Switch, use_threads
from archllm.cli.console import Console, duration, fields
from archllm.errors import EvaluationFailed

if TYPE_CHECKING:
    from archllm.objectives.evaluation import LowerFidelity
    from archllm.workflows.search import Searched


@dataclass(frozen=True, kw_only=True)
class Search(Command):
    """Find the best architectures with few evaluations; every trial is kept and an interrupted search goes on.

    An objective is written table:TABLE/METRIC, train:DATA, proxy:NAME, python:MODULE:FUNCTION (it gets an Architecture
    and returns a number), command:PROGRAM ARGS (it gets the text as last argument and on stdin, and prints a number),
    params or macs. Sizes, costs and losses are minimised, all else is maximised; minimise: or maximise: in front says
    otherwise.
    """

    run_folder: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="RUN")] = None
    """Run folder of a trained generator, for methods that use one; its space is searched, trials are kept in it."""

    objective: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="SPEC")]
    """Where a score comes from; name it several times to search for a Pareto front."""

    budget: Annotated[int, tyro.conf.arg(metavar="N")]
    """Different architectures to evaluate, those of an interrupted search and failed ones included."""

    space: str | None = None
    """The space to search, where there is no run folder."""

    method: str | None = None
    """Search method: sequence, random, largest, local, evolution, gp, ensemble or latent; by default sequence where
    there is a run folder, and gp where there is none."""

    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Options of the method."""

    seed: int = 0
    """Seed of the method."""

    where: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="EXPR")] = ()
    """What architectures must meet to be evaluated: "params <= 1e6", "macs in [1e7, 5e7]"; may be repeated."""

    store: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None
    """Where trials are kept: an SQLite file, or postgresql+psycopg://USER@HOST/DATABASE; by default search.db in the
    run folder, or search-SPACE.db here."""

    study: str | None = None
    """Name of this search in its store; by default METHOD-SEED."""

    resume: Switch = False
    """Go on with the search that is in the store, or help a process that works on it."""

    workers: Annotated[str | None, tyro.conf.arg(metavar="WHERE")] = None
    """Where evaluations run: own (this process), a number of processes, ray, or ray://HOST:PORT; by default own, or one
    process if the objective is a function of yours, as it may hang."""

    batch: int = 1
    """Architectures that the method is asked for at once, at least."""

    time_limit: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """How long one evaluation may take, for objectives that take time; by default an hour."""

    threads: int = 1
    """Threads to compute with in this process; other processes use one each."""

    def run(self, console: Console) -> None:
        use_threads(self.threads)
        from archllm.workflows.search import search

        try:
            with console.progress() as listener, redirect_stdout(sys.stderr):  # functions of users may print
                found = search(
                    self.run_folder,
                    space=self.space,
                    objectives=self.objective,
                    budget=self.budget,
                    method=self.method,
                    options=self.set,
                    seed=self.seed,
                    where=self.where,
                    store=self.store,
                    study=self.study,
                    resume=self.resume,
                    workers=self.workers,
                    batch=self.batch,
                    time_limit=self.time_limit,
                    listener=listener,
                )
        except KeyboardInterrupt:
            console.note(f"What is evaluated is kept. Go on with: {self._again()}")
            raise
        console.document(found.to_json())
        if found.result.best is None:
            found_none = [trial.evaluation.failure for trial in found.result.trials]
            failures = [failure for failure in found_none if failure]
            last = f"; the last reason: {failures[-1]}" if failures else ""
            raise EvaluationFailed(f"none of {found.result.queries} evaluations gave a score{last}")
        for line in fields(self._pairs(found)):
            console.say(line)

    def _pairs(self, found: Searched) -> dict[str, str]:
        result, study = found.result, found.result.study
        best = result.best
        assert best is not None
        pairs = {"best": best.text}
        pairs |= {spec: f"{value:.10g}" for spec, value in zip(study.objectives, best.values or (), strict=True)}
        pairs |= {name: f"{value:.10g}" for name, value in best.evaluation.metrics.items() if name not in pairs}
        tested = best.evaluation.test.items()
        pairs |= {name if "test" in name else f"{name} (test)": f"{value:.10g}" for name, value in tested}
        if len(study.objectives) > 1:
            pairs["front"] = f"{len(result.front)} architectures that no other beats in every objective"
        if result.lower_fidelity:
            pairs["lower-fidelity evaluations"] = _counted(result.lower_fidelity)
        failed = sum(trial.state == "failed" for trial in result.trials)
        cost = sum(trial.evaluation.cost for trial in result.trials)
        spent = f"evaluations {duration(cost)}" if cost else "evaluations at no known cost"
        pairs["queries"] = f"{result.queries}{f' ({failed} failed)' if failed else ''}, {spent}"
        pairs["time"] = duration(result.seconds)
        pairs["kept in"] = f"{found.store}, study {study.name}"
        return pairs

    def _again(self) -> str:
        """The command that goes on with this search."""
        words = ["archllm", "search", *([str(self.run_folder)] if self.run_folder else [])]
        options: dict[str, Any] = {"space": self.space, "budget": self.budget, "method": self.method}
        options |= {"seed": self.seed or None, "store": self.store, "study": self.study, "workers": self.workers}
        options |= {"batch": self.batch if self.batch > 1 else None, "time-limit": self.time_limit}
        for spec in self.objective:
            words += ["--objective", spec]
        for name, value in options.items():
            words += [] if value is None else [f"--{name}", str(value)]
        for requirement in self.where:
            words += ["--where", requirement]
        words += ["--set", *self.set] if self.set else []
        return shlex.join([*words, "--resume"])


def _counted(lower: tuple[LowerFidelity, ...]) -> str:
    """How many lower-fidelity evaluations there were, and what they cost."""
    from archllm.objectives.evaluation import recorded_cost, without_cost

    free, cost = without_cost(lower), duration(recorded_cost(lower))
    if not free:
        return f"{len(lower):,}, {cost}"
    others = f", {cost} for the others" if len({each.spec for each in lower}) > len(free) else ""
    return f"{len(lower):,}; no cost is recorded for {', '.join(free)}: it counts as 0{others}"
