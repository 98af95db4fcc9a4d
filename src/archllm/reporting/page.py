"""The report as one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np

from archllm.graphs import concatenate
from archllm.networks.setting import NetworkSetting
from archllm.objectives.evaluation import turned
from archllm.objectives.identity import without_direction
from archllm.reporting import panels
from archllm.reporting.generating import GeneratorData
from archllm.reporting.html import rendered
from archllm.reporting.network_words import FULL_SIZE, network_words
from archllm.reporting.panels import Panel
from archllm.reporting.provenance import Origin, provenance, study_setting
from archllm.reporting.searching import Population, SearchData
from archllm.reporting.words import duration, figure, measured, metric_words
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.registry import is_name
from archllm.study.store import Study, Trial, architecture_of

BEST = 6
"""Cells drawn for one objective; for several, as many of the front as twice that."""

SIZES = {"params": "parameters", "macs": "MACs"}
"""What is counted of every trial whose networks can be counted, and what it is called."""

MOST_ROWS = 2_000
"""Trials in the table, so that a browser can show it."""


def render(
    space: SearchSpace,
    origin: Origin,
    search: SearchData | None = None,
    generator: GeneratorData | None = None,
    population: Population | None = None,
) -> str:
    """The text of the HTML file.

    Args:
        space: the space.
        origin: where it all comes from.
        search: a search, if there is one.
        generator: a generator, if there is one.
        population: what the search could choose from, where all scores are known.

    Raises:
        MissingExtra: jinja2 is not installed.
        StoreError: a trial is not an architecture of the space.
    """
    context: dict[str, Any] = {
        "space": space,
        "origin": origin,
        "search": None if search is None else _search(space, origin.space or space.name, search, population),
        "generator": None if generator is None else _generator(generator),
        "provenance": provenance(space, origin, search, generator),
    }
    return rendered("report.html.j2", context)


def export_commands(arch: Architecture, space: str, setting: NetworkSetting | None = None) -> list[str]:
    """Commands that write the network of an architecture.

    Args:
        arch: the architecture.
        space: name or file of its space.
        setting: the network setting; by default that of the space's paper.
    """
    text, name = shlex.quote(arch.text), shlex.quote(space)
    targets = (("python", "best.py"), ("onnx", "best.onnx"), ("torch", "best.pt2"))
    words = [shlex.quote(f"{field}={value}") for field, value in _unusual(setting).items()]
    network = f" --network {' '.join(words)}" if words else ""
    return [f"archllm export {text} --space {name} --to {to} --out {out}{network}" for to, out in targets]


def export_python(arch: Architecture, space: str, setting: NetworkSetting | None = None) -> str:
    """The same from Python."""
    options = ", ".join(f"{name}={value!r}" for name, value in ({"num_classes": 10} | _unusual(setting)).items())
    return (
        "import archllm\n\n"
        f"space = archllm.load_space({space!r})\n"
        f"arch = space.parse({arch.text!r})\n"
        f"network = arch.build({options})  # a plain torch module, ready to train\n"
        f'arch.export("best.py", to="python", weights=network, {options})'
    )


def _unusual(setting: NetworkSetting | None) -> dict[str, Any]:
    """Fields of a network setting that are not as in the space's paper."""
    if setting is None:
        return {}
    usual = vars(type(setting)())
    return {name: value for name, value in vars(setting).items() if value != usual[name]}


def _search(space: SearchSpace, name: str, data: SearchData, population: Population | None) -> dict[str, Any]:
    result, study = data.result, data.study
    several = len(study.objectives) > 1
    front = distinct(result.front)
    chosen = _best(front, study)[: 2 * BEST] if several else _best(data.over, study)[:BEST]
    archs = _architectures(space, chosen)
    values = None if population is None else population.values
    setting = study_setting(space, study)
    params = _known_sizes(study, setting, chosen, archs, "params")
    sizes, rows = _rows(space, data, setting)
    winner = archs[0] if archs else None
    return {
        "data": data,
        "study": study,
        "best": result.best,
        "winner": winner,
        "front": len(result.front),
        "ties": len(result.front) - len(front),
        "cells": [
            {
                "arch": arch,
                "trial": trial,
                "svg": arch.svg(),
                "place": trial.place,
                "params": size,
            }
            for arch, trial, size in zip(archs, chosen, params, strict=True)
        ],
        "panels": _curves(data, values),
        "tiles": _tiles(data, winner),
        "rows": rows,
        "sizes": sizes,
        "network": _network(space, setting) if sizes or any(size is not None for size in params) else "",
        "total": len(result.trials),
        "costs": any(trial.evaluation.total_cost for trial in data.over),
        "exports": space.networks is not None and winner is not None,
        "commands": export_commands(winner, name, setting) if winner else [],
        "python": export_python(winner, name, setting) if winner else "",
    }


def _curves(data: SearchData, population: Any) -> list[Panel]:
    if data.result.best is None:
        return []
    return [panels.progress(data), *(panels.pareto(data, population) if len(data.study.objectives) > 1 else [])]


def _best(trials: Sequence[Trial], study: Study) -> list[Trial]:
    """Those with values, the best one by the first objective, and of equal ones by the next, first."""
    worst_first = [(turned(trial.values, study.directions), -trial.number, trial) for trial in trials if trial.values]
    return [trial for _, _, trial in sorted(worst_first, key=lambda each: each[:2], reverse=True)]


def distinct(front: Sequence[Trial]) -> list[Trial]:
    """One trial of those of a front with the same values: the first that was found."""
    found: dict[tuple[float, ...] | None, Trial] = {}
    for trial in sorted(front, key=lambda each: each.number):
        found.setdefault(trial.values, trial)
    return list(found.values())


