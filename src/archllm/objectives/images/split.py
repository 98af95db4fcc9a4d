"""Training, validation and test images: who may see what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images.images import Images

_TEST_SEED = 2_024
"""The test images of a source that sets none aside are always the same ones, whatever the seed of a search."""


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint sets of images."""

    train_x: NDArray[Any]
    """Images to train on, `n x c x h x w`."""

    train_y: NDArray[np.int64]
    """Their labels."""

    valid_x: NDArray[Any]
    """Images that the searcher's score is measured on."""

    valid_y: NDArray[np.int64]
    """Their labels."""

    test_x: NDArray[Any]
    """Images that no searcher sees."""

    test_y: NDArray[np.int64]
    """Their labels."""


def split_images(
    images: Images, validation_share: float, test_share: float, seed: int, most_images: int | None = None
) -> Split:
    """Splits class by class; test images that the source sets aside are kept as such.

    Args:
        images: the images.
        validation_share: share of what is not test.
        test_share: share that is set aside for the test, where the source sets none aside.
        seed: of the choice of validation images, and of the training images to keep.
        most_images: most training images to keep.

    Raises:
        DataError: a class has too few images to be in all sets.
    """
    rows = np.arange(len(images))
    if images.test_x is not None and images.test_y is not None:
        test_x, test_y = images.test_x, images.test_y
    else:
        rows, test = _take(images, rows, test_share, np.random.default_rng(_TEST_SEED), "test")
        test_x, test_y = images.x[test], images.y[test]
    rng = np.random.default_rng([seed, 7])
    train, valid = _take(images, rows, validation_share, rng, "validation")
    if most_images is not None and len(train) > most_images:
        _, train = _take(images, train, most_images / len(train), rng, "training")
    return Split(images.x[train], images.y[train], images.x[valid], images.y[valid], test_x, test_y)


def _take(
    images: Images, rows: NDArray[np.int64], share: float, rng: np.random.Generator, what: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that stay and rows that are taken, a share of each class but at least one."""
    stay, taken = [], []
    for label, name in enumerate(images.classes):
        own = rows[images.y[rows] == label]
        count = max(1, round(share * len(own)))
        if len(own) <= count and what != "training":
            raise DataError(
                f"{images.name}: class {name!r} has {len(own)} images, too few to set {count} aside for {what}"
            )
        order = rng.permutation(own)
        taken.append(order[:count])
        stay.append(order[count:])
    return np.sort(np.concatenate(stay)), np.sort(np.concatenate(taken))
