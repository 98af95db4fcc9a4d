"""The official result files of NAS-Bench-101, TFRecords of JSON with protocol buffers inside (Ying et al., 2019)."""

from __future__ import annotations

import base64
import json
import math
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.graphs import ABSENT, Graphs
from archllm.objectives.tables.table import Progress, Table, make_table_of_graphs
from archllm.objectives.tables.tfrecord import read_fields, read_records
from archllm.spaces import SearchSpace

MOST_HASHES = 5_000
"""Most architectures whose module hash is compared, spread evenly over the file: one takes a millisecond."""

MEANING = (
    "accuracies in percent at the end of training; seconds of the training, without evaluations; mean over the runs of "
    "each architecture; params are trainable parameters as the benchmark counted them"
)

_EVERY = 5_000  # records between two reports of the progress
_EVALUATION, _PARAMETERS = 1, 2  # fields of ModelMetrics
_EPOCH, _SECONDS, _VALID, _TEST = 1, 2, 4, 5  # fields of EvaluationData


def read_nasbench101(file: Path, space: SearchSpace, about: dict[str, str], progress: Progress | None = None) -> Table:
    """Reads `nasbench_full.tfrecord` or `nasbench_only108.tfrecord`.

    Raises:
        DataError: a record is damaged or truncated, or is not as the benchmark writes it; the message says which.
    """
    rows: dict[str, int] = {}  # by module hash
    cells: list[tuple[str, str]] = []
    columns: dict[str, _Means] = {}
    total = file.stat().st_size
    with file.open("rb") as stream:
        for number, content in enumerate(read_records(stream, file)):
            try:
                name, cell, scores = _record(content)
            except (ValueError, TypeError, LookupError, RecursionError) as error:
                raise DataError(f"{file}, record {number} is not as NAS-Bench-101 writes it: {error}") from error
            row = rows.setdefault(name, len(rows))
            if row == len(cells):
                cells.append(cell)
            if cells[row] != cell:
                raise DataError(f"{file}, record {number}: module {name} has another cell than before")
            for column, value in scores.items():
                columns.setdefault(column, _Means()).add(row, value)
            if progress is not None and number % _EVERY == 0:
                progress(stream.tell(), total)
    if progress is not None:
        progress(total, total)
    if not cells:
        raise DataError(f"{file} holds no records")
    names = list(rows)
    graphs = _graphs(cells, names, space, file)
    _check_hashes(graphs, names, space, file)
    values = {column: columns[column].values(len(cells)) for column in sorted(columns)}
    runs = ", ".join(f"{column} {columns[column].spread()}" for column in values if column != "params")
    about = about | {"meaning": MEANING, "seeds": runs}
    return make_table_of_graphs(space, graphs, values, about, lambda row: f"module {names[row]}")


class _Means:
    """Sums and counts that grow with the rows."""

    def __init__(self) -> None:
        self.sums, self.counts = array("d"), array("I")

    def add(self, row: int, value: float) -> None:
        missing = row + 1 - len(self.sums)
        if missing > 0:
            self.sums.extend([0.0] * missing)
            self.counts.extend([0] * missing)
        self.sums[row] += value
        self.counts[row] += 1

    def values(self, n: int) -> NDArray[np.float64]:
        """`n` means, NaN where there is nothing."""
        sums, counts = np.zeros(n), np.zeros(n)
        sums[: len(self.sums)], counts[: len(self.counts)] = self.sums, self.counts
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def spread(self) -> str:
        """How many values a mean is of."""
        low, high = min(filter(None, self.counts)), max(self.counts)
        return str(low) if low == high else f"{low} to {high}"


def _record(content: bytes) -> tuple[str, tuple[str, str], dict[str, float]]:
    """Module hash, matrix and operations, and the scores of one training."""
    name, epochs, matrix, operations, encoded = json.loads(content)
    if not all(isinstance(text, str) for text in (name, matrix, operations, encoded)) or type(epochs) is not int:
        raise ValueError("expected module hash, epochs, matrix, operations and metrics")
    return name, (matrix, operations), _scores(base64.b64decode(encoded, validate=True), epochs)


def _scores(message: bytes, epochs: int) -> dict[str, float]:
    """The figures at the end of one training; there are evaluations before it, too."""
    evaluations, parameters = [], None
    for number, value in read_fields(message):
        if number == _EVALUATION and isinstance(value, bytes):
            evaluations.append(dict(read_fields(value)))
        elif number == _PARAMETERS:
            parameters = value
    if not evaluations or not isinstance(parameters, int):
        raise ValueError("its metrics have no evaluation or no number of parameters")
    last = max(evaluations, key=lambda evaluation: _number(evaluation, _EPOCH))
    found = {
        f"cifar10.valid@{epochs}": 100 * _number(last, _VALID),
        f"cifar10.test@{epochs}": 100 * _number(last, _TEST),
        f"cifar10.seconds@{epochs}": _number(last, _SECONDS),
        "params": float(parameters),
    }
    for column, score in found.items():
        if not math.isfinite(score):
            raise ValueError(f"{column} is {score}; a score must be finite")
    return found


def _number(evaluation: dict[int, Any], field: int) -> float:
    value = evaluation.get(field)
    if not isinstance(value, float):
        raise ValueError(f"an evaluation has no number in field {field}")
    return value


def _graphs(cells: list[tuple[str, str]], names: list[str], space: SearchSpace, file: Path) -> Graphs:
    """The cells, as graphs that are members."""
    v = space.max_nodes
    labels = {name: label for label, name in enumerate(space.op_names)}
    ops = np.full((len(cells), v), ABSENT, dtype=np.int8)
    adjacency = np.zeros((len(cells), v, v), dtype=np.bool_)
    for row, (matrix, operations) in enumerate(cells):
        words = operations.split(",")
        used = len(words)
        if used > v or len(matrix) != used**2 or not set(matrix) <= {"0", "1"} or not labels.keys() >= set(words):
            raise DataError(f"{file}, module {names[row]}: {matrix!r} and {operations!r} do not describe a cell")
        ops[row, :used] = [labels[word] for word in words]
        adjacency[row, :used, :used] = np.frombuffer(matrix.encode(), np.uint8).reshape(used, used) == ord("1")
    graphs = Graphs(ops, adjacency)
    valid = space.validate(graphs)
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise DataError(f"{file}, module {names[row]}: not a member of {space.name}: {space.explain(graphs[row])}")
    return graphs


def _check_hashes(graphs: Graphs, names: list[str], space: SearchSpace, file: Path) -> None:
    """Compares the hashes that the file gives with those of its cells, on a part of a large file."""
    rows = np.arange(0, len(graphs), max(1, math.ceil(len(graphs) / MOST_HASHES)))
    normal = space.normalise(graphs[rows])
    for row, graph in zip(rows, normal, strict=True):
        if (own := space.official_hash(graph)) != names[row]:
            raise DataError(f"{file}: module {names[row]} has a cell whose hash is {own}: the file is damaged")