def _network(space: SearchSpace, setting: NetworkSetting | None) -> str:
    """The network that sizes are of, as a sentence has it."""
    told = "" if setting is None else network_words(space, setting)
    return told if not told or told.startswith("the ") else f"the network with {told}"


def counted(space: SearchSpace, setting: NetworkSetting | None) -> bool:
    """Whether a report can count networks of a space: there are some, and no code of others is imported for it."""
    return space.networks is not None and not space.networks.counts_import(setting)


def _known_sizes(
    study: Study,
    setting: NetworkSetting | None,
    trials: Sequence[Trial],
    archs: Sequence[Architecture],
    name: str,
) -> list[int | None]:
    """One size of the networks of trials: counted, or as their training noted it where counting would import code."""
    if archs and counted(archs[0].space, setting):
        graphs = concatenate([arch.graph for arch in archs])
        found: list[int | None] = getattr(archs[0].space.require_networks(), name)(graphs, setting).tolist()
        return found
    trained = any(without_direction(spec).startswith("train:") for spec in study.objectives)
    noted = [trial.evaluation.metrics.get(name) if trained else None for trial in trials]
    return [None if value is None or not np.isfinite(value) else int(value) for value in noted]


def _tiles(data: SearchData, winner: Architecture | None) -> list[tuple[str, str, str]]:
    """Headline numbers: name, value, and a note on it."""
    best, study = data.result.best, data.study
    tiles: list[tuple[str, str, str]] = []
    if best is not None and winner is not None:
        for spec, value in zip(study.objectives, best.values or (), strict=True):
            tiles.append((measured(spec), figure(value), f"found by evaluation {best.place}" if not tiles else ""))
        tiles += [
            (metric_words(name, study.objectives), figure(value), "a test metric, not seen by the search")
            for name, value in best.evaluation.test.items()
        ]
    if data.measures_volume and len(data.curve):
        tiles.append(("hypervolume", figure(round(float(data.curve[-1]), 4)), "share of the box of all scores"))
    if data.random is not None and len(data.over) <= len(data.random.spread.mean):
        at = len(data.over) - 1
        mean, low, high = (float(part[at]) for part in vars(data.random.spread).values())
        if np.isfinite(mean):
            digits = 4 if data.measures_volume else 10
            told = (
                "one search"
                if data.random.single
                else f"quartiles {figure(round(low, digits))} to {figure(round(high, digits))}"
            )
            tiles.append(("random search, same budget", figure(round(mean, 4)), told))
    if data.optimum is not None:
        tiles.append(("optimum", figure(data.optimum), "in the whole table"))
    failed = f"{data.failed} failed" if data.failed else ""
    tiles.append(("evaluations", f"{len(data.over):,}", failed))
    if data.cost:
        tiles.append(("cost of evaluations", duration(data.cost), "as measured, or as the table says"))
    return tiles


def _params(space: SearchSpace, arch: Architecture) -> int | None:
    """Parameters of the default network of an architecture."""
    return arch.params if counted(space, None) else None


def _rows(
    space: SearchSpace, data: SearchData, setting: NetworkSetting | None
) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of the sizes that stand in the table of trials, those that are objectives apart, and its rows."""
    waiting = [trial for trial in data.result.trials if trial.place is None]
    trials = [*data.over, *waiting]
    if len(trials) > MOST_ROWS:
        kept = {trial.number for trial in data.result.front} | {
            trial.number for trial in _best(data.over, data.study)[:MOST_ROWS]
        }
        trials = [trial for trial in trials if trial.number in kept][:MOST_ROWS]
    archs = _architectures(space, trials)
    names = [name for name in SIZES if name not in data.study.objectives]
    columns = {name: _known_sizes(data.study, setting, trials, archs, name) for name in names}
    columns = {name: column for name, column in columns.items() if any(size is not None for size in column)}
    front = {trial.number for trial in data.result.front}
    rows = [
        {"trial": trial, "sizes": [column[row] for column in columns.values()], "front": trial.number in front}
        for row, trial in enumerate(trials)
    ]
    return [SIZES[name] for name in columns], rows


def _architectures(space: SearchSpace, trials: Sequence[Trial]) -> list[Architecture]:
    return [architecture_of(space, trial, "the store") for trial in trials]


def _generator(data: GeneratorData) -> dict[str, Any]:
    report, model = data.model.report, data.model
    return {
        "data": data,
        "cells": [
            {"arch": arch, "svg": arch.svg(), "new": new, "params": _params(model.space, arch)}
            for arch, new in zip(data.cells, data.new, strict=True)
        ],
        "sizes": FULL_SIZE if is_name(model.space.name) else "the default network of the space",
        "codebook": panels.codes(data.codebook, model.space) if data.codebook else None,
        "training": panels.training(data.training, data.validation, model.config.yardstick),
        "quality": data.quality,
        "tiles": [
            ("reconstruction", f"{report['reconstruction']:.2%}", "of held-out architectures, exact"),
            (
                "held-out nats",
                f"{report['held_out_nats']:.3f}",
                f"per architecture; {model.config.yardstick} {model.space.ideal_nats:.3f}",
            ),
            ("code", f"{model.tokenizer.length} × {model.tokenizer.codebook_size}", "positions × codes in use"),
            (
                "parameters",
                f"{sum(report['parameters'].values()):,}",
                f"tokenizer {report['parameters']['tokenizer']:,}, prior {report['parameters']['prior']:,}",
            ),
            ("training", duration(sum(report["seconds"].values())), "tokenizer and prior"),
        ]
        if {"reconstruction", "held_out_nats", "parameters", "seconds"} <= report.keys()
        else [],
    }
