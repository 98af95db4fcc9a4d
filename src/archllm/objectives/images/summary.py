"""Summary: what a set of labelled images holds, and what of it is doubtful."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from archllm.errors import shown
from archllm.objectives.images.images import Images
from archllm.objectives.images.reading import NAMED, Reading

UNBALANCED = 1 / 3
"""A class with fewer images than this share of the largest one's is worth a word."""


@dataclass(frozen=True)
class Duplicates:
    """Images with the same pixels, at the size at which they are read.

    Example:
        >>> Duplicates(("a/1.png", "b/9.png"), ("a", "b"), ("train",)).files
        ('a/1.png', 'b/9.png')
    """

    files: tuple[str, ...]
    """Which; `PART, image 3` where images are no files."""

    classes: tuple[str, ...]
    """The different classes that they are in."""

    parts: tuple[str, ...]
    """The different parts that they are in."""


@dataclass(frozen=True)
class Summary:
    """Classes, counts, sizes, and what is wrong with a set of images.

    Example:
        >>> from archllm.objectives.images import load_images
        >>> found = summarise(load_images("digits"))  # doctest: +SKIP
        >>> found.total, found.balance, found.between_classes  # doctest: +SKIP
        (1797, 0.95, ())
    """

    name: str
    """What the images are called in messages."""

    classes: tuple[str, ...]
    """Names of the classes."""

    counts: dict[str, tuple[int, ...]]
    """Images of each class, by part: `train` (all that no other part has), and the source's own parts."""

    shape: tuple[int, int, int]
    """Channels, height and width of all images as they were read."""

    duplicates: tuple[Duplicates, ...]
    """Groups of images that are the same."""

    reading: Reading | None
    """What became of the files, where each image was one: their sizes, damaged ones, those left out."""

    @property
    def total(self) -> int:
        """All images."""
        return sum(map(sum, self.counts.values()))

    @property
    def balance(self) -> float:
        """Images of the smallest class for each one of the largest, test and validation images aside."""
        return min(self.counts["train"]) / max(self.counts["train"])

    @property
    def between_classes(self) -> tuple[Duplicates, ...]:
        """The same image with different labels: one of them is wrong."""
        return tuple(group for group in self.duplicates if len(group.classes) > 1)

    @property
    def between_parts(self) -> tuple[Duplicates, ...]:
        """The same image in several parts of the source's own split: its test is too easy."""
        return tuple(group for group in self.duplicates if len(group.parts) > 1)

    @property
    def repeated(self) -> tuple[Duplicates, ...]:
        """The same image several times in one class and one part: a split may put copies on both of its sides."""
        return tuple(group for group in self.duplicates if len(group.classes) == 1 and len(group.parts) == 1)

    def lines(self) -> list[str]:
        """The summary in words, a line for each thing worth knowing."""
        channels, height, width = self.shape
        kind = "grey" if channels == 1 else "colour"
        parts = ", ".join(f"{sum(own):,} {part}" for part, own in self.counts.items())
        told = [
            f"{self.total:,} {kind} images in {len(self.classes)} classes, read as {width} x {height} pixels"
            + (f" ({parts})" if len(self.counts) > 1 else "")
        ]
        train = self.counts["train"]
        if self.balance < UNBALANCED:
            few, many = (self.classes[train.index(count)] for count in (min(train), max(train)))
            told.append(
                f"classes are not balanced: {min(train):,} images of {shown(few)}, {max(train):,} of {shown(many)}"
            )
        told += self.reading.lines() if self.reading is not None else []
        for groups, what in (
            (self.between_classes, "in several classes"),
            (self.between_parts, "in several parts of the split"),
            (self.repeated, "more than once in a class, so that the test may see what was trained on"),
        ):
            if groups:
                examples = "; ".join(" = ".join(map(repr, group.files[:NAMED])) for group in groups[:NAMED])
                more = f"; and {len(groups) - NAMED:,} more" if len(groups) > NAMED else ""
                told.append(f"{len(groups):,} image{'s' * (len(groups) > 1)} {what}: {examples}{more}")
        return told

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values; the files of good images are left out."""
        about = asdict(self)
        if self.reading is not None:
            about["reading"].pop("files")
        return about | {"total": self.total, "balance": self.balance}


def summarise(images: Images) -> Summary:
    """Counts images and finds those that are the same.

    Args:
        images: the images.
    """
    counts = {
        part: tuple(np.bincount(y, minlength=len(images.classes)).tolist()) for part, (_, y) in images.parts.items()
    }
    groups: defaultdict[bytes, list[tuple[str, int]]] = defaultdict(list)
    for part, (x, _) in images.parts.items():
        for row, image in enumerate(x):
            groups[blake2b(image.tobytes(), digest_size=16).digest()].append((part, row))
    same = [group for group in groups.values() if len(group) > 1]
    shape: tuple[int, int, int] = images.x.shape[1:]
    return Summary(
        images.name,
        images.classes,
        counts,
        shape,
        tuple(_duplicates(images, group) for group in same),
        images.reading,
    )


def _duplicates(images: Images, group: list[tuple[str, int]]) -> Duplicates:
    names = images.reading.files if images.reading is not None else {}
    files = tuple(names[part][row] if part in names else f"{part}, image {row}" for part, row in group)
    labels = sorted({int(images.parts[part][1][row]) for part, row in group})
    parts = tuple(part for part in images.parts if any(part == own for own, _ in group))
    return Duplicates(files, tuple(images.classes[label] for label in labels), parts)
