"""CIFAR-10, "python version": a folder of pickles, or the archive they come in (Krizhevsky, 2009)."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing
from archllm.objectives.images.images import Images
from archllm.objectives.unpacking import Bounded, reading
from archllm.objectives.unpickle import load_restricted

TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
FOLDER = "cifar-10-batches-py"
"""Folder of the batches in the archive."""

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""Names of the labels 0 to 9, as in `batches.meta`."""

LARGEST = 40 << 20
"""Bytes that a batch may have; those of CIFAR-10 have 31 MB."""

LARGEST_ARCHIVE = 300 << 20
"""Bytes that an unpacked archive may have; that of CIFAR-10 has 186 MB."""

_MOST_STEPS = 500_000  # operations of a batch's pickle; those of CIFAR-10 have about 50,000


def is_folder(path: Path) -> bool:
    """Whether a folder holds the batches, or the folder that does."""
    return any((place / name).is_file() for place in (path, path / FOLDER) for name in (*TRAIN, TEST))


def load_folder(path: Path) -> Images:
    """Reads the batches of a folder, as data only.

    Raises:
        DataMissing: a batch is missing.
        DataError: a batch is damaged, holds code, or is not as CIFAR-10 writes it.
    """
    if not any((path / name).is_file() for name in (*TRAIN, TEST)):
        path = path / FOLDER
    batches = {}
    for name in (*TRAIN, TEST):
        if (path / name).is_file():
            with reading(path / name, "batch of CIFAR-10"), (path / name).open("rb") as file:
                batches[name] = file.read(LARGEST + 1)
    return _images(path, batches)


def load_archive(path: Path) -> Images:
    """Reads the batches of `cifar-10-python.tar.gz` without unpacking it to disk.

    Raises:
        DataMissing: a batch is missing.
        DataError: the archive or a batch is damaged, holds code, or is not as CIFAR-10 writes it.
    """
    batches = {}
    with reading(path, "tar archive"), path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        unpacked: Any = gzip.GzipFile(fileobj=file) if packed else file
        stream: Any = Bounded(unpacked, path, LARGEST_ARCHIVE)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isreg() or member.issparse() or name not in (*TRAIN, TEST):
                    continue
                if member.size > LARGEST:
                    raise DataError(f"{path}, {member.name} has {member.size:,} bytes: it is not of CIFAR-10")
                content = archive.extractfile(member)
                batches[name] = content.read() if content else b""
    return _images(path, batches)


def _images(path: Path, batches: dict[str, bytes]) -> Images:
    for name in (*TRAIN, TEST):
        if name not in batches:
            raise DataMissing(
                f"{path} has no file {name}; the python version of CIFAR-10 has {', '.join(TRAIN)}, {TEST}"
            )
    parts = [_batch(batches.pop(name), f"{path}, {name}") for name in TRAIN]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    test_x, test_y = _batch(batches.pop(TEST), f"{path}, {TEST}")
    return Images(str(path), x, y, CLASSES, test_x, test_y)


def _batch(content: bytes, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if len(content) > LARGEST:
        raise DataError(f"{name} has more than {LARGEST >> 20} MB: it is not of CIFAR-10")
    batch: Any = load_restricted(content, name, encoding="bytes", most_steps=_MOST_STEPS)
    if not isinstance(batch, dict) or b"data" not in batch or b"labels" not in batch:
        raise DataError(f"{name} is not a batch of CIFAR-10: a dictionary with data and labels is expected")
    x, labels = batch[b"data"], batch[b"labels"]
    if not isinstance(x, np.ndarray) or x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != 3 * 32 * 32:
        found = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        raise DataError(f"{name}: data must be n x 3072 bytes, found {found}")
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < len(CLASSES) for label in labels):
        raise DataError(f"{name}: labels must be a list of whole numbers from 0 to 9")
    if len(labels) != len(x):
        raise DataError(f"{name}: {len(x)} images but {len(labels)} labels")
    return x.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)
