"""Training, validation and test images: who may see what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images.images import Images


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint sets of images; every class is in each of them."""

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
    """Splits class by class.

    Test images are those of the source. Where it sets none aside they are spread evenly over each class in the order
    of the source, and so the same for every seed.

    Args:
        images: the images.
        validation_share: share of what is not test.
        test_share: share that is set aside for the test, where the source sets none aside.
        seed: of the choice of validation images, and of the training images to keep.
        most_images: most training images to keep; each class keeps its share.

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
    counts = [_aside(images, rows, validation_share, "validation", left=1) for rows in kept]
    orders = [rng.permutation(rows) for rows in kept]
    valid = _joined([order[:count] for order, count in zip(orders, counts, strict=True)])
    orders = [order[count:] for order, count in zip(orders, counts, strict=True)]
    if most_images is not None:
        orders = _thinned(images, orders, most_images)
    train = _joined(orders)
    return Split(images.x[train], images.y[train], images.x[valid], images.y[valid], test_x, test_y)


def _aside(images: Images, rows: NDArray[np.int64], share: float, what: str, left: int) -> int:
    """How many images of a class to set aside: a share, at least one, and not those that must be left."""
    if len(rows) <= left:
        name = images.classes[images.y[rows[0]]] if len(rows) else _absent(images)
        raise DataError(
            f"{images.name}: class {name!r} has too few images to set one aside for {what}; each class needs some for "
            "training, validation and test"
        )
    return min(max(1, round(share * len(rows))), len(rows) - left)


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
