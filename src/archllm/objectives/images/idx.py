"""MNIST and Fashion-MNIST: IDX files, gzipped or not (LeCun et al., 1998; Xiao et al., 2017)."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing
from archllm.objectives.images.images import Images

_PARTS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "t10k": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def is_folder(path: Path) -> bool:
    """Whether a folder holds IDX files."""
    return any(path.glob("*-idx[13]-ubyte*"))


def load_idx(path: Path) -> Images:
    """Reads the four files; the test files are the source's own test images.

    Raises:
        DataMissing: one of the files is missing.
        DataError: one is truncated or damaged, or images and labels do not fit.
    """
    x, y = (_read(path, name) for name in _PARTS["train"])
    test_x, test_y = (_read(path, name) for name in _PARTS["t10k"])
    if len(test_x) != len(test_y):
        raise DataError(f"{path}: {len(test_x)} test images but {len(test_y)} test labels")
    classes = tuple(str(label) for label in range(int(max(y.max(initial=0), test_y.max(initial=0))) + 1))
    return Images(path.name, x[:, None], y.astype(np.int64), classes, test_x[:, None], test_y.astype(np.int64))


def _read(folder: Path, name: str) -> NDArray[np.uint8]:
    """One array: two zero bytes, type 8 (bytes), the number of dimensions, the dimensions, the bytes."""
    found = [file for file in (folder / f"{name}.gz", folder / name) if file.is_file()]
    if not found:
        raise DataMissing(f"{folder} has no file {name}.gz")
    file = found[0]
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file} is truncated or damaged: {error}") from error
    dimensions = int(name.split("-idx")[1][0])
    if len(content) < 4 + 4 * dimensions or content[:4] != bytes([0, 0, 8, dimensions]):
        raise DataError(f"{file} does not start as an IDX file of {dimensions} dimensions of bytes")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dimensions)
    if values.size != np.prod(shape, dtype=np.int64):
        raise DataError(f"{file} should hold {np.prod(shape, dtype=np.int64)} bytes, holds {values.size}")
    return values.reshape(shape)
