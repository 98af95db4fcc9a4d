"""The main job, end to end, in minutes: learn NAS-Bench-201, generate, measure, search."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archllm.errors import BudgetExhausted, RunFolderError
from archllm.files import assembling, write_text
from archllm.generation.config import TrainConfig
from archllm.generation.recommended import recommended
from archllm.generation.run_folder import work_folder
from archllm.spaces import SearchSpace
from archllm.training.progress import Event, Listener
from archllm.workflows.doctor import available_cores
from archllm.workflows.inputs import as_space
from archllm.workflows.options import DemoOptions, SearchOptions
from archllm.workflows.progress import Progress, shown

if TYPE_CHECKING:
    from archllm.generation.generator import ArchLLM, Quality
    from archllm.spaces import Architecture
    from archllm.study.result import Result
    from archllm.training.progress import Listener

_NEEDED = {"sqlalchemy": "search", "sklearn": "images", "jinja2": "report"}


@dataclass(frozen=True)
class SearchPlan:
    """What is searched for."""

    objective: str = "train:digits"
    """Spec of the objective."""

    budget: int = 24
    """Architectures that each of the two searches evaluates."""

    workers: str = ""
    """Where evaluations run; by default two processes, or one where there is one core."""


@dataclass(frozen=True, eq=False)
class Match:
    """A search and random search, side by side."""

    own: Result
    """The search by the default method."""

    random: Result
    """Random search."""

    def to_json(self) -> dict[str, Any]:
        """Best values and test figures of both."""
        return {
            "objective": self.own.study.objectives[0],
            "budget": len(self.own.trials),
            **{result.study.method: _best(result) for result in (self.own, self.random)},
        }

    def lines(self) -> list[str]:
        """What came out, in words: who was better, or that nobody was."""
        from archllm.objectives.evaluation import sign

        own, random = (result.best for result in (self.own, self.random))
        if own is None or random is None or own.values is None or random.values is None:
            return [f"{self.own.study.objectives[0]}: no evaluation of one of the two searches gave a score."]
        told = [_line(result) for result in (self.own, self.random)]
        name, rival = self.own.study.method, self.random.study.method
        ahead = sign(self.own.study.directions[0]) * (own.values[0] - random.values[0])
        better = name if ahead > 0 else rival
        verdict = f"{better} found the better score" if ahead else "Both found the same score"
        return [*told, f"{verdict}; one seed says little: archllm compare tells more."]


def missing_extras() -> list[str]:
    """Extras without which the demo can't search."""
    return sorted({extra for module, extra in _NEEDED.items() if find_spec(module) is None})


def match(run: Path, plan: SearchPlan, seed: int, listener: Listener | None = None) -> Match:
    """Searches with a run's generator and at random; both are studies of the run's store.

    Args:
        run: run folder of the generator.
        plan: what is searched for.
        seed: seed of both searches.
        listener: told after every finished trial.

    Raises:
        StoreError: the store can't be written.
        WorkersError: evaluations can't be run.
        DataError: data of the objective can't be used.
    """
    from archllm.workflows.search import kept, search

    workers = plan.workers or str(min(2, available_cores()))
    found = [
        search(
            kept(
                SearchOptions(
                    run=run, objective=(plan.objective,), budget=plan.budget, method=method, seed=seed, workers=workers
                )
            ),
            progress=_named(listener, stage) or False,
        )
        for method, stage in ((None, "search"), ("random", "random"))
    ]
    return Match(*found)


def _named(listener: Listener | None, stage: str) -> Callable[[Event], None] | None:
    if listener is None:
        return None
    return lambda event: listener(Event(stage, event.step, event.steps, event.metrics))


def _best(result: Result) -> dict[str, Any] | None:
    best = result.best
    if best is None or best.values is None:
        return None
    return {"text": best.text, "value": best.values[0], "test": best.evaluation.test}


def _line(result: Result) -> str:
    found = _best(result)
    assert found is not None
    tests = "".join(f", {name} {value:.6g} on test data" for name, value in found["test"].items())
    return f"{result.study.method:<9} {found['value']:.6g}{tests}: {found['text']}"


DRAWS = (1_000, 10_000)
"""Draws per seed at which quality is measured."""

GENERATED = 100
"""Cells written to `cells.txt`."""

EXPORTED = "cell.py"
"""The first of these cells as a network."""

_MARK = "archllm demo"


@dataclass(frozen=True)
class Scope:
    """How much a demo does; by default what fits into minutes."""

    space: SearchSpace | str = "nasbench201"
    """The space, or its name."""

    config: TrainConfig | None = None
    """How to train; by default as recommended."""

    draws: tuple[int, ...] | None = None
    """Numbers of draws at which quality is measured; by default 1,000 and 10,000."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the draws."""

    plan: SearchPlan | None = field(default_factory=SearchPlan)
    """What is searched for; `None` for no search."""


