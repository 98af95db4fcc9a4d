"""MNIST, Fashion-MNIST and their like: IDX files, gzipped or not (LeCun et al., 1998; Xiao et al., 2017)."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing
from archllm.objectives.images.images import Images, labelled
from archllm.objectives.unpacking import check_unpacked, reading

TRAIN, TESTS = "train", ("t10k", "test")
"""How the names of the files begin: MNIST calls its test files t10k, EMNIST test."""

IMAGES, LABELS = ("images-idx3-ubyte", "images.idx3-ubyte"), ("labels-idx1-ubyte", "labels.idx1-ubyte")
"""How they go on."""


def is_idx(path: Path) -> bool:
    """Whether a folder holds IDX files, or some begin with the path, as in `emnist/emnist-letters-`."""
    return _found(path, TRAIN, IMAGES) is not None or _found(path, TRAIN, LABELS) is not None


def load_idx(path: Path) -> Images:
    """Reads training images and labels, and test images and labels if they are there.

    Args:
        path: the folder, or a path that the files begin with.

    Raises:
        DataMissing: one of the files is missing.
        DataError: one is truncated or damaged, or images and labels do not fit.
    """
    x, y = (_read(_named(path, TRAIN, names), rank) for names, rank in ((IMAGES, 3), (LABELS, 1)))
    test = next((start for start in TESTS if _found(path, start, IMAGES) or _found(path, start, LABELS)), None)
    if test is None:
        indices, classes = labelled(y, str(path))
        return Images(str(path), x[:, None], indices, classes)
    test_x, test_y = (_read(_named(path, test, names), rank) for names, rank in ((IMAGES, 3), (LABELS, 1)))
    indices, classes = labelled(np.concatenate([y, test_y]), str(path))
    return Images(str(path), x[:, None], indices[: len(y)], classes, test_x[:, None], indices[len(y) :])


def _found(path: Path, start: str, names: tuple[str, ...]) -> Path | None:
    folder, prefix = (path, "") if path.is_dir() else (path.parent, path.name)
    candidates = (folder / f"{prefix}{start}-{name}{end}" for name in names for end in (".gz", ""))
    return next((file for file in candidates if file.is_file()), None)


def _named(path: Path, start: str, names: tuple[str, ...]) -> Path:
    file = _found(path, start, names)
    if file is None:
        raise DataMissing(f"{path} has no file {start}-{names[0]}.gz; images and labels are needed")
    return file


def _read(file: Path, rank: int) -> NDArray[np.uint8]:
    """One array: two zero bytes, type 8 (bytes), the number of dimensions, the dimensions, the bytes."""
    with reading(file, "IDX file"), file.open("rb") as opened:
        stream = gzip.GzipFile(fileobj=opened) if file.suffix == ".gz" else opened
        header: bytes = stream.read(4 + 4 * rank)
        expected = bytes([0, 0, 8, rank])
        if header[:4] != expected:
            raise DataError(
                f"{file} is no IDX file: it must begin with {expected.hex()}, found {header[:4].hex() or '-'}"
            )
        if len(header) < 4 + 4 * rank:
            raise DataError(f"{file} is truncated: it ends in its header")
        shape = struct.unpack_from(f">{rank}I", header, 4)
        size = math.prod(shape)
        if file.suffix == ".gz":
            check_unpacked(file, size)
        elif size > file.stat().st_size:
            raise DataError(f"{file} is truncated: it says that it holds {' x '.join(map(str, shape))} bytes")
        content: bytes = stream.read(size + 1)
    if len(content) != size:
        found = f"only {len(content):,}" if len(content) < size else "more"
        raise DataError(f"{file} is truncated or damaged: it should hold {size:,} bytes of data, found {found}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)
