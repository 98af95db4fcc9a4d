"""CIFAR-10, "python version": a folder of pickles, or the archive they come in (Krizhevsky, 2009)."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing
from archllm.objectives.images.images import Images
from archllm.unpickle import load_restricted

TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_LARGEST = 1 << 28  # bytes of one batch; real ones have 31 MB


def is_folder(path: Path) -> bool:
    """Whether a folder holds the batches."""
    return any((path / name).is_file() for name in (*TRAIN, TEST))


def load_folder(path: Path) -> Images:
    """Reads the batches of a folder, as data only.

    Raises:
        DataMissing: a batch is missing.
        DataError: a batch is damaged, holds code, or is not as CIFAR-10 writes it.
    """

    def content(name: str) -> bytes:
        if not (path / name).is_file():
            raise DataMissing(f"{path} has no file {name}")
        return (path / name).read_bytes()

    return _load(path, content)


def load_archive(path: Path) -> Images:
    """Reads the batches of `cifar-10-python.tar.gz` without unpacking it to disk; errors as `load_folder`."""
    batches: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if member.isfile() and name in (*TRAIN, TEST) and member.size <= _LARGEST:
                    file = archive.extractfile(member)
                    batches[name] = file.read() if file else b""
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is truncated or damaged: {error}") from error

    def content(name: str) -> bytes:
        if name not in batches:
            raise DataMissing(f"{path} holds no file {name}: it is not the python version of CIFAR-10")
        return batches[name]

    return _load(path, content)


def _load(path: Path, content: Callable[[str], bytes]) -> Images:
    parts = [_batch(content(name), f"{path}, {name}") for name in TRAIN]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    test_x, test_y = _batch(content(TEST), f"{path}, {TEST}")
    return Images(path.name, x, y, CLASSES, test_x, test_y)


def _batch(content: bytes, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    batch: Any = load_restricted(io.BytesIO(content), name, encoding="bytes")
    try:
        x, y = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{name} has no fields data and labels: it is not of CIFAR-10") from error
    if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != 3072 or y.shape != x.shape[:1] or y.dtype.kind != "i":
        raise DataError(f"{name}: expected n x 3072 bytes and n labels, found {x.dtype} {x.shape} and {y.shape}")
    if len(y) and not 0 <= y.min() <= y.max() < len(CLASSES):
        raise DataError(f"{name}: labels must be 0 to 9, found {y.min()} to {y.max()}")
    return x.reshape(-1, 3, 32, 32), y.astype(np.int64)
