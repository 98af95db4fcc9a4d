"""Images in a NumPy archive."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images.images import Images, channels_first, labelled


def load_npz(path: Path) -> Images:
    """Reads `x` and `y`, and `x_test` and `y_test` if they are there.

    Raises:
        DataError: the file is damaged, an array is missing or holds objects, or images and labels do not fit.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} is damaged, or holds objects instead of numbers: {error}") from error
    for name in ("x", "y"):
        if name not in arrays:
            raise DataError(f"{path} has no array {name!r}; it has {', '.join(arrays) or 'none'}")
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError(f"{path} has one of x_test and y_test; both are needed, or none")
    labels = np.concatenate([arrays["y"], arrays["y_test"]]) if "y_test" in arrays else arrays["y"]
    y, classes = labelled(labels, f"{path}, y")
    n = len(arrays["y"])
    x = channels_first(arrays["x"], f"{path}, x")
    if "x_test" not in arrays:
        return Images(path.name, x, y, classes)
    test_x = channels_first(arrays["x_test"], f"{path}, x_test")
    if len(test_x) != len(y) - n:
        raise DataError(f"{path}: {len(test_x)} test images but {len(y) - n} test labels")
    return Images(path.name, x, y[:n], classes, test_x, y[n:])
