"""The tools of the server, as methods whose docstrings are what a client reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from archllm.assistant.access import Access, McpOptions
from archllm.assistant.searches import Searches
from archllm.config import written
from archllm.errors import InvalidInput

STORE = "searches.db"
"""Where searches are kept in the folder."""

_MOST_SAMPLES = 1_000
_MOST_WAIT = 60.0
_LISTED = 200  # runs and stores that are named


class Tools:
    """What a client can do.

    Args:
        options: where, and what is allowed.

    Example:
        >>> tools = Tools(McpOptions(folder="."))
        >>> tools.spaces("nasbench201")["spaces"][0]["size"]
        15625
    """

    def __init__(self, options: McpOptions) -> None:
        self.options, self.access = options, Access(options)
        self.searches = Searches(self.access.home, options.minutes)

    def all(self) -> list[Callable[..., dict[str, Any]]]:
        """The tools, in the order in which they are needed."""
        return [self.spaces, self.info, self.sample, self.search, self.status, self.export]

    def spaces(self, name: str | None = None) -> dict[str, Any]:
        """The search spaces and their sizes; with `name` (or a space file in the folder), all about that one."""
        from archllm.workflows.spaces import spaces

        if name is not None:
            return {"spaces": [spaces(self.access.space(name))[0].to_json()]}
        brief = ("name", "kind", "about", "size", "networks")
        return {"spaces": [{key: one.to_json()[key] for key in brief} for one in spaces()]}

    def info(self, architecture: str, space: str) -> dict[str, Any]:
        """Standard text, canonical key, parameters and MACs of an architecture, given as the text of its space."""
        from archllm.workflows.info import info

        return info(architecture, self.access.space(space)).to_json()

    def sample(
        self,
        n: int = 10,
        run: str | None = None,
        temperature: float = 1.0,
        where: list[str] | None = None,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Generates up to 1,000 different valid architectures.

        `run` is a run folder in the folder of the server; without it, the generator of NAS-Bench-201 that comes with
        archllm is used. `where` are requirements that the run was trained for, such as "params <= 1e6".
        """
        from archllm.classifier.informed import generator_of
        from archllm.workflows.sample import sample

        if not 1 <= n <= _MOST_SAMPLES:
            raise InvalidInput(f"n must be a whole number from 1 to {_MOST_SAMPLES:,}, got {n}")
        folder = self.access.inside(run, "a run") if run is not None else generator_of("nasbench201")
        return sample(run=folder, n=n, temperature=temperature, where=tuple(where or ()), seed=seed).to_json()

    def search(
        self,
        space: str,
        objective: str | list[str],
        budget: int,
        method: str = "gp",
        seed: int = 0,
        study: str | None = None,
        network: dict[str, int] | None = None,
        resume: bool = False,
    ) -> dict[str, Any]:
        """Starts a search for the best architectures of a space and returns its name at once; `status` follows it.

        `objective`: params, macs, latency, proxy:NAME, table:TABLE/METRIC, train:digits or train:digits?KEY=VALUE, or
        command:PROGRAM ARGS (it gets the architecture's text as last argument and prints a number; it runs in the
        folder); several make a Pareto front. Sizes and costs are minimised, all else maximised; minimise: or maximise:
        in front says otherwise. `network`: fields of the network that is scored, such as {"channels": 8}. `resume` goes
        on with the study of that name up to the budget.
        """
        from archllm.workflows.options import SearchOptions
        from archllm.workflows.studies import study_name

        self.access.require_writing()
        if not 1 <= budget <= self.options.max_budget:
            raise InvalidInput(f"budget must be a whole number from 1 to {self.options.max_budget:,}, got {budget}")
        goals = tuple(map(self.access.objective, [objective] if isinstance(objective, str) else objective))
        called = study or study_name(self.access.method(method), list(goals), seed)
        options = SearchOptions(
            space=self.access.space(space),
            objective=goals,
            budget=budget,
            method=method,
            seed=seed,
            study=called,
            store=str(self.access.inside(STORE, "the store")),
            network=tuple(f"{name}={value}" for name, value in (network or {}).items()),
            resume=resume,
        )
        self.searches.start(called, written(options))
        return {"study": called, "store": STORE, "budget": budget, "ends_after_minutes": self.options.minutes}

    def status(self, study: str | None = None, store: str = STORE, wait: float = 0.0) -> dict[str, Any]:
        """Searches of a store and how far they are: counts, the best architecture, the last failure.

        `wait`: up to 60 seconds to wait for the search that is under way. Without any store yet, it names the runs and
        stores of the folder.
        """
        from archllm.workflows.trials import list_studies

        if not 0 <= wait <= _MOST_WAIT:
            raise InvalidInput(f"wait must be from 0 to {_MOST_WAIT:g} seconds, got {wait}")
        self.searches.wait(wait)
        path = self.access.inside(store, "a store")
        found = list_studies(path) if path.exists() else []
        wanted = [each for each in found if study in (None, each.result.study.name)]
        if study is not None and not wanted and study != self.searches.under_way():
            names = ", ".join(each.result.study.name for each in found) or "none"
            raise InvalidInput(f"there is no search {study!r} in {store}; there is {names}{self._trouble()}")
        return {
            "under_way": self.searches.under_way(),
            "trouble": self.searches.trouble(),
            "studies": [each.to_json() | {"failure": _last_failure(each.result.trials)} for each in wanted],
            "folder": self._contents(),
            "may": {"write": self.options.write, "programs": self.options.programs},
        }

    def export(
        self,
        out: str,
        study: str | None = None,
        architecture: str | None = None,
        space: str | None = None,
        network: dict[str, int] | None = None,
        to: Literal["python", "torch", "onnx", "executorch", "tflite"] | None = None,
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Writes the network of a search's best architecture, or of a given one, as a file of the folder, verified.

        Name a `study`, or an `architecture` with its `space`. `out` ends in .py (one file that needs torch alone),
        .pt2, .onnx, .pte or .tflite, unless `to` says what it is. `network`: fields such as {"channels": 8, "cells":
        1}; by default those of the study.
        """
        from archllm.workflows.export import export

        self.access.require_writing()
        path = self.access.inside(out, "the file")
        if path.exists() and not overwrite:
            raise InvalidInput(f"{out} exists already; name another file, or say overwrite")
        if (study is None) == (architecture is None):
            raise InvalidInput("name either a study or an architecture")
        if architecture is not None and space is None:
            raise InvalidInput("an architecture needs its space")
        store = self.access.inside(STORE, "the store")
        found = export(
            arch=self.access.architecture(architecture) if architecture is not None else f"{store}:{study}",
            space=None if space is None else self.access.space(space),
            out=path,
            to=to,
            network=tuple(f"{name}={value}" for name, value in (network or {}).items()),
        )
        told = found.to_json()
        return told | {"out": path.relative_to(self.access.home).as_posix(), "store": STORE if study else None}

    def _contents(self) -> dict[str, list[str]]:
        home = self.access.home
        runs = sorted(path.parent for path in home.glob("*/config.toml"))
        stores = sorted(home.glob("*.db"))
        return {
            "runs": [path.name for path in runs[:_LISTED]],
            "stores": [path.name for path in stores[:_LISTED]],
        }

    def _trouble(self) -> str:
        trouble = self.searches.trouble()
        return f"; the latest search ended so: {trouble}" if trouble else ""


def _last_failure(trials: Any) -> str | None:
    failures = [trial.evaluation.failure for trial in trials if trial.evaluation.failure]
    return failures[-1] if failures else None
