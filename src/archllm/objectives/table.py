"""A benchmark's table as an objective: scores are looked up, and cost what they once cost."""

from __future__ import annotations

import os
import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing, EvaluationFailed, InvalidInput
from archllm.graphs import Graphs
from archllm.networks.setting import NetworkSetting
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Direction, Evaluation, sign
from archllm.objectives.identity import Identity, fingerprint
from archllm.objectives.tables.delimited import read_delimited
from archllm.objectives.tables.parquet import read_parquet
from archllm.objectives.tables.table import NAME, Table
from archllm.spaces import Architecture, SearchSpace

_BENCHMARKS = ("nasbench101", "nasbench201", "nats-size")
"""Spaces whose tables hold scores of the networks of their papers."""

_IMAGES: dict[str, dict[str, int]] = {
    "cifar10": {},
    "cifar100": {"num_classes": 100},
    "imagenet16": {"num_classes": 120, "image_size": 16},
}
"""What the images of a benchmark's data set mean for the networks, where they are not those of CIFAR-10."""

_FILES = (".parquet", ".csv.gz", ".csv")
_ENDINGS = (*_FILES, "_sample.csv.gz")
_TEST = re.compile(r"(?<![a-z])test|Test|TEST")  # not "latest"
_COSTS = frozenset({"params", "parameters", "macs", "flops", "latency", "seconds", "time", "energy", "memory", "size"})
_ERRORS = frozenset({"loss", "error", "err", "perplexity"})


class TableObjective(Objective):
    """The scores of one column of a table, as they stand there: accuracies of benchmarks in percent.

    Columns named after a cost (params, macs, latency, seconds, energy, size, …) or a loss or error are minimised,
    everything else is maximised.
    What an evaluation costs are the seconds of the same training where the table has them. Where it has those of longer
    trainings on the same data only, it is the share that so many epochs have of the shortest of them. Else it is 0, and
    `records_cost` is false: the CSV tables of NAS-Bench-201 have no seconds, those made of its official files do.

    Args:
        space: the space.
        table: the table.
        metric: a column such as `cifar10.valid@200`, or a data set such as `cifar10`, which stands for the validation
            score of its longest training. The test score at that length goes to `Evaluation.test`; for CIFAR-10 of
            NAS-Bench-201 it is that of the training on all images.
        spec: how the objective was written.

    Raises:
        DataError: the table is of another space, or has no such column; the message lists what it has.
        InvalidInput: the column holds test scores.
    """

    immediate = True

    def __init__(self, space: SearchSpace, table: Table, metric: str, spec: str | None = None) -> None:
        if table.space != space.name:
            raise DataError(f"this is a table of {table.space}, not of {space.name}")
        self.space, self.table = space, table
        self._path: Path | None = None
        self.column = _resolve(table, metric)
        self.spec: str = spec or f"table:{table.about.get('source', table.space)}/{metric}"
        self._scores = table.column(self.column)
        self._scored = ~np.isnan(self._scores)
        if not self._scored.any():
            raise DataError(f"column {self.column} of the table holds no score")
        self.direction: Literal["maximise", "minimise"] = _direction(self.column)
        self._tests = _tests(table, self.column)
        self._seconds, self._share = _seconds(table, self.column)
        self.records_cost = self._seconds is not None
        self._order = np.argsort(table.keys)
        self._sorted_keys = table.keys[self._order]

    @classmethod
    def of(cls, text: str, space: SearchSpace) -> TableObjective:
        """The objective that `NAME/METRIC` stands for; see `find_table` for NAME.

        Raises:
            InvalidInput: the text is not of that form.
            DataMissing: there is no such table.
            DataError: the table can't be used.
        """
        name, slash, metric = text.rpartition("/")
        if not slash or not name or not metric or metric.endswith(_FILES):
            raise InvalidInput(
                f"a table objective is written table:TABLE/METRIC, such as table:nasbench201/cifar10 or "
                f"table:folder/mine.csv/accuracy, got table:{text}"
            )
        return cls._read(find_table(name), space, metric, f"table:{text}")

    @classmethod
    def _read(cls, path: Path, space: SearchSpace, metric: str, spec: str) -> TableObjective:
        objective = cls(space, load_table(path, space), metric, spec)
        objective._path = path.absolute()
        return objective

    def __reduce_ex__(self, protocol: Any) -> Any:
        """One that was read from a file is pickled as the name of the file."""
        if self._path is None:
            return super().__reduce_ex__(protocol)
        kept = {"spec": self.spec, "direction": self.direction}
        return TableObjective._read, (self._path, self.space, self.column, self.spec), kept

    @property
    def network_setting(self) -> NetworkSetting | None:
        """That of the benchmark, for its data sets; nothing is known of the networks of other columns."""
        known = NAME.fullmatch(self.column)
        images = _IMAGES.get(known["dataset"]) if known else None
        if images is None or self.space.name not in _BENCHMARKS or self.space.networks is None:
            return None
        setting: NetworkSetting = self.space.networks.setting(**images)
        return setting

    @property
    def identity(self) -> Identity:
        return Identity.of(self.spec, {"column": self.column}, {"table": self._fingerprint}, self.network_setting)

    @cached_property
    def _fingerprint(self) -> str:
        """Of what it looks up; further columns of the table change nothing."""
        names = [self.column, *self._tests, *([self._seconds] if self._seconds else [])]
        columns = [part for name in names for part in (name, self.table.columns[name][self._order])]
        return fingerprint(self._sorted_keys, *columns)

    def lower_fidelities(self) -> tuple[str, ...]:
        """The same score after shorter trainings, where the table has it and was read from a file."""
        own = NAME.fullmatch(self.column)
        if own is None or self._path is None:
            return ()
        others = {}
        for name in self.table.columns:
            found = NAME.fullmatch(name)
            if found and all(found[part] == own[part] for part in ("dataset", "what")):
                others[int(found["epochs"])] = name
        table = self.spec.rpartition("/")[0]
        return tuple(f"{table}/{others[each]}" for each in sorted(others) if each < int(own["epochs"]))

    @property
    def optimum(self) -> float:
        """The best score in the table."""
        own = sign(self.direction)
        return own * float((own * self.values).max())

    @property
    def values(self) -> NDArray[np.float64]:
        """The scores of `architectures()`, in the same order."""
        return self._scores[self._scored]

    @property
    def seconds(self) -> float | None:
        """What all its scores have cost together; `None` where no cost is recorded."""
        if self._seconds is None:
            return None
        return self._share * float(np.nansum(self.table.columns[self._seconds][self._scored]))

    def pool(self) -> Graphs | None:
        return None if int(self._scored.sum()) == self.space.size else self.architectures()

    def architectures(self) -> Graphs:
        """All members that have a score: the closed pool that a search can choose from."""
        return self.table.graphs[self._scored]

    def _evaluate(self, arch: Architecture) -> Evaluation:
        at = int(np.searchsorted(self._sorted_keys, arch.key))
        if at == len(self._sorted_keys) or self._sorted_keys[at] != arch.key:
            raise EvaluationFailed("the architecture is not in the table")
        row = int(self._order[at])
        if not self._scored[row]:
            raise EvaluationFailed(f"the table has no {self.column} of the architecture")
        tests = {name: float(self.table.columns[name][row]) for name in self._tests}
        tests = {name: value for name, value in tests.items() if not np.isnan(value)}
        seconds = self._share * float(self.table.columns[self._seconds][row]) if self._seconds else 0.0
        return Evaluation(float(self._scores[row]), test=tests, cost=0.0 if np.isnan(seconds) else seconds)


