"""Results of NAS-Bench-201 as its authors keep them -> a table (Dong & Yang, 2020; Dong et al., 2021).

Per architecture and training length they hold the curves of each data set and seed. Of those, a table keeps what was
reached after the last epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from archllm.errors import DataError, shown
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


MOST_EPOCHS = 200
"""Of the longest trainings of the benchmark."""

_LONGEST = 200  # characters of an architecture's text


def make_results_table(entries: Iterable[tuple[str, Any]], space: SearchSpace, about: dict[str, str]) -> Table:
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
        if len(places) == space.size:
            raise DataError(f"{place} is one result too many: {space.name} has {space.size:,} architectures")
        try:
            first = _of(dict, next(iter(_of(dict, entry).values()), None))
            texts.append(_text(first["arch_str"]))
            indices.append(int(_number(first["arch_index"])))
            scores = _scores(entry)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
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

    def add(column: str, value: float) -> None:
        found.setdefault(column, []).append(value)

    for length in entry.values():
        for key, result in _of(dict, _of(dict, length)["all_results"]).items():
            dataset, _ = _of(tuple, key)
            if dataset not in DATASETS:
                continue
            name, epochs = DATASETS[dataset], _epochs(_of(dict, result)["epochs"])
            accuracy, evaluations, last = _of(dict, result["eval_acc1es"]), result["eval_names"], epochs - 1
            if name == "cifar10":
                add("params", round(_number(result["params"]) * 1e6))
                add("macs", round(_number(result["flop"]) * 1e6))
            if dataset == "cifar10":
                add(f"cifar10.test@{epochs}", _number(accuracy[f"ori-test@{last}"]))
                continue
            tested, test = ("valid_run_test", "ori-test") if dataset == "cifar10-valid" else ("test", "x-test")
            if test in _of(list, evaluations):
                add(f"{name}.{tested}@{epochs}", _number(accuracy[f"{test}@{last}"]))
            add(f"{name}.valid@{epochs}", _number(accuracy[f"x-valid@{last}"]))
            seconds = sum(map(_number, _of(dict, result["train_times"]).values()))
            add(f"{name}.seconds@{epochs}", seconds + _number(_of(dict, result["eval_times"])[f"x-valid@{last}"]))
    return found


def _of(kind: type, value: Any) -> Any:
    """The value, if it is of that type: what follows may then look into it without surprises."""
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} is expected, found {type(value).__name__}")
    return value


def _text(value: Any) -> str:
    if len(_of(str, value)) > _LONGEST:
        raise ValueError(f"an architecture's text of {len(value):,} characters")
    return str(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"a number is expected, found {shown(value)}")
    return float(value)


def _epochs(value: Any) -> int:
    epochs = int(_number(value))
    if not 1 <= epochs <= MOST_EPOCHS:
        raise ValueError(f"a training of {epochs} epochs")
    return epochs


def _range(counts: set[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"
