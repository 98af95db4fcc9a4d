"""A report of a run or a search: one HTML file."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archllm.errors import InvalidInput
from archllm.files import write_text
from archllm.generation.hub import is_on_hub, local
from archllm.generation.run_folder import SPACE_FILE
from archllm.reporting.comparing import Comparison
from archllm.reporting.comparison_page import render_comparison
from archllm.reporting.generating import GeneratorData, collect_generator
from archllm.reporting.page import render
from archllm.reporting.provenance import Origin
from archllm.reporting.searching import SearchData, collect
from archllm.spaces import SearchSpace
from archllm.spaces.registry import is_name
from archllm.study.kept_space import named_file
from archllm.study.result import Result, result
from archllm.study.store import Store, Study, Trial, open_existing
from archllm.study.store.opening import sqlite_file
from archllm.workflows.comparison_folder import is_comparison, read_comparison
from archllm.workflows.doctor import version
from archllm.workflows.options import ReportOptions
from archllm.workflows.population import known_population
from archllm.workflows.studies import chosen_study, space_of_study

STORE = "search.db"
"""Where a run folder keeps its trials."""

_TOLD = ("numpy", "torch", "transformers")  # whose versions a report names


@dataclass(frozen=True, eq=False)
class Report:
    """A report that was written."""

    path: Path
    """The file."""

    space: SearchSpace
    """The space."""

    search: SearchData | None
    """The search that it shows."""

    generator: GeneratorData | None
    """The generator that it shows."""

    others: tuple[str, ...] = ()
    """Further studies of the store, which it does not show."""

    comparison: Comparison | None = None
    """The comparison of search methods that it shows."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm report --json` prints."""
        found, best = self.search, self.search.result.best if self.search else None
        return {
            "out": str(self.path),
            "bytes": self.path.stat().st_size,
            "space": self.space.name,
            "study": found.study.name if found else None,
            "objectives": list(found.study.objectives) if found else [],
            "queries": len(found.over) if found else 0,
            "best": {"text": best.text, "values": list(best.values or ()), "test": best.evaluation.test}
            if best
            else None,
            "network": found.study.network if found else None,
            "reused": found.result.reused if found else 0,
            "random": found.random.how if found and found.random else None,
            "generator": self.generator is not None,
            "others": list(self.others),
            "comparison": self.comparison is not None,
        }


def report(run: str | Path | Result | ReportOptions, **settings: Any) -> Report:
    """Writes a page about a search, a generator, or both, or about a comparison of search methods.

    Args:
        run: run folder of a generator, with or without a search in it, the folder of a comparison, a store of trials,
            see `open_store`, or the result of a search; or all options at once.
        settings: further fields of `ReportOptions`: `study`, `out`, `space`.

    Example:
        >>> report("runs/mine", out="mine.html")  # doctest: +SKIP

    Raises:
        InvalidInput: the store is of no known kind, a run without a search is asked for a study, or the space is not
            known, or another one than that of the trials.
        RunFolderError: the run folder can't be used, or the file not be written.
        StoreError: there is no such store or study, or it can't be read.
        MissingExtra: a library for it is not installed.
    """
    if isinstance(run, Result):
        out = Path("report.html") if sqlite_file(run.store) is None or run.store == "memory" else None
        options = ReportOptions.given(None, {"run": run.store, "out": out} | settings)
        return _written(options, _Part(run, [], (), run.store), None)
    whole = run if isinstance(run, ReportOptions) else None
    options = ReportOptions.given(whole, settings if whole is not None else {"run": run} | settings)
    source, study = options.run, options.study
    there = local(source) if is_on_hub(source) else Path(source)
    folder = there if "://" not in str(source) and there.is_dir() else None
    if folder is not None and is_comparison(folder):
        return _of_comparison(options, folder)
    generator = None
    if folder is not None:
        from archllm.generation.generator import load

        generator = collect_generator(folder, load(folder))
        source = folder / STORE
        if not source.exists():
            if study is not None:
                raise InvalidInput(f"no search was made with {folder} yet: it holds no {STORE} to find {study!r} in")
            return _written(options, None, generator)
    with open_existing(source) as store:
        about = chosen_study(store, study)
        found = result(store, about.name)
        rivals = _random_studies(store, about)
        others = tuple(each.name for each in store.studies() if each.name != about.name)
        where = store.where
    return _written(options, _Part(found, rivals, others, where), generator)


def _of_comparison(options: ReportOptions, folder: Path) -> Report:
    """The page of a comparison."""
    found, searches, about, space = read_comparison(folder, options.space, _versions())
    path = options.out if options.out is not None else _default_out(folder)
    write_text(path, render_comparison(found, searches, about))
    return Report(path, space, None, None, comparison=found)


def _versions() -> dict[str, str]:
    versions = {"archllm": version("archllm") or "source", "python": platform.python_version()}
    return versions | {name: found for name in _TOLD if (found := version(name)) is not None}


@dataclass(frozen=True)
class _Part:
    """What a store holds of a search."""

    result: Result
    rivals: list[tuple[str, list[Trial]]]
    others: tuple[str, ...]
    where: str


def _written(options: ReportOptions, part: _Part | None, generator: GeneratorData | None) -> Report:
    path = options.out if options.out is not None else _default_out(options.run)
    versions = _versions()
    if part is None:
        assert generator is not None
        home = generator.model.space
        write_text(path, render(home, Origin(str(options.run), None, versions), generator=generator))
        return Report(path, home, None, generator)
    folder = Path(options.run) if generator is not None else None
    of_run = generator.model.space if generator is not None else None
    space = space_of_study(part.result.study, part.where, options.space, of_run)
    own = named_file(part.result.study) or space.name if folder is None else str(folder / SPACE_FILE)
    name = space.name if is_name(space.name) else str(options.space or own)
    population, missing = known_population(part.result.study, space)
    data = collect(part.result, population, part.rivals)
    origin = Origin(str(folder) if folder else None, part.where, versions, part.others, missing, name)
    write_text(path, render(space, origin, data, generator, population))
    return Report(path, space, data, generator, part.others)


def _default_out(run: str | Path) -> Path:
    """Beside what it is about, or here where nothing may be written there."""
    if is_on_hub(run):
        return Path("report.html")
    if "://" not in str(run) and Path(run).is_dir():
        beside = Path(run) / "report.html"
    else:
        file = sqlite_file(run)
        beside = Path("report.html") if file is None else file.with_suffix(".html")
    return beside if os.access(beside.absolute().parent, os.W_OK) else Path(beside.name)


def _random_studies(store: Store, about: Study) -> list[tuple[str, list[Trial]]]:
    """Random searches of the same store for the same thing."""

    def goal(study: Study) -> tuple[Any, ...]:
        return study.space, study.objectives, study.directions, study.settings.get("where")

    same = [study for study in store.studies() if study.method == "random" and goal(study) == goal(about)]
    return [(study.name, store.trials(study.name)) for study in same if study.name != about.name]
