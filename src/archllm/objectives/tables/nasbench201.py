"""Results of NAS-Bench-201 as its authors keep them -> a table (Dong & Yang, 2020; Dong et al., 2021).

Per architecture and training length they hold the curves of each data set and seed. Of those, a table keeps what was
reached after the last epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from archllm.errors import DataError
from archllm.objectives.tables.table import Table, make_table_of_graphs, parse_texts
from archllm.spaces import SearchSpace

DATASETS = {"cifar10-valid": "cifar10", "cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16"}
"""The benchmark's name of a data set -> ours."""

MEANING = (
    "accuracies in percent after the last epoch, mean over seeds; cifar10.valid is that of a training on half of the "
    "training images, cifar10.valid_run_test its test accuracy, cifar10.test that of a training on all of them; "
    "cifar100 and imagenet16 have valid and test of the same training; seconds are those of the training whose "
    "validation accuracy is given, with one evaluation; params and macs are those of the CIFAR-10 network"
)


def make_results_table(
    entries: Iterable[tuple[str, dict[Any, Any]]], space: SearchSpace, about: dict[str, str]
) -> Table:
    """The table of the benchmark's results.

    Args:
        entries: per architecture, where it stands and its results by training length.
        space: NAS-Bench-201.
        about: provenance.

    Raises:
        DataError: an entry lacks a field, has a score that is no number, or is not of the architecture it names.
    """
    texts: list[str] = []
    indices: list[int] = []
    places: list[str] = []
    columns: dict[str, list[float]] = {}
    seeds: dict[str, set[int]] = {}
    for place, entry in entries:
        try:
            first = next(iter(entry.values()))
            texts.append(str(first["arch_str"]))
            indices.append(int(first["arch_index"]))
            scores = _scores(entry)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, StopIteration) as error:
            raise DataError(f"{place} is not as the benchmark writes it: {type(error).__name__} {error}") from error
        for name, values in scores.items():
            mean = float(np.mean(values))
            if not math.isfinite(mean):
                raise DataError(f"{place}: {name} is {mean}; a score must be finite")
            column = columns.setdefault(name, [])
            column.extend([math.nan] * (len(places) - len(column)))  # earlier ones without it
            column.append(mean)
            seeds.setdefault(name, set()).add(len(values))
        places.append(place)
    for column in columns.values():
        column.extend([math.nan] * (len(places) - len(column)))
    graphs = parse_texts(space, texts, places.__getitem__)
    for place, index, key in zip(places, indices, space.keys(graphs), strict=True):
        if index != key:
            raise DataError(f"{place} is damaged: it names architecture {index}, and its text is that of {key}")
    counts = [f"{name} {_range(seeds[name])}" for name in sorted(columns) if name not in ("params", "macs")]
    about = about | {"meaning": MEANING, "seeds": ", ".join(counts)}
    arrays = {name: np.array(columns[name]) for name in sorted(columns)}
    return make_table_of_graphs(space, graphs, arrays, about, places.__getitem__)


def _scores(entry: dict[Any, Any]) -> dict[str, list[float]]:
    """The values of each column, one a seed."""
    found: dict[str, list[float]] = {}

    def add(column: str, value: Any) -> None:
        found.setdefault(column, []).append(float(value))

    for length in entry.values():
        for (dataset, _), result in length["all_results"].items():
            if dataset not in DATASETS:
                continue
            name, epochs = DATASETS[dataset], int(result["epochs"])
            accuracy, evaluations, last = result["eval_acc1es"], result["eval_names"], epochs - 1
            if name == "cifar10":
                add("params", round(float(result["params"]) * 1e6))
                add("macs", round(float(result["flop"]) * 1e6))
            if dataset == "cifar10":
                add(f"cifar10.test@{epochs}", accuracy[f"ori-test@{last}"])
                continue
            tested, test = ("valid_run_test", "ori-test") if dataset == "cifar10-valid" else ("test", "x-test")
            if test in evaluations:
                add(f"{name}.{tested}@{epochs}", accuracy[f"{test}@{last}"])
            add(f"{name}.valid@{epochs}", accuracy[f"x-valid@{last}"])
            seconds = sum(result["train_times"].values()) + result["eval_times"][f"x-valid@{last}"]
            add(f"{name}.seconds@{epochs}", seconds)
    return found


def _range(counts: set[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"