def data_folder() -> Path:
    """Where imported tables go and are looked for: `$ARCHLLM_DATA`, or a folder of the user's own."""
    return Path(os.environ.get("ARCHLLM_DATA") or Path.home() / ".local" / "share" / "archllm")


def found_tables() -> list[Path]:
    """All table files of the data folder."""
    folder = data_folder()
    return [path for path in sorted(folder.iterdir()) if path.name.endswith(_ENDINGS)] if folder.is_dir() else []


def find_table(name: str) -> Path:
    """The file of a table: a path, or the name of one in the data folder.

    Raises:
        DataMissing: there is none; the message says where it was looked for.
    """
    if name.endswith(_FILES):
        path = Path(name).expanduser()
        if not path.is_file():
            raise DataMissing(f"there is no table {path}")
        return path
    for ending in _ENDINGS:
        if (data_folder() / f"{name}{ending}").is_file():
            return data_folder() / f"{name}{ending}"
    found = [str(path) for path in found_tables()]
    there = f"there are {', '.join(found)}" if found else "there are no tables at all"
    raise DataMissing(
        f"there is no table {name!r} in {data_folder()}; {there}; import one with `archllm data import`, or name "
        "the folder of your tables in ARCHLLM_DATA"
    )


def load_table(path: Path, space: SearchSpace) -> Table:
    """Reads a table that was imported, or a CSV file as it is.

    The last few are kept, as a search often asks for several columns of one.

    Raises:
        DataError: it can't be used.
    """
    try:
        about = path.stat()
    except OSError:
        return _read_table(path, space)  # which says what is wrong with it
    return _kept_table(path.absolute(), space, (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino))


@lru_cache(maxsize=4)
def _kept_table(path: Path, space: SearchSpace, state: tuple[int, ...]) -> Table:
    return _read_table(path, space)


def _read_table(path: Path, space: SearchSpace) -> Table:
    if path.suffix == ".parquet":
        return read_parquet(path, space)
    return read_delimited(path, space, {"source": path.name})


def _resolve(table: Table, metric: str) -> str:
    if metric not in table.columns:
        names = [name for name in table.columns if (found := NAME.fullmatch(name)) and found["dataset"] == metric]
        valid = [name for name in names if NAME.fullmatch(name)["what"] == "valid"]  # type: ignore[index]
        if not valid:
            raise DataError(table.without(f"column or data set {metric!r}", metric))
        metric = max(valid, key=lambda name: int(name.rsplit("@", 1)[1]))
    if _TEST.search(metric):
        raise InvalidInput(f"{metric} holds test scores, which no searcher may see; choose a validation column")
    return metric


def _direction(column: str) -> Direction:
    words = re.findall(r"[A-Za-z]+", column) + re.findall(r"[A-Z]?[a-z]+", column)  # FLOPs, valLoss
    return "minimise" if (_COSTS | _ERRORS) & {word.lower() for word in words} else "maximise"


def _tests(table: Table, column: str) -> list[str]:
    """The column of the test score of the same training, if there is one."""
    known = NAME.fullmatch(column)
    name = f"{known['dataset']}.test@{known['epochs']}" if known else "test" if column == "valid" else ""
    return [name] if name in table.columns else []


def _seconds(table: Table, column: str) -> tuple[str | None, float]:
    """The column of the seconds of the same training, or of the next longer one, and the share of it that counts."""
    wanted = NAME.fullmatch(column)
    if not wanted:
        return None, 0.0
    epochs, lengths = int(wanted["epochs"]), {}
    for name in table.columns:
        known = NAME.fullmatch(name)
        if known and known["dataset"] == wanted["dataset"] and known["what"] == "seconds":
            lengths[int(known["epochs"])] = name
    longer = [length for length in lengths if length >= epochs]
    return (lengths[min(longer)], epochs / min(longer)) if longer else (None, 0.0)
