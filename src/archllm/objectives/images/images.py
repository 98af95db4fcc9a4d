"""Images: a labelled set of images of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images.reading import Reading

CHANNELS = (1, 3)
"""Grey or colour."""


@dataclass(frozen=True, eq=False)
class Images:
    """`n` images with labels, and apart from them the test images that the source itself sets aside, if it does.

    Raises:
        DataError: there are no images or fewer than two classes, shapes or lengths do not fit, or a value is infinite
            or not a number.

    Example:
        >>> x = np.zeros((4, 1, 8, 8), dtype=np.uint8)
        >>> Images("squares", x, np.array([0, 1, 0, 1]), ("black", "white")).classes
        ('black', 'white')
    """

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

    valid_x: NDArray[Any] | None = None
    """The source's own validation images."""

    valid_y: NDArray[np.int64] | None = None
    """Their labels."""

    reading: Reading | None = None
    """What became of the files, where each image was one."""

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            found = f"only {self.classes[0]!r}" if self.classes else "none"
            raise DataError(f"{self.name}: at least 2 classes are needed to tell apart, found {found}")
        for part, (x, y) in self.parts.items():
            what = "images" if part == "train" else f"{part} images"
            self._check(what, x, y)
            if x.shape[1:] != self.x.shape[1:]:
                shapes = [" x ".join(map(str, each.shape[1:])) for each in (self.x, x)]
                raise DataError(f"{self.name}: images are {shapes[0]} and {what} {shapes[1]}; they must agree")

    def _check(self, what: str, x: NDArray[Any], y: NDArray[np.int64]) -> None:
        if x.ndim != 4 or 0 in x.shape:
            raise DataError(f"{self.name} holds no {what}: expected n x c x h x w, found shape {x.shape}")
        if x.shape[1] not in CHANNELS:
            raise DataError(f"{self.name}: {what} must have 1 or 3 channels, found {x.shape[1]}")
        if len(x) != len(y):
            raise DataError(f"{self.name}: {len(x)} {what} but {len(y)} labels")
        if x.dtype.kind == "f":
            bad = np.flatnonzero(~np.isfinite(x).all((1, 2, 3)))
            if len(bad):
                raise DataError(f"{self.name}: image {bad[0]} of the {what} holds values that are infinite or NaN")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def parts(self) -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
        """Images and labels: `train`, which is all that no other part has, and the source's `validation` and `test`."""
        parts = {"train": (self.x, self.y)}
        if self.valid_x is not None and self.valid_y is not None:
            parts["validation"] = self.valid_x, self.valid_y
        if self.test_x is not None and self.test_y is not None:
            parts["test"] = self.test_x, self.test_y
        return parts


def channels_first(x: NDArray[Any], name: str) -> NDArray[Any]:
    """Images as `n x c x h x w`, from `n x h x w`, `n x h x w x c` or `n x c x h x w`.

    Where both the second and the last length could be channels, the second is taken. Bytes stay bytes; other numbers
    become 32-bit floats.

    Raises:
        DataError: the array has another shape or type.
    """
    if x.dtype.kind not in "fui":
        raise DataError(f"{name}: images must be numbers, best bytes or floats, found {x.dtype}")
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in CHANNELS and x.shape[3] in CHANNELS:
        x = x.transpose(0, 3, 1, 2)
    if x.ndim != 4:
        raise DataError(f"{name}: images must be n x h x w, n x h x w x c or n x c x h x w, found shape {x.shape}")
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        return np.ascontiguousarray(x, dtype=np.uint8 if x.dtype == np.uint8 else np.float32)


def labelled(y: NDArray[Any], name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels as indices, and the names of the classes, in sorted order.

    Raises:
        DataError: they are no `n` (or `n x 1`) whole numbers or texts.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "iuU":
        raise DataError(f"{name}: labels must be n whole numbers or texts, found {y.dtype} of shape {y.shape}")
    classes, indices = np.unique(y, return_inverse=True)
    return indices.astype(np.int64), tuple(str(found) for found in classes)
