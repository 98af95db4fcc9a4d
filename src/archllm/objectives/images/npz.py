"""Images in a NumPy archive."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images.images import Images, channels_first, labelled

NAMES = ("x", "y", "x_test", "y_test")
"""Arrays that are looked at."""


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
    arrays: dict[str, NDArray[Any]] = {}
    name = ""
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in NAMES:
                if name in archive.files:
                    arrays[name] = archive[name]
    except ValueError as error:
        if "allow_pickle" in str(error) and name:
            raise DataError(
                f"{path}, {name}: it is an array of Python objects, which is not read as it could run code; save "
                "numbers or texts of one shape"
            ) from error
        raise DataError(f"{path} is no NumPy archive or damaged: {error}") from error
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DataError(f"{path} is no NumPy archive or damaged: {error}") from error
    return arrays