@dataclass(frozen=True)
class Demo:
    """What a demo gives."""

    out: Path
    """The run folder."""

    model: ArchLLM
    """The generator."""

    evaluations: list[Quality]
    """Quality at each number of draws."""

    cells: list[Architecture]
    """Valid, different cells that were not in the training set."""

    exported: Path | None
    """The first of them as a network in one Python file that needs torch alone."""

    match: Match | None
    """Its search, beside random search; `None` where an extra is missing, or none was asked for."""

    report: Path | None
    """The page about all of it."""

    missing: tuple[str, ...] = ()
    """Extras that it would have needed to search."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm demo --json` prints."""
        return {
            "run": str(self.out),
            **self.model.report,
            "evaluations": [evaluation.to_json() for evaluation in self.evaluations],
            "architectures": [cell.text for cell in self.cells],
            "exported": str(self.exported) if self.exported else None,
            "search": self.match.to_json() if self.match else None,
            "report": str(self.report) if self.report else None,
        }


def demo(
    options: DemoOptions | None = None,
    /,
    *,
    scope: Scope = Scope(),
    progress: Progress = "auto",
    **settings: Any,
) -> Demo:
    """Trains on a whole space, measures raw draws, generates cells that are new, exports one, and searches.

    The search, by the default method and at random, and the page about it need the extras `search`, `images` and
    `report`; without them they are left out.

    Args:
        options: where to, and with which seed.
        scope: how much of everything.
        progress: whether it is shown, or a listener that is told of every step.
        settings: fields of `DemoOptions`, in place of `options` or on top of them.

    Raises:
        RunFolderError: `out` is something else than the folder of an earlier demo, or can't be written.
    """
    chosen = DemoOptions.given(options, settings)
    check_replaceable(chosen.out)
    with shown(progress) as listener:
        return _demo(chosen, scope, listener)


def _demo(options: DemoOptions, scope: Scope, listener: Listener | None) -> Demo:
    out, seed, space = options.out, options.seed, as_space(scope.space)
    draws = scope.draws or DRAWS
    from archllm.training.progress import Event
    from archllm.workflows.train import train

    def tell(stage: str, step: int, steps: int) -> None:
        if listener is not None:
            listener(Event(stage, step, steps, {}))

    with assembling(out, overwrite=True) as folder:
        try:
            config = scope.config or recommended(space)
            model = train(space, config, seed, out=folder, progress=listener or False)
        finally:
            shutil.rmtree(work_folder(folder), ignore_errors=True)
        evaluations = []
        for number, n in enumerate(draws):
            tell("evaluate", number, len(draws))
            evaluations.append(model.evaluate(n, scope.seeds))
        tell("evaluate", len(draws), len(draws))
        cells = _new_cells(model, seed)
        document = {"command": _MARK, "seed": seed, "evaluations": [e.to_json() for e in evaluations]}
        write_text(folder / "evaluation.json", json.dumps(document, indent=2) + "\n")
        write_text(folder / "cells.txt", "".join(f"{cell.text}\n" for cell in cells))
        exports = bool(cells) and space.networks is not None
        if exports:
            tell("export", 0, 1)
            cells[0].export(folder / EXPORTED, "python", seed=seed)
            tell("export", 1, 1)
        missing = missing_extras()
        found = match(folder, scope.plan, seed, listener) if scope.plan is not None and not missing else None
    exported = out / EXPORTED if exports else None
    page = None
    if found is not None:
        from archllm.workflows.report import report

        page = report(out).path
    return Demo(out, model, evaluations, cells, exported, found, page, tuple(missing))


def check_replaceable(out: Path) -> None:
    """Makes sure that a demo may write its run folder there.

    Raises:
        RunFolderError: something is there that no demo wrote.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        mark = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        mark = None
    if mark != _MARK:
        raise RunFolderError(f"{out} exists and is not the folder of an earlier demo; choose another one (--out)")


def _new_cells(model: ArchLLM, seed: int) -> list[Architecture]:
    try:
        return model.generate(GENERATED, seed=seed, novel=True)
    except BudgetExhausted:  # a model that was trained too little, or a small space
        drawn = model.sample(20 * GENERATED, raw=True, seed=seed).architectures
        trained = set(model.training_keys.tolist())
        new = (arch for arch in drawn if arch is not None and arch.key not in trained)
        return list(dict.fromkeys(new))[:GENERATED]
