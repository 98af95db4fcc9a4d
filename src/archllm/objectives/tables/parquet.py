"""The Parquet file of a table: texts, values, provenance, and a checksum of all of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing, MissingExtra
from archllm.files import replacing
from archllm.objectives.tables.table import Table, make_table
from archllm.objectives.unpacking import check_unpacked, reading
from archllm.spaces import SearchSpace

ARCHITECTURE = "architecture"
"""Name of the column of texts."""

_PREFIX = "archllm."
_ALWAYS_ROWS, _ALWAYS_CELLS, _CELLS = 100_000, 1_000_000, 10  # rows and cells of a small file, and cells a byte


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
    """Writes a table as one file: a column of texts, those of the scores, and its provenance in the schema's metadata.

    Raises:
        RunFolderError: the file can't be written.
        MissingExtra: pyarrow is not installed.
    """
    pa = pyarrow()
    texts = [text or "" for text in space.format(table.graphs)]
    arrays = {ARCHITECTURE: pa.array(texts, pa.string())}
    for name, values in table.columns.items():
        arrays[name] = pa.array(values, mask=np.isnan(values))
    about = table.about | {"space": table.space}
    meta = about | {"checksum": _checksum(texts, table.columns, about)}
    content = pa.table(arrays).replace_schema_metadata({_PREFIX + name: text for name, text in meta.items()})
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
    about = read_about(path)
    checksum = about.pop("checksum", None)
    if checksum is None or "space" not in about:
        raise DataError(
            f"{path} was not written by archllm; make a table of it with `archllm data import {path} --as parquet`"
        )
    if about["space"] != space.name:
        raise DataError(f"{path} is a table of {about['space']}, not of {space.name}")
    file = opened(path)
    try:
        with reading(path, "Parquet file"):
            content = file.read(use_threads=False)
        texts = content.column(ARCHITECTURE).to_pylist()
        columns = {
            name: content.column(name).to_numpy().astype(np.float64)
            for name in content.column_names
            if name != ARCHITECTURE
        }
        found = _checksum(texts, columns, about)
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if found != checksum:
        raise DataError(f"{path} was changed after it was written: its checksum does not fit; import it again")
    return make_table(space, texts, columns, about, lambda row: f"{path.name}, row {row + 1}")


def read_about(path: Path) -> dict[str, str]:
    """What the file says of itself; nothing if it is not one of ours.

    Raises:
        DataError: it is damaged, or no Parquet file.
        MissingExtra: pyarrow is not installed.
    """
    pa = pyarrow()
    with reading(path, "Parquet file"):
        meta = pa.parquet.read_schema(path).metadata or {}
        return {
            key.decode().removeprefix(_PREFIX): value.decode()
            for key, value in meta.items()
            if key.startswith(_PREFIX.encode())
        }


def opened(path: Path) -> Any:
    """A Parquet file whose rows and columns are no more than its size allows; its texts are read as dictionaries.

    Raises:
        DataError: it is damaged, no Parquet file, or unpacks to more than data does.
        MissingExtra: pyarrow is not installed.
    """
    pa = pyarrow()
    with reading(path, "Parquet file"):
        names = [each.name for each in pa.parquet.read_schema(path) if _is_text(each.type)]
        file = pa.parquet.ParquetFile(path, read_dictionary=names)
        size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
        rows, cells = file.metadata.num_rows, file.metadata.num_rows * file.metadata.num_columns
    check_unpacked(path, size)
    packed = path.stat().st_size
    if rows > max(_ALWAYS_ROWS, packed) or cells > max(_ALWAYS_CELLS, _CELLS * packed):
        raise DataError(f"{path} has {packed:,} bytes and says that it has {rows:,} rows: that is no table")
    return file


def texts_of(file: Any, path: Path, heading: str) -> Any:
    """A column: a list of texts, an array of numbers and one of what is missing, or the name of another type.

    Raises:
        DataError: it is damaged.
    """
    kind = file.schema_arrow.field(heading).type
    pa = pyarrow()
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    with reading(path, "Parquet file"):
        if _is_text(kind):
            found: list[str | None] = []
            for chunk in file.read(columns=[heading], use_threads=False).column(heading).chunks:
                if not pa.types.is_dictionary(chunk.type):
                    chunk = chunk.dictionary_encode()
                words = chunk.dictionary.to_pylist()
                found += [None if at is None else words[at] for at in chunk.indices.to_pylist()]
            return found
        if plain:
            column = file.read(columns=[heading], use_threads=False).column(heading)
            values = column.cast(pa.float64(), safe=False).to_numpy()
            return np.asarray(values, dtype=np.float64), np.asarray(column.is_null().to_numpy(), dtype=np.bool_)
    return f"values of type {kind}"


def _is_text(kind: Any) -> bool:
    types = pyarrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _checksum(texts: list[str], columns: dict[str, NDArray[np.float64]], about: dict[str, str]) -> str:
    """Of everything that the file says, whatever the order of the columns and the layout of the file."""
    digest = hashlib.sha256(json.dumps([sorted(about.items()), sorted(columns)]).encode())
    digest.update("\n".join(texts).encode())
    for name in sorted(columns):
        values = np.where(np.isnan(columns[name]), np.nan, columns[name])  # one NaN for all that there are
        digest.update(values.astype("<f8").tobytes())
    return digest.hexdigest()
