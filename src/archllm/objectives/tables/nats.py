"""The folder of NATS-Bench's topology space: one compressed pickle an architecture (Dong et al., 2021)."""

from __future__ import annotations

import bz2
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archllm.errors import DataError
from archllm.objectives.tables.nasbench201 import make_results_table
from archllm.objectives.tables.table import Progress, Table
from archllm.objectives.unpickle import load_restricted
from archllm.spaces import SearchSpace

LARGEST = 1 << 30
"""Most bytes that one result file may unpack to; real ones have 0.3 MB."""


def read_nats(folder: Path, space: SearchSpace, about: dict[str, str], progress: Progress | None = None) -> Table:
    """Reads the folder `NATS-tss-v1_0-3ffb9-simple`, or one with some of its files.

    Raises:
        DataError: a file is damaged, truncated, holds code, or lacks a field.
    """
    files = sorted(path for path in folder.glob("*.pickle.pbz2") if path.name.split(".")[0].isdecimal())
    if not files:
        raise DataError(f"{folder} holds no files such as 000000.pickle.pbz2; name the folder of the benchmark")

    def entries() -> Iterator[tuple[str, dict[Any, Any]]]:
        for number, file in enumerate(files, start=1):
            yield file.name, _unpacked(file)
            if progress is not None:
                progress(number, len(files))

    return make_results_table(entries(), space, about)


def _unpacked(file: Path) -> dict[Any, Any]:
    try:
        reader = bz2.BZ2Decompressor()
        content = reader.decompress(file.read_bytes(), LARGEST)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is damaged: {error}") from error
    if not reader.eof:
        raise DataError(f"{file} is truncated, or unpacks to more than {LARGEST >> 20} MB")
    entry = load_restricted(io.BytesIO(content), str(file))
    if not isinstance(entry, dict):
        raise DataError(f"{file}: expected results by training length, found {type(entry).__name__}")
    return entry
