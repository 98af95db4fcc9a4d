"""The Parquet file of a table: texts, values, provenance, and a checksum of all of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing, MissingExtra
from archllm.files import replacing
from archllm.objectives.tables.table import Table, make_table
from archllm.spaces import SearchSpace

ARCHITECTURE = "architecture"
"""Name of the column of texts."""

_PREFIX = "archllm."


def pyarrow() -> Any:
    """The library that reads and writes Parquet.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("reading and writing Parquet", "data") from error
    return pyarrow


def write_parquet(table: Table, space: SearchSpace, path: Path) -> None:
    """Writes a table as one file, with its provenance and a checksum.

    Raises:
        RunFolderError: the file can't be written.
        MissingExtra: pyarrow is not installed.
    """
    pa = pyarrow()
    texts = [text or "" for text in space.format(table.graphs)]
    arrays = {ARCHITECTURE: pa.array(texts)}
    for name, values in table.columns.items():
        arrays[name] = pa.array(values, mask=np.isnan(values))
    about = table.about | {"space": table.space, "checksum": _checksum(texts, table.columns)}
    content = pa.table(arrays).replace_schema_metadata({_PREFIX + name: text for name, text in about.items()})
    with replacing(path) as aside:
        pa.parquet.write_table(content, aside, compression="zstd")


def read_parquet(path: Path, space: SearchSpace) -> Table:
    """Reads a table that `write_parquet` wrote.

    Raises:
        DataMissing: there is no such file.
        DataError: it is damaged, of another space, or none of ours.
        MissingExtra: pyarrow is not installed.
    """
    pa = pyarrow()
    if not path.is_file():
        raise DataMissing(f"there is no table {path}")
    try:
        content = pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is damaged or no Parquet file: {error}") from error
    meta = {key.decode(): value.decode() for key, value in (content.schema.metadata or {}).items()}
    about = {name.removeprefix(_PREFIX): text for name, text in meta.items() if name.startswith(_PREFIX)}
    if "checksum" not in about or ARCHITECTURE not in content.column_names:
        raise DataError(f"{path} was not written by `archllm data import`; import it first (--as parquet)")
    if about["space"] != space.name:
        raise DataError(f"{path} is a table of {about['space']}, not of {space.name}")
    texts = content.column(ARCHITECTURE).to_pylist()
    columns = {
        name: content.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        for name in content.column_names
        if name != ARCHITECTURE
    }
    if _checksum(texts, columns) != about["checksum"]:
        raise DataError(f"{path} was changed after it was written: its checksum does not fit; import it again")
    return make_table(space, texts, columns, about, lambda row: f"{path.name}, row {row + 1}")


def _checksum(texts: list[str], columns: dict[str, NDArray[np.float64]]) -> str:
    digest = hashlib.sha256("\n".join(texts).encode())
    for name in sorted(columns):
        digest.update(name.encode() + b"\0" + np.nan_to_num(columns[name], nan=-1e300).tobytes())
    return digest.hexdigest()
