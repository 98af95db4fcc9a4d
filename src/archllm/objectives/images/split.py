"""Training, validation and test images: who may see what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, shown
from archllm.objectives.images.images import Images


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint sets of images; every class is in each of them.

    Example:
        >>> from archllm.objectives.images import Images
        >>> x, y = np.zeros((40, 1, 8, 8), dtype=np.uint8), np.arange(40) % 2
        >>> split = split_images(Images("squares", x, y, ("black", "white")), 0.25, 0.25, seed=0)
        >>> len(split.train_x), len(split.valid_x), len(split.test_x)
        (22, 8, 10)
    """

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


LEAST_VALIDATION, LEAST_TEST = 500, 1_000
"""Images that are kept to measure on where only some are trained on: with fewer, scores say little (a standard error of
two points, and of one and a half)."""


def split_images(
    images: Images, validation_share: float, test_share: float, seed: int, most_images: int | None = None
) -> Split:
    """Splits class by class.

    Validation and test images are those of the source. Where it sets none aside for the test they are spread evenly
    over each class in the order of the source, and so the same for every seed; where it has none for validation they
    are drawn by the seed.

    Args:
        images: the images.
        validation_share: share of what is not test, where the source has no validation images.
        test_share: share that is set aside for the test, where the source sets none aside.
        seed: of the choice of validation images, and of the training images to keep.
        most_images: most training images to keep; each class keeps its share. Scoring a network should cost a part of
            its training, so no larger part of the others is kept, down to `LEAST_VALIDATION` and `LEAST_TEST` images.

    Raises:
        DataError: a class has too few images to be in all sets.
    """
    kept = [np.flatnonzero(images.y == label) for label in range(len(images.classes))]
    if images.test_x is not None and images.test_y is not None:
        test_x, test_y = images.test_x, images.test_y
    else:
        tests = [_spread(len(rows), _aside(images, rows, test_share, "test", left=2)) for rows in kept]
        test = _joined([rows[chosen] for rows, chosen in zip(kept, tests, strict=True)])
        kept = [np.delete(rows, chosen) for rows, chosen in zip(kept, tests, strict=True)]
        test_x, test_y = images.x[test], images.y[test]
    rng = np.random.default_rng(seed)
    if images.valid_x is not None and images.valid_y is not None:
        for rows in kept:
            if not len(rows):
                raise _too_few(images, rows, "to train on")
        valid_x, valid_y = images.valid_x, images.valid_y
        orders = [rng.permutation(rows) for rows in kept]
    else:
        counts = [_aside(images, rows, validation_share, "validation", left=1) for rows in kept]
        orders = [rng.permutation(rows) for rows in kept]
        valid = _joined([order[:count] for order, count in zip(orders, counts, strict=True)])
        orders = [order[count:] for order, count in zip(orders, counts, strict=True)]
        valid_x, valid_y = images.x[valid], images.y[valid]
    if most_images is not None:
        whole = sum(map(len, orders))
        orders = _thinned(images, orders, most_images)
        share = sum(map(len, orders)) / whole
        valid_x, valid_y = _fewer(valid_x, valid_y, max(LEAST_VALIDATION, round(share * len(valid_y))))
        test_x, test_y = _fewer(test_x, test_y, max(LEAST_TEST, round(share * len(test_y))))
    train = _joined(orders)
    return Split(images.x[train], images.y[train], valid_x, valid_y, test_x, test_y)


def _fewer(x: NDArray[Any], y: NDArray[np.int64], most: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """At most so many images, spread evenly over each class and so always the same ones."""
    if len(y) <= most:
        return x, y
    by_class = np.argsort(y, kind="stable")
    rows = np.sort(by_class[_spread(len(y), most)])
    return x[rows], y[rows]


def _aside(images: Images, rows: NDArray[np.int64], share: float, what: str, left: int) -> int:
    """How many images of a class to set aside: a share, at least one, and not those that must be left."""
    if len(rows) <= left:
        raise _too_few(images, rows, f"to set one aside for {what}")
    return min(max(1, round(share * len(rows))), len(rows) - left)


def _too_few(images: Images, rows: NDArray[np.int64], what: str) -> DataError:
    name = images.classes[images.y[rows[0]]] if len(rows) else _absent(images)
    return DataError(
        f"{images.name}: class {shown(name)} has too few images {what}; each class needs some for training, validation "
        "and test"
    )


def _absent(images: Images) -> str:
    """The first class that no image but a test image has."""
    return next(name for label, name in enumerate(images.classes) if not (images.y == label).any())


def _spread(n: int, count: int) -> NDArray[np.int64]:
    """`count` of `n` places, evenly spread."""
    return (2 * np.arange(count, dtype=np.int64) + 1) * n // (2 * count)


def _thinned(images: Images, rows: Sequence[NDArray[np.int64]], most: int) -> list[NDArray[np.int64]]:
    """At most so many rows in all: each class keeps its share, rounded down, and the rest goes to the largest rests."""
    if most < len(rows):
        raise DataError(f"{images.name} has {len(rows)} classes; most_images must be at least that, got {most}")
    sizes = np.array([len(own) for own in rows])
    if sizes.sum() <= most:
        return list(rows)
    exact = sizes * most / sizes.sum()
    counts = np.maximum(1, exact.astype(np.int64))
    while counts.sum() < most:
        counts[np.argmax(exact - counts)] += 1
    while counts.sum() > most:  # where small classes got the one image that they need
        counts[np.argmax(np.where(counts > 1, counts - exact, -np.inf))] -= 1
    return [own[:count] for own, count in zip(rows, counts, strict=True)]


def _joined(rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.sort(np.concatenate(rows))
