"""The files of NAS-Bench-Graph, one pickle a data set, such as `cora.bench` (Qin et al., 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from archllm.errors import DataError, shown
from archllm.objectives.tables.table import Table, make_table
from archllm.objectives.unpacking import reading
from archllm.objectives.unpickle import load_restricted
from archllm.spaces import SearchSpace

LARGEST = 64 << 20
"""Most bytes of a file; those of the benchmark have 2 MB."""

MEANING = (
    "valid and test: accuracies in percent (proteins: area under the ROC curve), mean over the runs of each "
    "architecture; latency in seconds; params in millions"
)

FIELDS = {"valid_perf": ("valid", 100.0), "perf": ("test", 100.0), "latency": ("latency", 1.0), "para": ("params", 1.0)}
"""Names in the file -> columns, and what values are multiplied by."""

# A number stands for an architecture: one digit for what its layers read, one for the operation of each of the four.
_READ = (
    (0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2), (0, 0, 1, 3),
    (0, 1, 1, 1), (0, 1, 1, 2), (0, 1, 2, 2), (0, 1, 2, 3),
)  # fmt: skip
_OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")


def read_nasbench_graph(file: Path, space: SearchSpace, about: dict[str, str]) -> Table:
    """Reads the file of one data set.

    Raises:
        DataError: it is damaged, holds code, or is not as the benchmark writes it.
    """
    with reading(file, "file that can be read"):
        size = file.stat().st_size
        content = file.read_bytes() if size <= LARGEST else b""
    if size > LARGEST:
        raise DataError(f"{file} has {size >> 20} MB, and files of NAS-Bench-Graph have at most {LARGEST >> 20}")
    found = load_restricted(content, str(file))
    if not isinstance(found, dict) or not found:
        raise DataError(f"{file} holds no dictionary of architectures: it is not of NAS-Bench-Graph")
    texts, rows = [], []
    for number, scores in found.items():
        try:
            texts.append(text_of(number))
            rows.append([_score(scores, name) for name in FIELDS])
        except ValueError as error:
            raise DataError(f"{file}, architecture {shown(number)}: {error}") from error
    values = np.array(rows)
    columns = {name: factor * values[:, at] for at, (name, factor) in enumerate(FIELDS.values())}
    numbers = list(found)
    return make_table(space, texts, columns, about | {"meaning": MEANING}, lambda row: f"architecture {numbers[row]}")


def text_of(number: Any) -> str:
    """The architecture that a number of the benchmark stands for.

    Raises:
        ValueError: it stands for none.

    Example:
        >>> text_of(51170)
        "Genotype(cell=[('gcn', 0), ('gcn', 1), ('fc', 1), ('gat', 1)], cell_concat=[2, 3, 4])"
    """
    if type(number) is not int or not 0 <= number < 10**5:
        raise ValueError("expected a number of at most five digits")
    read, *operations = map(int, f"{number:05}")
    if read >= len(_READ) or max(operations) >= len(_OPERATIONS):
        raise ValueError("one of its digits stands for nothing")
    layers = list(zip((_OPERATIONS[each] for each in operations), _READ[read], strict=True))
    last = [node for node in range(1, 5) if node not in _READ[read]]
    return f"Genotype(cell={layers}, cell_concat={last})"


def _score(scores: Any, name: str) -> float:
    value = scores.get(name) if isinstance(scores, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"expected a number {name}, got {shown(value)}")
    if not np.isfinite(value):
        raise ValueError(f"{name} is {value}; a score must be finite")
    return float(value)
