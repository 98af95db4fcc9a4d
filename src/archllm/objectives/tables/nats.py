"""The folder of NATS-Bench's topology space: one compressed pickle an architecture (Dong et al., 2021)."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archllm.errors import DataError
from archllm.objectives.tables.nasbench201 import make_results_table
from archllm.objectives.tables.table import Progress, Table
from archllm.objectives.unpacking import reading
from archllm.objectives.unpickle import load_restricted
from archllm.spaces import SearchSpace

LARGEST = 4 << 20
"""Most bytes of a result file, and most that it may unpack to; real ones have 0.05 MB and 0.33 MB."""


def read_nats(folder: Path, space: SearchSpace, about: dict[str, str], progress: Progress | None = None) -> Table:
    """Reads the folder `NATS-tss-v1_0-3ffb9-simple`, or one with some of its files.

    Raises:
        DataError: a file is damaged, truncated, holds code, or lacks a field.
    """
    with reading(folder, "folder that can be read"):
        files = sorted(path for path in folder.glob("*.pickle.pbz2") if path.name.split(".")[0].isdecimal())
    if not files:
        raise DataError(f"{folder} holds no files such as 000000.pickle.pbz2; name the folder of the benchmark")

    def entries() -> Iterator[tuple[str, Any]]:
        for number, file in enumerate(files, start=1):
            yield file.name, load_restricted(_unpacked(file), str(file))
            if progress is not None:
                progress(number, len(files))

    return make_results_table(entries(), space, about)


def _unpacked(file: Path) -> bytes:
    reader = bz2.BZ2Decompressor()
    with reading(file, "bzip2 file"), file.open("rb") as stream:
        content = reader.decompress(stream.read(LARGEST), LARGEST)
    if not reader.eof:
        raise DataError(f"{file} is truncated, or unpacks to more than {LARGEST >> 20} MB")
    return content
