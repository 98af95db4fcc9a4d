"""`archllm search`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from archllm.cli.command import LongCommand
from archllm.cli.console import Console, duration, fields
from archllm.config import Option
from archllm.errors import EvaluationFailed
from archllm.workflows.options import SearchOptions, command_line

if TYPE_CHECKING:
    from archllm.objectives.evaluation import LowerFidelity
    from archllm.study.result import Result


@dataclass(frozen=True, kw_only=True)
class Search(LongCommand):
    """Find the best architectures with few evaluations; every trial is kept and an interrupted search goes on.

    An objective is written table:TABLE/METRIC, train:DATA or train:DATA?KEY=VALUE&KEY=VALUE (settings of the training,
    such as epochs or channels), proxy:NAME, python:MODULE:FUNCTION (it gets an Architecture and returns a number),
    command:PROGRAM ARGS (it gets the text as last argument and on stdin, and prints a number), params or macs. Sizes,
    costs and losses are minimised, all else is maximised; minimise: or maximise: in front says otherwise.
    """

    options: Annotated[SearchOptions, Option(flat=True)]

    @classmethod
    def more_help(cls) -> str:
        from archllm.cli.method_help import method_help

        return method_help("--set KEY=VALUE")

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.workflows.search import kept, search

        try:
            with console.progress() as listener, redirect_stdout(sys.stderr):  # functions of users may print
                found = search(kept(self.options), progress=listener)
        except KeyboardInterrupt:
            again = command_line("search", replace(self.options, resume=True))
            console.note(f"What is evaluated is kept. Go on with: {again}")
            raise
        console.document(found.to_json())
        if found.best is None:
            found_none = [trial.evaluation.failure for trial in found.trials]
            failures = [failure for failure in found_none if failure]
            last = f"; the last reason: {failures[-1]}" if failures else ""
            raise EvaluationFailed(f"none of {found.queries} evaluations gave a score{last}")
        for line in fields(self._pairs(found)):
            console.say(line)

    def _pairs(self, found: Result) -> dict[str, str]:
        from archllm.workflows.studies import network_told

        result, study = found, found.study
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
        if result.reused:
            pairs["reused"] = f"{result.reused} of them, made by other studies ({duration(result.reused_cost)})"
        if told := network_told(study):
            pairs["network"] = told
        pairs["time"] = duration(result.seconds)
        pairs["kept in"] = f"{found.store}, study {study.name}"
        return pairs


def _counted(lower: tuple[LowerFidelity, ...]) -> str:
    """How many lower-fidelity evaluations there were, and what they cost."""
    from archllm.objectives.evaluation import recorded_cost, without_cost

    free, cost = without_cost(lower), duration(recorded_cost(lower))
    if not free:
        return f"{len(lower):,}, {cost}"
    others = f", {cost} for the others" if len({each.spec for each in lower}) > len(free) else ""
    return f"{len(lower):,}; no cost is recorded for {', '.join(free)}: it counts as 0{others}"
