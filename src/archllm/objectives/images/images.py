"""Images: a labelled set of images of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError


@dataclass(frozen=True, eq=False)
class Images:
    """`n` images with labels, and apart from them the test images that the source itself sets aside, if it does."""

    name: str
    """What they are called in messages."""

    x: NDArray[Any]
    """`n x c x h x w`, bytes or 32-bit floats."""

    y: NDArray[np.int64]
    """`n` labels, indices into `classes`."""

    classes: tuple[str, ...]
    """Names of the classes."""

    test_x: NDArray[Any] | None = None
    """The source's own test images."""

    test_y: NDArray[np.int64] | None = None
    """Their labels."""

    def __post_init__(self) -> None:
        if self.x.ndim != 4 or len(self.x) == 0:
            raise DataError(f"{self.name} holds no images: expected n x c x h x w, found shape {self.x.shape}")
        if self.x.shape[1] not in (1, 3):
            raise DataError(f"{self.name}: images must have 1 or 3 channels, found {self.x.shape[1]}")
        if len(self.x) != len(self.y):
            raise DataError(f"{self.name}: {len(self.x)} images but {len(self.y)} labels")
        if self.x.dtype.kind == "f" and not np.isfinite(self.x).all():
            bad = int(np.flatnonzero(~np.isfinite(self.x).all((1, 2, 3)))[0])
            raise DataError(f"{self.name}: image {bad} holds values that are infinite or not a number")
        if len(self.classes) < 2:
            raise DataError(f"{self.name}: at least 2 classes are needed, found {len(self.classes)}")
        if self.test_x is not None and self.test_x.shape[1:] != self.x.shape[1:]:
            raise DataError(f"{self.name}: test images are {self.test_x.shape[1:]}, the others {self.x.shape[1:]}")

    def __len__(self) -> int:
        return len(self.x)


def channels_first(x: NDArray[Any], name: str) -> NDArray[Any]:
    """Images as `n x c x h x w`, from `n x h x w`, `n x h x w x c` or `n x c x h x w`.

    Raises:
        DataError: the array has another shape or type.
    """
    if x.dtype.kind not in "fu" and not (x.dtype.kind in "ib" and x.size and x.min() >= 0 and x.max() <= 255):
        raise DataError(f"{name}: images must be bytes or floats, found {x.dtype}")
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.transpose(0, 3, 1, 2)
    if x.ndim != 4:
        raise DataError(f"{name}: images must be n x h x w, n x h x w x c or n x c x h x w, found shape {x.shape}")
    return np.ascontiguousarray(x, dtype=np.float32 if x.dtype.kind == "f" or x.dtype.itemsize > 1 else np.uint8)


def labelled(y: NDArray[Any], name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels as indices, and the names of the classes, in sorted order.

    Raises:
        DataError: they are no whole numbers or texts.
    """
    if y.ndim != 1 or y.dtype.kind not in "iuUS":
        raise DataError(f"{name}: labels must be n whole numbers or texts, found {y.dtype} of shape {y.shape}")
    classes, indices = np.unique(y, return_inverse=True)
    return indices.astype(np.int64), tuple(str(found) for found in classes)
