"""Images in a NumPy archive."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, shown
from archllm.objectives.images.images import Images, channels_first, labelled
from archllm.objectives.unpacking import check_unpacked, reading

NAMES = ("x", "y", "x_test", "y_test")
"""Arrays that are looked at."""

ALWAYS_PLAUSIBLE = 64 << 20
"""Bytes that the arrays of any archive may have: pictures of few strokes pack well."""


def load_npz(path: Path) -> Images:
    """Reads `x` and `y`, and `x_test` and `y_test` if they are there.

    Raises:
        DataError: the file is damaged, an array is missing or holds objects, or images and labels do not fit.
    """
    arrays = _arrays(path)
    for name in ("x", "y"):
        if name not in arrays:
            raise DataError(f"{path} has no array {name!r}; images are expected as x, labels as y")
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError(f"{path} has one of x_test and y_test; both are needed, or none")
    x = channels_first(arrays["x"], f"{path}, x")
    if "x_test" not in arrays:
        y, classes = labelled(arrays["y"], f"{path}, y")
        return Images(str(path), x, y, classes)
    n = len(np.atleast_1d(arrays["y"]))
    for name in ("y", "y_test"):
        labelled(arrays[name], f"{path}, {name}")
    both = [arrays[name].reshape(-1) for name in ("y", "y_test")]
    if both[0].dtype.kind != both[1].dtype.kind and "U" in (both[0].dtype.kind, both[1].dtype.kind):
        raise DataError(f"{path}: labels are {both[0].dtype} in y and {both[1].dtype} in y_test; they must agree")
    y, classes = labelled(np.concatenate(both), f"{path}, y")
    return Images(str(path), x, y[:n], classes, channels_first(arrays["x_test"], f"{path}, x_test"), y[n:])


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with reading(path, "NumPy archive"), zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        there = {name: members[f"{name}.npy"] for name in NAMES if f"{name}.npy" in members}
        check_unpacked(path, sum(member.file_size for member in there.values()), ALWAYS_PLAUSIBLE)
        return {name: _array(archive, member, f"{path}, {name}") for name, member in there.items()}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> NDArray[Any]:
    """One array, of plain numbers or texts, whose member is exactly as long as its head says."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADS:
            raise DataError(f"{name} is no array: it is of the unknown version {version}")
        shape, by_column, dtype = _HEADS[version](file)
        if dtype.hasobject:
            raise DataError(
                f"{name}: it is an array of Python objects, which is not read as it could run code; save numbers or "
                "texts of one shape"
            )
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in "biufcSU" or not dtype.itemsize or size != member.file_size - file.tell():
            raise DataError(f"{name} is damaged: it does not hold {shown(shape)} of {shown(dtype)} as it says")
        content = bytearray(file.read(size + 1))  # one more, so that the archive's own checksum is compared
    if len(content) != size:
        raise DataError(f"{name} is truncated: it should hold {size:,} bytes, found {len(content):,}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")


_HEADS: dict[tuple[int, int], Callable[[Any], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
