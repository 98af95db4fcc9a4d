"""Formats of table files -> tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from archllm.errors import DataMissing, InvalidInput
from archllm.objectives.tables.cells import headings_of
from archllm.objectives.tables.delimited import read_delimited
from archllm.objectives.tables.nasbench101 import read_nasbench101
from archllm.objectives.tables.nasbench_graph import read_nasbench_graph
from archllm.objectives.tables.nats import read_nats
from archllm.objectives.tables.parquet import read_about, read_parquet
from archllm.objectives.tables.pth import read_pth
from archllm.objectives.tables.shapes import recognise
from archllm.objectives.tables.table import Progress, Repeats, Table
from archllm.spaces import SearchSpace

FORMATS = {
    "nats": "nasbench201",
    "nasbench201-pth": "nasbench201",
    "nasbench101-tfrecord": "nasbench101",
    "nasbench-graph": "nasbench-graph",
    "csv": None,
    "parquet": None,
}
"""Name of a format -> the space it is of; `None` where the file may be of any."""


def import_table(
    path: Path,
    form: str,
    space: SearchSpace,
    *,
    arch_column: str | None = None,
    metrics: Sequence[str] = (),
    repeats: Repeats = "error",
    progress: Progress | None = None,
) -> Table:
    """Reads a table file of any format.

    Args:
        path: the file, or the folder of NATS-Bench.
        form: one of `FORMATS`.
        space: the space of its architectures.
        arch_column: for CSV and Parquet, the column of architectures.
        metrics: for CSV and Parquet, the columns to keep.
        repeats: for CSV and Parquet, what is kept of several scores of one architecture.
        progress: told how much of how much is done.

    Raises:
        InvalidInput: there is no such format, or it is not one of this space or has no such options.
        DataMissing: there is no such file.
        DataError: the file can't be used.
    """
    check_format(form)
    if FORMATS[form] not in (None, space.name):
        raise InvalidInput(f"files of format {form} are of {FORMATS[form]}, not of {space.name}")
    if FORMATS[form] is not None and (arch_column or metrics or repeats != "error"):
        raise InvalidInput(
            f"format {form} has columns of its own; only csv and parquet take a choice of columns and of repeats"
        )
    if not path.exists():
        raise DataMissing(f"there is no file or folder {path}")
    if path.is_dir() != (form == "nats"):
        raise InvalidInput(f"format {form} is a {'folder' if form == 'nats' else 'file'}, and {path} is not one")
    if form in ("csv", "parquet") and (path.suffix == ".parquet") != (form == "parquet"):
        raise InvalidInput(f"{path} is not a file of format {form} by its ending (.csv, .csv.gz or .parquet)")
    if form == "parquet" and "checksum" in read_about(path):
        table = read_parquet(path, space)  # whether or not it is whole
        if not arch_column and not metrics:
            return table
    about = {
        "source": path.name,
        "sha256": _sha256(path),
        "format": form,
        "imported": f"{datetime.now(UTC):%Y-%m-%d}",
        "archllm": _version(),
    }
    if form == "nats":
        return read_nats(path, space, about, progress)
    if form == "nasbench201-pth":
        return read_pth(path, space, about, progress)
    if form == "nasbench101-tfrecord":
        return read_nasbench101(path, space, about, progress)
    if form == "nasbench-graph":
        return read_nasbench_graph(path, space, about)
    return read_delimited(path, space, about, arch_column, metrics, repeats)


def check_format(form: str) -> None:
    """Makes sure that there is such a format.

    Raises:
        InvalidInput: there is none.
    """
    if form not in FORMATS:
        raise InvalidInput(f"unknown table format {form!r}; known are {', '.join(FORMATS)}")


def space_of(path: Path, form: str) -> str | None:
    """The space that a file is of, as far as its format or its headings tell.

    Raises:
        DataError: the file is damaged.
    """
    if FORMATS[form] is not None or not path.is_file():
        return FORMATS[form]
    if path.suffix == ".parquet":
        return read_about(path).get("space")
    shape = recognise(headings_of(path))
    return shape.space if shape is not None else None


def _sha256(path: Path) -> str:
    """Checksum of a file, or of the files of a folder in the order of their names."""
    if path.is_file():
        return _digest(path).hex()
    whole = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file():
            whole.update(_digest(file))
    return whole.hexdigest()


def _digest(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def _version() -> str:
    try:
        return metadata.version("archllm")
    except metadata.PackageNotFoundError:
        return "source"
