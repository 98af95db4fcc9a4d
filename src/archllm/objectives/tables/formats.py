"""Formats of table files -> tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from archllm.errors import DataMissing, InvalidInput
from archllm.objectives.tables.delimited import read_delimited
from archllm.objectives.tables.nasbench201 import Progress, read_nats, read_pth
from archllm.objectives.tables.table import Table
from archllm.objectives.tables.tfrecord import read_tfrecord
from archllm.spaces import SearchSpace

FORMATS = {
    "nats": "nasbench201",
    "nasbench201-pth": "nasbench201",
    "nasbench101-tfrecord": "nasbench101",
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
    progress: Progress | None = None,
) -> Table:
    """Reads a table file of any format.

    Args:
        path: the file, or the folder of NATS-Bench.
        form: one of `FORMATS`.
        space: the space of its architectures.
        arch_column: for CSV and Parquet, the column of architectures.
        metrics: for CSV and Parquet, the columns to keep.
        progress: told how much of how much is done.

    Raises:
        InvalidInput: there is no such format, or it is not one of this space or has no such options.
        DataMissing: there is no such file.
        DataError: the file can't be used.
    """
    if form not in FORMATS:
        raise InvalidInput(f"unknown table format {form!r}; known are {', '.join(FORMATS)}")
    if FORMATS[form] not in (None, space.name):
        raise InvalidInput(f"files of format {form} are of {FORMATS[form]}, not of {space.name}")
    if FORMATS[form] is not None and (arch_column or metrics):
        raise InvalidInput(f"format {form} has columns of its own; only csv and parquet take a choice of columns")
    if not path.exists():
        raise DataMissing(f"there is no file or folder {path}")
    if path.is_dir() != (form == "nats"):
        raise InvalidInput(f"format {form} is a {'folder' if form == 'nats' else 'file'}, and {path} is not one")
    about = {"source": path.name, "sha256": _sha256(path), "format": form, "imported": f"{datetime.now(UTC):%Y-%m-%d}"}
    if form == "nats":
        return read_nats(path, space, about, progress)
    if form == "nasbench201-pth":
        return read_pth(path, space, about, progress)
    if form == "nasbench101-tfrecord":
        return read_tfrecord(path, space, about, progress)
    return read_delimited(path, space, about, arch_column, metrics)


def _sha256(path: Path) -> str:
    """Checksum of a file, or of the files of a folder in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()
