"""The search of the demo: the default method against random search, on real trainings, at the same budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archllm.training.progress import Event, Listener
from archllm.workflows.doctor import available_cores
from archllm.workflows.options import SearchOptions

if TYPE_CHECKING:
    from archllm.study.result import Result

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
