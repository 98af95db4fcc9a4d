"""Official result files of NAS-Bench-201: the NATS-Bench folder, and the single `.pth` file (Dong & Yang, 2020; 2021).

Both hold, per architecture and training length, the results of each data set and seed.
"""

from __future__ import annotations

import bz2
import io
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import DataError
from archllm.objectives.tables.table import Table, make_table
from archllm.spaces import SearchSpace
from archllm.unpickle import load_restricted

Progress = Callable[[int, int], None]

DATASETS = {"cifar10-valid": "cifar10", "cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16"}
"""The benchmark's name of a data set -> ours."""

MEANING = (
    "accuracies in percent after the last epoch, mean over seeds; cifar10.valid is that of a training on half of the "
    "training images, cifar10.valid_run_test its test accuracy, cifar10.test that of a training on all of them; "
    "seconds are those of the training whose validation accuracy is given, with one evaluation; params and macs are "
    "those of the CIFAR-10 network"
)

LARGEST = 1 << 30
"""Most bytes that one result file may unpack to."""


def read_nats(folder: Path, space: SearchSpace, about: dict[str, str], progress: Progress | None = None) -> Table:
    """Reads the folder `NATS-tss-v1_0-3ffb9-simple`, or one with some of its files.

    Raises:
        DataError: a file is damaged, truncated, holds code, or lacks a field.
    """
    files = sorted(path for path in folder.glob("*.pickle.pbz2") if path.name[0].isdigit())
    if not files:
        raise DataError(f"{folder} holds no files such as 000000.pickle.pbz2; name the folder of the benchmark")

    def entries() -> Iterator[tuple[str, dict[Any, Any]]]:
        for number, file in enumerate(files):
            if progress is not None:
                progress(number, len(files))
            yield file.name, _unpacked(file)

    return _table(entries(), space, about)


def read_pth(file: Path, space: SearchSpace, about: dict[str, str], progress: Progress | None = None) -> Table:
    """Reads the single file of the first release, such as `NAS-Bench-201-v1_1-096897.pth`.

    Raises:
        DataError: it is damaged, truncated, holds code, or lacks a field.
    """
    import torch

    plain = [np.dtype, np.ndarray, np.float64, np.dtypes.Float64DType, np.dtypes.Float32DType, np.dtypes.Int64DType]
    core = __import__("numpy._core.multiarray", fromlist=["scalar"])
    try:
        with torch.serialization.safe_globals([*plain, core.scalar, core._reconstruct]):
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).split("\n", 1)[0]
        raise DataError(f"{file} holds more than plain data: refused, nothing was executed ({reason})") from error
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise DataError(f"{file} is damaged or no file of torch: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict) or not isinstance(content.get("arch2infos"), dict):
        raise DataError(f"{file} has no field arch2infos: it is not the file of NAS-Bench-201")

    def entries() -> Iterator[tuple[str, dict[Any, Any]]]:
        infos = content["arch2infos"]
        for number, (index, entry) in enumerate(infos.items()):
            if progress is not None:
                progress(number, len(infos))
            yield f"{file.name}, architecture {index}", entry

    return _table(entries(), space, about)


def _unpacked(file: Path) -> dict[Any, Any]:
    try:
        reader = bz2.BZ2Decompressor()
        content = reader.decompress(file.read_bytes(), LARGEST)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{file} is damaged: {error}") from error
    if not reader.eof:
        raise DataError(f"{file} is truncated, or unpacks to more than {LARGEST >> 20} MB")
    entry = load_restricted(io.BytesIO(content), str(file))
    if not isinstance(entry, dict):
        raise DataError(f"{file}: expected results by training length, found {type(entry).__name__}")
    return entry


def _table(entries: Iterator[tuple[str, dict[Any, Any]]], space: SearchSpace, about: dict[str, str]) -> Table:
    texts: list[str] = []
    places: list[str] = []
    rows: list[dict[str, float]] = []
    for place, entry in entries:
        try:
            texts.append(str(next(iter(entry.values()))["arch_str"]))
            rows.append(_scores(entry))
        except (KeyError, TypeError, AttributeError, StopIteration, IndexError) as error:
            raise DataError(f"{place} is not as the benchmark writes it: {type(error).__name__} {error}") from error
        for name, value in rows[-1].items():
            if not math.isfinite(value):
                raise DataError(f"{place}: {name} is {value}; a score must be finite")
        places.append(place)
    names = sorted({name for row in rows for name in row})
    columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
    return make_table(space, texts, columns, about | {"meaning": MEANING}, places.__getitem__)


def _scores(entry: dict[Any, Any]) -> dict[str, float]:
    """Means over seeds of one architecture's results, by column."""
    found: dict[str, list[float]] = {}
    for length in entry.values():
        for (dataset, _), result in length["all_results"].items():
            if dataset not in DATASETS:
                continue
            name, epochs = DATASETS[dataset], int(result["epochs"])
            last = epochs - 1
            accuracy, times = result["eval_acc1es"], result["eval_times"]
            if dataset == "cifar10":
                found.setdefault(f"cifar10.test@{epochs}", []).append(float(accuracy[f"ori-test@{last}"]))
            else:
                tested = "valid_run_test" if dataset == "cifar10-valid" else "test"
                of_test = f"ori-test@{last}" if dataset == "cifar10-valid" else f"x-test@{last}"
                found.setdefault(f"{name}.valid@{epochs}", []).append(float(accuracy[f"x-valid@{last}"]))
                found.setdefault(f"{name}.{tested}@{epochs}", []).append(float(accuracy[of_test]))
                seconds = sum(result["train_times"].values()) + times[f"x-valid@{last}"]
                found.setdefault(f"{name}.seconds@{epochs}", []).append(float(seconds))
            if name == "cifar10":
                found.setdefault("params", []).append(round(float(result["params"]) * 1e6))
                found.setdefault("macs", []).append(round(float(result["flop"]) * 1e6))
    return {name: float(np.mean(values)) for name, values in found.items()}
