"""The single file of NAS-Bench-201's first releases, such as `NAS-Bench-201-v1_1-096897.pth` (Dong & Yang, 2020).

It was saved by torch, but holds no tensors. Its pickle is read by `archllm.objectives.unpickle` rather than by torch:
it knows numpy's old names, and nothing is executed.
"""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from archllm.errors import DataError
from archllm.objectives.tables.nasbench201 import make_results_table
from archllm.objectives.tables.table import Progress, Table
from archllm.objectives.unpacking import reading
from archllm.objectives.unpickle import load_restricted, load_several
from archllm.spaces import SearchSpace

LARGEST = 4 << 30
"""Most bytes of the pickle; that of release 1.1 has 2.1 GB."""

_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file that torch saved before it took to zip archives


def read_pth(file: Path, space: SearchSpace, about: dict[str, str], progress: Progress | None = None) -> Table:
    """Reads the file; what it holds has to fit into memory as a whole, several times its size.

    Raises:
        DataError: it is damaged, truncated, holds code, or lacks a field.
    """
    content = _content(file)
    infos = content.get("arch2infos") if isinstance(content, dict) else None
    if not isinstance(infos, dict) or not infos:
        raise DataError(f"{file} has no field arch2infos with results: it is not the file of NAS-Bench-201")
    total = len(infos)

    def entries() -> Iterator[tuple[str, Any]]:
        for number, index in enumerate(sorted(infos, key=str), start=1):
            yield f"{file.name}, architecture {index}", infos[index]
            if progress is not None:
                progress(number, total)

    return make_results_table(entries(), space, about)


def _content(file: Path) -> Any:
    """What torch saved, without tensors."""
    with reading(file, "file of torch"), file.open("rb") as stream:
        zipped = stream.read(2) == b"PK"
        stream.seek(0)
        return _from_zip(stream, file) if zipped else _from_pickles(stream, file)


def _from_zip(stream: BinaryIO, file: Path) -> Any:
    """As torch saves since its release 1.6: an archive with one pickle, which is not compressed."""
    with zipfile.ZipFile(stream) as archive:
        members = [info for info in archive.infolist() if info.filename.rpartition("/")[2] == "data.pkl"]
        if len(members) != 1:
            raise DataError(f"{file} is an archive without one data.pkl: torch did not save it")
        member, size = members[0], file.stat().st_size
        if member.compress_type != zipfile.ZIP_STORED or member.file_size > size:
            raise DataError(f"{file} is damaged, or an archive that torch did not save: its data.pkl is compressed")
        _check_size(member.file_size, file)
        return load_restricted(archive.read(member), str(file))  # the archive's own checksum is compared first


def _from_pickles(stream: BinaryIO, file: Path) -> Any:
    """As torch saved earlier: a magic number, a version, facts of the machine, and the content."""
    _check_size(file.stat().st_size, file)
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        magic, _, _, found = load_several(content, str(file), 4)
    if type(magic) is not int or magic != _MAGIC:
        raise DataError(f"{file} does not begin as a file that torch saved")
    return found


def _check_size(size: int, file: Path) -> None:
    if size > LARGEST:
        raise DataError(f"{file} holds a pickle of {size >> 20} MB, more than the {LARGEST >> 20} MB that are read")
